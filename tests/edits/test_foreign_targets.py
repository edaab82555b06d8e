"""SQL of other dialects written for PostgreSQL, MariaDB and DuckDB: the text, and the rows it gives."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.edits.trips import schema, script
from tests.golden import titled_pairs
from tests.servers.database import ServerDatabase

from share_sql.database.base import Database
from share_sql.database.open import open_database
from share_sql.edits.foreign import Translation, translations
from share_sql.errors import QueryError

GOLDEN = Path(__file__).with_name("golden")
TARGETS = ("postgres", "mysql", "duckdb")


@pytest.fixture(scope="module")
def postgres(postgres_database: ServerDatabase) -> Iterator[Database]:
    postgres_database.run(script("postgres"))
    with open_database(postgres_database.reader) as database:
        yield database


@pytest.fixture(scope="module")
def mysql(mysql_database: ServerDatabase) -> Iterator[Database]:
    mysql_database.run(script("mysql"))
    with open_database(mysql_database.reader) as database:
        yield database


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    driver = pytest.importorskip("duckdb")
    path = tmp_path_factory.mktemp("trips") / "trips.duckdb"
    with driver.connect(str(path)) as connection:
        connection.execute(script("duckdb"))
    with open_database(path) as database:
        yield database


def _rows(database: Database, sql: str) -> list[list[object]] | None:
    try:
        found = database.query(sql).rows
    except QueryError:
        return None
    return _sorted([_plain(value) for value in row] for row in found)


def _sorted(rows: Iterable[list[object]]) -> list[list[object]]:
    def place(value: object) -> str:
        try:
            return f"{float(str(value)):.4f}"
        except ValueError:
            return str(value)

    return sorted(rows, key=lambda row: [place(value) for value in row])


def _plain(value: object) -> object:
    """Numbers by value, dates by text."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | decimal.Decimal):
        return round(float(value), 4)
    if isinstance(value, datetime.date | datetime.time):
        value = str(value)
    return value.removesuffix(" 00:00:00") if isinstance(value, str) else value


def _same(one: object, other: object) -> bool:
    """Whether two values are the same; so are a number and its text, of which a column has one kind."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 0.0001 * max(1, abs(one))
    return str(one) == str(other)


def _first(database: Database, dialect: str, sql: str) -> tuple[Translation, list[list[object]]] | None:
    for translation in translations(sql, schema(dialect)):
        rows = _rows(database, translation.sql)
        if rows is not None:
            return translation, rows
    return None


def _cases() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for target in TARGETS:
        for title, pair in titled_pairs(GOLDEN / f"foreign_{target}.txt"):
            yield target, title, pair


@pytest.mark.parametrize(
    ("target", "pair"),
    [pytest.param(target, pair, id=f"{target}, {title}") for target, title, pair in _cases()],
)
def test_golden(target: str, pair: Mapping[str, str], request: pytest.FixtureRequest) -> None:
    found = _first(request.getfixturevalue(target), target, pair["foreign"])
    assert found is not None
    translation, rows = found
    assert translation.sql == pair[target]
    wanted = [[_plain(value) for value in row] for row in json.loads(pair["rows"])]
    assert len(rows) == len(wanted)
    for row, right in zip(rows, _sorted(wanted), strict=True):
        assert len(row) == len(right)
        assert all(map(_same, row, right)), f"{row} is not {right}"


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_has_many_pairs(target: str) -> None:
    assert len(titled_pairs(GOLDEN / f"foreign_{target}.txt")) >= 80


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "sql", ["SELECT guide INTO guides FROM trip", "DELETE FROM trip", "nothing at all", "SELECT 1; SELECT 2"]
)
def test_what_is_no_query_has_no_reading(target: str, sql: str) -> None:
    assert list(translations(sql, schema(target))) == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_text_of_the_databases_own_is_not_changed(target: str) -> None:
    sql = "SELECT guide, COUNT(*) FROM trip WHERE days > 2 GROUP BY guide ORDER BY guide"
    own = [each for each in translations(sql, schema(target), marked_only=True) if each.own]
    assert [each.sql for each in own] == []


def test_names_alone_are_no_sign_of_another_dialect(duckdb: Database) -> None:
    readers = {
        each.reader for each in translations("SELECT gide FROM trip", schema("mysql"), marked_only=True)
    }
    assert readers <= {"mysql"}
    first = next(translations("SELECT HomeTown FROM Guide", schema("postgres"), marked_only=True))
    assert first.sql == 'SELECT "HomeTown" FROM "Guide"'
    assert first.kind == "name-case"


@pytest.mark.parametrize(
    ("target", "sql", "message"),
    [
        ("postgres", "SELECT IIF(days > 2, 1, 0) FROM trip", "IIF of SQLite: written as the database has it"),
        ("mysql", "SELECT JULIANDAY(paid) FROM trip", "JULIANDAY of SQLite: written as the database has it"),
        (
            "duckdb",
            "SELECT `guide`, CURDATE() FROM `trip`",
            "CURDATE of MySQL: written as the database has it",
        ),
    ],
)
def test_a_message_names_what_is_written_otherwise(target: str, sql: str, message: str) -> None:
    assert next(translations(sql, schema(target))).message == message
