"""Hostile statements against PostgreSQL, MariaDB and DuckDB, as a reader and as one who may do anything."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from share_sql.database.base import Database, Limits, QueryResult
from share_sql.database.open import open_database
from share_sql.errors import DatabaseError

from .grounds import (
    PEOPLE,
    SECRET,
    Ground,
    Hostile,
    duckdb_ground,
    mysql_ground,
    postgres_ground,
    statements,
)

LIMITS = Limits(seconds=1.0)
OVERTIME = 1.0  # seconds
DIALECTS = ("postgres", "mysql", "duckdb")
STATEMENTS = [(dialect, hostile) for dialect in DIALECTS for hostile in statements(dialect)]
python_variable = [SECRET]


@dataclass(frozen=True)
class Outcome:
    """What one statement did as one role."""

    role: str
    hostile: Hostile
    result: QueryResult | DatabaseError
    seconds: float
    left: list[Any]
    """Queries that still ran on the server when its time was over."""
    before: Any
    after: Any
    afterwards: QueryResult


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not one of pytest's: a server's user must get into it."""
    folder = Path(tempfile.mkdtemp(prefix="share-hostile-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def grounds(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[dict[str, tuple[Ground, dict[str, Database]]]]:
    """By dialect, made when asked for: the ground, and the database opened as each role."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        class Made(dict[str, tuple[Ground, dict[str, Database]]]):
            def __missing__(self, dialect: str) -> tuple[Ground, dict[str, Database]]:
                place = folder / dialect
                place.mkdir()
                if dialect == "duckdb":
                    ground: Ground = stack.enter_context(duckdb_ground(place))
                elif dialect == "mysql":
                    ground = stack.enter_context(
                        mysql_ground(request.getfixturevalue("mysql_database"), place)
                    )
                else:
                    ground = stack.enter_context(
                        postgres_ground(request.getfixturevalue("postgres_database"), place)
                    )
                opened = {role: stack.enter_context(open_database(at)) for role, at in ground.places.items()}
                self[dialect] = ground, opened
                return self[dialect]

        yield Made()


@pytest.fixture(scope="module", params=STATEMENTS, ids=lambda each: f"{each[0]}: {each[1].title}")
def outcomes(
    request: pytest.FixtureRequest, grounds: dict[str, tuple[Ground, dict[str, Database]]]
) -> list[Outcome]:
    dialect, hostile = request.param
    ground, databases = grounds[dialect]
    os.environ["SHARE_TEST_SECRET"] = SECRET
    return [outcome(ground, role, database, hostile) for role, database in databases.items()]


def outcome(ground: Ground, role: str, database: Database, hostile: Hostile) -> Outcome:
    before = ground.files(), ground.state()
    database.query("SELECT 1")  # so that a connection is there: opening one is not the statement's time
    result: QueryResult | DatabaseError
    sql = hostile.sql(ground.names)
    for _ in range(3):  # a busy machine may hold one of them up
        began = time.monotonic()
        try:
            result = database.query(sql, LIMITS)
        except DatabaseError as error:
            result = error
        seconds = time.monotonic() - began
        while (left := ground.active()) and time.monotonic() - began < LIMITS.seconds + OVERTIME:
            time.sleep(0.02)
        if seconds < LIMITS.seconds + OVERTIME and not left:
            break
    after = ground.files(), ground.state()
    return Outcome(
        role, hostile, result, seconds, left, before, after, database.query("SELECT count(*) FROM person")
    )


def test_there_are_at_least_a_hundred_of_each() -> None:
    assert all(len({each.template for each in statements(dialect)}) > 100 for dialect in DIALECTS)


def test_changes_nothing(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert each.after == each.before, each.role


def test_reads_nothing_outside(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert SECRET not in repr(each.result)[:1_000_000], each.role
        assert "root:x:0" not in repr(each.result)[:1_000_000], each.role


def test_ends_near_its_deadline_on_both_sides(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert each.seconds < LIMITS.seconds + OVERTIME, each.role
        assert not each.left, each.role


def test_leaves_the_database_usable(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert each.afterwards.rows == ((PEOPLE,),), each.role


def test_tells_its_error_in_one_line(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert isinstance(each.result, QueryResult) or str(each.result).count("\n") == 0, each.role


def test_is_refused_or_allowed_as_its_section_says(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        if each.hostile.section.startswith("refused"):
            assert isinstance(each.result, DatabaseError), each.role
        if each.hostile.section.startswith("allowed"):
            assert isinstance(each.result, QueryResult), each.role
