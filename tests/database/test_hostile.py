"""Hostile statements against one read-only database; each test asserts one property of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from share_sql.database.base import Limits, QueryResult
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import QueryError

from .conftest import SECRET, Place

LIMITS = Limits(seconds=1.0)
OVERTIME = 1.0  # seconds


@dataclass(frozen=True)
class Hostile:
    title: str
    template: str
    section: str

    def sql(self, place: Place) -> str:
        names = {
            "$OUT": str(place.out),
            "$OTHER": str(place.other),
            "$SECRET": str(place.text),
            "$DIR": str(place.folder),
            "$NUL": "\0",
            "$NL": "\n",
        }
        sql = re.sub(r"\{\{(\d+)\|(.*?)\}\}", lambda match: match[2] * int(match[1]), self.template)
        return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], sql)


@dataclass(frozen=True)
class Outcome:
    hostile: Hostile
    result: QueryResult | QueryError
    seconds: float
    before: dict[str, bytes | None]
    after: dict[str, bytes | None]
    afterwards: QueryResult


def statements() -> list[Hostile]:
    found, section = [], ""
    for line in Path(__file__).with_name("hostile.txt").read_text(encoding="utf-8").split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            title, bar, template = line.partition(" | ")
            assert bar, line
            found.append(Hostile(title, template, section))
    return found


STATEMENTS = statements()


@pytest.fixture(scope="module")
def database(place: Place) -> Iterator[SqliteDatabase]:
    with SqliteDatabase(place.shop) as database:
        yield database


@pytest.fixture(scope="module", params=STATEMENTS, ids=lambda hostile: hostile.title)
def outcome(request: pytest.FixtureRequest, database: SqliteDatabase, place: Place) -> Outcome:
    hostile: Hostile = request.param
    before = place.snapshot()
    database.query("SELECT 1")  # so that a process is there: its start is not the statement's time
    result: QueryResult | QueryError
    for _ in range(3):  # a busy machine may hold one of them up
        began = time.monotonic()
        try:
            result = database.query(hostile.sql(place), LIMITS)
        except QueryError as error:
            result = error
        seconds = time.monotonic() - began
        if seconds < LIMITS.seconds + OVERTIME:
            break
    return Outcome(
        hostile, result, seconds, before, place.snapshot(), database.query("SELECT count(*) FROM person")
    )


def test_there_are_at_least_two_hundred() -> None:
    assert len({hostile.template for hostile in STATEMENTS}) >= 200


def test_changes_no_file(outcome: Outcome) -> None:
    assert outcome.after == outcome.before


def test_reads_no_other_file(outcome: Outcome) -> None:
    assert SECRET not in repr(outcome.result)[:1_000_000]


def test_ends_near_its_deadline(outcome: Outcome) -> None:
    assert outcome.seconds < LIMITS.seconds + OVERTIME


def test_leaves_the_database_usable(outcome: Outcome) -> None:
    assert outcome.afterwards.rows == ((3000,),)


def test_tells_its_error_in_one_line(outcome: Outcome) -> None:
    assert isinstance(outcome.result, QueryResult) or str(outcome.result).count("\n") == 0


@pytest.mark.parametrize(
    "outcome",
    [hostile for hostile in STATEMENTS if hostile.section.startswith("refused")],
    indirect=True,
    ids=lambda hostile: hostile.title,
)
def test_is_refused(outcome: Outcome) -> None:
    assert isinstance(outcome.result, QueryError)


@pytest.mark.parametrize(
    "outcome",
    [hostile for hostile in STATEMENTS if hostile.section.startswith("allowed")],
    indirect=True,
    ids=lambda hostile: hostile.title,
)
def test_is_allowed(outcome: Outcome) -> None:
    assert isinstance(outcome.result, QueryResult)
