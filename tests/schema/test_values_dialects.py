"""The value index and the descriptions on PostgreSQL, MariaDB and DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import duckdb
import pytest
from tests.servers.database import ServerDatabase

from share_sql.database.base import Database
from share_sql.database.open import open_database
from share_sql.schema import value_scan
from share_sql.schema.describe import describe
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ColumnName, Schema
from share_sql.schema.value_few import FewColumns
from share_sql.schema.value_probe import with_unindexed
from share_sql.schema.values import ValueIndex

DIALECTS = ("postgres", "mysql", "duckdb")
TABLES = """
CREATE TABLE city (
    id int PRIMARY KEY, name varchar(300), code char(4), size {mood}, note text, day date,
    made timestamp NULL, price decimal(10,2), raw {blob}
);
INSERT INTO city VALUES
    (1, 'São Paulo', 'SP', 'big', 'it''s \\ %s', '2020-01-02', '2020-01-02 03:04:05', 1.5, NULL),
    (2, 'BONN', 'BN', 'small', 'x', '2021-01-02', NULL, 2, NULL),
    (3, 'Bonn', 'BN', 'small', NULL, '2022-01-02', NULL, 2.25, NULL),
    (4, {long}, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE nothing (a text);
CREATE VIEW big AS SELECT name FROM city;
"""


@pytest.fixture(scope="module", params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    long = "repeat('y', 201)"
    if request.param == "duckdb":
        path = tmp_path_factory.mktemp("duck") / "values.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TYPE mood AS ENUM ('small', 'big')")
            connection.execute(TABLES.format(mood="mood", blob="blob", long=long))
        where = str(path)
    else:
        server: ServerDatabase = request.getfixturevalue(f"{request.param}_database")
        mood, blob, before = (
            "enum('small','big')",
            "blob",
            "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');",
        )
        if request.param == "postgres":
            mood, blob, before = "mood", "bytea", "CREATE TYPE mood AS ENUM ('small', 'big');"
        server.run(before + TABLES.format(mood=mood, blob=blob, long=long) + "SELECT 1")
        where = server.reader
    with open_database(where) as opened:
        yield opened


def test_texts_of_text_columns_are_indexed(database: Database, tmp_path: Path) -> None:
    schema = introspect(database)
    with ValueIndex.open(database, schema, tmp_path) as index:
        assert index.columns() == {ColumnName("city", name) for name in ("name", "code", "size", "note")}
        for column, text in (("name", "São Paulo"), ("name", "BONN"), ("name", "Bonn"), ("code", "SP"),
                             ("size", "small"), ("note", "it's \\ %s")):  # fmt: skip
            assert index.holds("city", column, text), text
        assert not index.holds("city", "name", "bonn")
        assert not index.holds("city", "name", "y" * 201)
        assert index.complete("city", "name")
        assert index.complete("nothing", "a")
        assert not index.complete("city", "price")
        assert not index.complete("city", "day")
        assert index.partial(frozenset({ColumnName("city", "*")})) == frozenset()
        assert [match.value for match in index.lookup("sao paolo", limit=1)] == ["São Paulo"]


def test_a_large_index_of_any_dialect_is_a_file_that_is_used_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("value_scan", "values"):
        monkeypatch.setattr(f"share_sql.schema.{module}.SMALL", 1)
    schema = introspect(database)
    with (
        ValueIndex.open(database, schema, tmp_path) as built,
        ValueIndex.open(database, schema, tmp_path) as again,
    ):
        assert built.path == again.path is not None
        assert built.size == again.size == 9
        assert again.complete("city", "name")


def hay(database: Database) -> Schema:
    """The schema of this table alone; other tests' tables may lie beside it."""
    schema = introspect(database)
    return replace(schema, tables=tuple(table for table in schema.tables if table.name == "hay"))


def sampled(monkeypatch: pytest.MonkeyPatch, dialect: str, **changes: float) -> None:
    entry = replace(value_scan.TEXT_SQL[dialect], **changes)  # type: ignore[arg-type]
    monkeypatch.setattr(value_scan, "TEXT_SQL", MappingProxyType({dialect: entry}))


@pytest.fixture(scope="module", params=DIALECTS)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """60,000 rows of which the last alone holds "needle"."""
    rows = (
        "INSERT INTO hay SELECT concat('straw ', {0} % 50), {0} FROM {1};"
        "INSERT INTO hay VALUES ('needle', -1)"
    )
    if request.param == "duckdb":
        path = tmp_path_factory.mktemp("duck") / "large.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE hay (straw varchar(100), n int)")
            connection.execute(rows.format("range", "range(60000)"))
        where = str(path)
    else:
        server: ServerDatabase = request.getfixturevalue(f"{request.param}_database")
        server.run("CREATE TABLE hay (straw varchar(100), n int)")
        source = "generate_series(1, 60000) AS g" if request.param == "postgres" else "seq_1_to_60000"
        server.run(rows.format("g" if request.param == "postgres" else "seq", source))
        server.run("ANALYZE hay" if request.param == "postgres" else "ANALYZE TABLE hay")
        where = server.reader
    with open_database(where) as opened:
        yield opened


def test_a_large_table_is_sampled_and_says_so(
    large: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(monkeypatch, large.dialect, most_rows=5_000)
    schema = hay(large)
    name = ColumnName("hay", "straw")
    with ValueIndex.open(large, schema, tmp_path) as index:
        assert 0 < index.size <= 51
        assert index.partial(frozenset({name})) == {name}
        assert not index.complete("hay", "straw")
        found = index.lookup("needle", frozenset({name}), 3)
        # What is not in a sample is asked of the database.
        assert with_unindexed(large, schema, "needle", frozenset({name}), ())[0].value == "needle"
        assert with_unindexed(large, schema, "no'such\\", frozenset({name}), found) == found


def test_a_question_that_takes_too_long_leaves_nothing_known(large: Database) -> None:
    schema = introspect(large)
    gone = ColumnName("hay", "gone")
    matches = with_unindexed(large, schema, "needle", frozenset({ColumnName("hay", "straw")}), ())
    assert with_unindexed(large, schema, "needle", frozenset({gone}), matches) == ()


def test_the_time_for_all_columns_ends(
    large: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sampled(monkeypatch, large.dialect, seconds=0.0)
    name = ColumnName("hay", "straw")
    with ValueIndex.open(large, hay(large), tmp_path) as index:
        assert index.size == 0
        assert index.partial(frozenset({name})) == {name}
    assert "the time for it (0 s) was over" in caplog.text


def test_descriptions(database: Database) -> None:
    texts = {str(name): text for name, text in describe(database, introspect(database)).items()}
    assert (
        texts["city.id"]
        == "Whole number from 1 to 4, never NULL, different in every row; one of 1, 2, 3, 4. Primary key."
    )
    assert texts["city.day"].startswith("Date from '2020-01-02' to '2022-01-02', NULL in 25% of the rows")
    assert texts["city.made"] == "Date and time, NULL in 75% of the rows; always '2020-01-02 03:04:05'."
    assert texts["city.price"].startswith("Number from 1.5 to 2.25, NULL in 25% of the rows")
    assert texts["city.size"].startswith("Text, NULL in 25% of the rows; one of 'small', 'big'.")
    assert "BONN" in texts["city.name"]
    assert "Bonn" in texts["city.name"]
    assert texts["city.raw"] == "Always NULL."
    assert texts["nothing.a"] == "Not filled yet, the table has no rows."
    assert texts["big.name"].startswith("Text, never NULL")


def test_a_partitioned_table_is_as_large_as_its_parts(
    postgres_database: ServerDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_database.run(
        "CREATE TABLE log (day date, word text) PARTITION BY RANGE (day);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');"
        "CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');"
        "INSERT INTO log SELECT date '2020-01-01' + g % 60, 'w' || g % 5 FROM generate_series(1, 60000) AS g;"
        "CREATE TABLE hollow (word text) PARTITION BY LIST (word)"
    )
    with open_database(postgres_database.reader) as database:
        schema = introspect(database)
        only = replace(schema, tables=tuple(t for t in schema.tables if t.name in ("log", "hollow")))
        names = frozenset({ColumnName("log", "word"), ColumnName("hollow", "word")})
        with ValueIndex.open(database, only, tmp_path) as index:
            assert (index.size, index.partial(names)) == (5, frozenset())
        sampled(monkeypatch, "postgres", most_rows=5_000)
        with ValueIndex.open(database, only, tmp_path / "other") as index:
            assert index.partial(names) == {ColumnName("log", "word")}


def test_few_columns_of_a_large_schema_are_read_when_they_are_asked_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = introspect(database)
    assert not FewColumns.fits(database, schema)
    monkeypatch.setattr("share_sql.schema.value_few.MANY_COLUMNS", 1)
    assert FewColumns.fits(database, schema) == (database.dialect != "duckdb")
    asked: list[str] = []
    query = database.query
    monkeypatch.setattr(
        database, "query", lambda sql, limits=None: (asked.append(sql), query(sql, limits))[1]
    )
    few = FewColumns(database, schema)
    one, two = ColumnName("city", "name"), ColumnName("CITY", "code")
    index = few.index(frozenset({one}))
    assert index is not None
    assert [match.value for match in index.lookup("bonn", frozenset({one}), 2)] == ["BONN", "Bonn"]
    assert index.columns() == {one}
    assert index.complete("city", "name")
    before = len(asked)
    assert few.index(frozenset({one})) is index
    assert len(asked) == before
    both = few.index(frozenset({one, two, ColumnName("city", "gone"), ColumnName("gone", "x")}))
    assert both is not None
    assert both.columns() == {one, ColumnName("city", "code")}
    assert len(asked) == before + 1
    every = few.index(frozenset({ColumnName("city", "*")}))
    with ValueIndex.open(database, schema, tmp_path) as whole:
        assert every is not None
        assert every.columns() == whole.columns()
        assert every.lookup("sao paolo") == whole.lookup("sao paolo")
    monkeypatch.setattr("share_sql.schema.value_few.FEW_COLUMNS", 1)
    assert few.index(frozenset({one, two})) is None
