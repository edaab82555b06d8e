"""The language in PostgreSQL, MySQL and DuckDB: golden pairs, and that compiled SQL gives the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from share_sql import errors
from share_sql.database.base import Database, Row
from share_sql.database.open import open_database
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import diff
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.mask import mask
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write
from tests.servers.database import ServerDatabase
from tests.trajectory.goldens import Golden, goldens

FOLDER = Path(__file__).parent / "golden_dialects"
MYSQL_ONLY = "MySQL only: "
"""Before SQL that MariaDB, on which the tests run, does not take."""


Opened = tuple[Database, Schema]


def pairs(dialect: str) -> list[Golden]:
    return goldens(f"{dialect}.txt", FOLDER)


def script(dialect: str) -> str:
    return (FOLDER / f"{dialect}.sql").read_text("utf-8")


@pytest.fixture(scope="module")
def duckdb_opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path_factory.mktemp("golden") / "golden.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(script("duckdb"))
    with open_database(path) as database:
        yield database, introspect(database)


@pytest.fixture(scope="module")
def postgres_opened(postgres_database: ServerDatabase) -> Iterator[Opened]:
    postgres_database.run(script("postgres"))
    with open_database(postgres_database.owner) as database:
        yield database, introspect(database)


@pytest.fixture(scope="module")
def mysql_opened(mysql_database: ServerDatabase) -> Iterator[Opened]:
    mysql_database.run(script("mysql"))
    with open_database(mysql_database.reader) as database:
        yield database, introspect(database)


@pytest.mark.parametrize("golden", pairs("duckdb"), ids=lambda golden: golden.title)
def test_duckdb(golden: Golden, duckdb_opened: Opened) -> None:
    check(golden, duckdb_opened)


@pytest.mark.parametrize("golden", pairs("postgres"), ids=lambda golden: golden.title)
def test_postgres(golden: Golden, postgres_opened: Opened) -> None:
    check(golden, postgres_opened)


@pytest.mark.parametrize("golden", pairs("mysql"), ids=lambda golden: golden.title)
def test_mysql(golden: Golden, mysql_opened: Opened) -> None:
    check(golden, mysql_opened)


def check(golden: Golden, opened: Opened) -> None:
    """One pair: from SQL, written, read again, masked, compared with itself, compiled, run."""
    database, schema = opened
    sql = golden.title.removeprefix(MYSQL_ONLY)
    if golden.parts[0].startswith("! "):
        kind, _, message = golden.parts[0][2:].partition(": ")
        with pytest.raises(getattr(errors, kind)) as caught:
            from_sql(sql, schema)
        assert str(caught.value) == message
        return
    text, compiled = golden.parts
    trajectory = from_sql(sql, schema)
    assert write(trajectory) == text
    assert to_sql(trajectory, schema) == compiled
    again = read(text)
    assert again.trajectory.is_typed
    assert to_sql(again.trajectory, schema) == compiled
    assert diff(trajectory, trajectory) == ()
    assert not [node for node in mask(trajectory).walk() if isinstance(node, n.ColumnRef) and node.table]
    if sql == golden.title:
        assert bag(database.query(compiled).rows) == bag(database.query(sql).rows)


def bag(rows: tuple[Row, ...]) -> Counter[str]:
    """Rows without an order; a number is the same in whatever type it comes."""
    return Counter(repr(tuple(map(_number, row))) for row in rows)


def _number(value: object) -> object:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 6)
    return value
