from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.schema.conftest import Make

from share_sql.database.base import Limits, QueryResult
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import DatabaseUnreadable, QueryTimeout, SchemaError
from share_sql.schema import value_scan
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Column, ColumnName, ColumnSet, Schema, Table
from share_sql.schema.value_scan import ScannedColumn
from share_sql.schema.value_store import FileStore, MemoryStore, Store, write_store
from share_sql.schema.values import ValueIndex, default_cache

CITY = [
    *("Paris", "paris ", "New York", "NEW  YORK", "São Paulo", "U.S.A.", "NY", "X", "-", "", "Yorkshire"),
    *("東京", "Pariss", "Newark"),
]


def both() -> list[Store]:
    """The two kinds of store with the same content."""
    columns = [
        ScannedColumn("city", "name", CITY, True),
        ScannedColumn("city", "twin", ["Paris", "Lyon"], False),
        ScannedColumn("visit", "day", [], False),
        ScannedColumn("visit", "place", [f"Hotel number {at}" for at in range(3000)], True),
    ]
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    write_store(connection, columns)
    return [MemoryStore(columns), FileStore(connection)]


@pytest.fixture(params=[0, 1], ids=["memory", "file"])
def index(request: pytest.FixtureRequest) -> ValueIndex:
    return ValueIndex(both()[request.param])


def values(index: ValueIndex, text: str, *columns: str, limit: int = 10) -> list[str]:
    wanted = frozenset(ColumnName(*name.split(".")) for name in columns) if columns else None
    return [match.value for match in index.lookup(text, wanted, limit)]


def test_the_exact_spelling_comes_first_with_100(index: ValueIndex) -> None:
    first, second, *rest = index.lookup("Paris")
    assert (first.table, first.column, first.value, first.score) == ("city", "name", "Paris", 100.0)
    assert (second.column, second.value, second.score) == ("twin", "Paris", 100.0)
    assert [match.value for match in rest][:2] == ["paris ", "Pariss"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("new york", ["New York", "NEW  YORK"]),
        ("newyork", ["New York", "NEW  YORK"]),
        ("sao paulo", ["São Paulo"]),
        ("usa", ["U.S.A."]),
        ("ny", ["NY"]),
        ("x", ["X"]),
        ("-", ["-"]),
        ("", [""]),
        ("東京", ["東京"]),
        ("Pari", ["Paris", "Pariss"]),
        ("Nwe York", ["New York"]),
        ("hotel number 2718", ["Hotel number 2718"]),
        ("Hotel nmber 2718", ["Hotel number 2718"]),
    ],
)
def test_nearest_first(index: ValueIndex, text: str, found: list[str]) -> None:
    assert values(index, text, "city.name", "visit.place")[: len(found)] == found
    assert values(index, text)[0] == found[0]


@pytest.mark.parametrize("wanted", [None, frozenset({ColumnName("t", "a")})])
def test_the_exact_spelling_is_found_among_many_alike(wanted: ColumnSet | None) -> None:
    columns = [ScannedColumn("t", "a", [f"a{' ' * at}b" for at in range(100)], True)]
    with closing(sqlite3.connect(":memory:")) as connection:
        write_store(connection, columns)
        for index in (ValueIndex(MemoryStore(columns)), ValueIndex(FileStore(connection))):
            assert index.lookup(f"a{' ' * 90}b", wanted, 1)[0].value == f"a{' ' * 90}b"


def test_only_the_columns_asked_for(index: ValueIndex) -> None:
    assert values(index, "Paris", "city.twin") == ["Paris"]
    assert values(index, "paris", "CITY.Twin")[0] == "Paris"
    assert set(values(index, "paris", "city.*")) == {"Paris", "paris ", "Pariss"}
    assert values(index, "Paris", "visit.day", "no.such") == []
    assert index.lookup("Paris", frozenset()) == ()


def test_limit_and_nothing_near(index: ValueIndex) -> None:
    assert len(values(index, "Hotel number 1", limit=3)) == 3
    assert values(index, "Paris", limit=0) == []
    assert values(index, "qqqqqqqq") == []


@pytest.mark.parametrize(
    "text", ["\ud800", "a\x00b", "x" * 100_000, "'; DROP TABLE city --", '"%_*', "(" * 50]
)
def test_any_text_can_be_asked_for(index: ValueIndex, text: str) -> None:
    index.lookup(text)
    assert not index.holds("city", "name", text)


def test_holds_and_complete(index: ValueIndex) -> None:
    assert index.holds("CITY", "name", "NEW  YORK")
    assert not index.holds("city", "name", "New york")
    assert not index.holds("city", "twin", "Newark")
    assert not index.holds("nope", "name", "Paris")
    assert index.complete("City", "NAME")
    assert not index.complete("city", "twin")
    assert not index.complete("nope", "name")
    assert (index.size, len(index.columns())) == (len(CITY) + 3002, 3)


@given(st.lists(st.text(max_size=12), unique=True, max_size=30), st.text(max_size=12))
def test_both_stores_find_what_is_stored(stored: list[str], other: str) -> None:
    columns = [ScannedColumn("t", "a", stored[::2], True), ScannedColumn("t", "b", stored[1::2], True)]
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with closing(connection):
        write_store(connection, columns)
        for index in (ValueIndex(MemoryStore(columns)), ValueIndex(FileStore(connection))):
            for at, value in enumerate(stored):
                column = "ab"[at % 2]
                assert index.holds("t", column, value)
                best = index.lookup(value)[0]
                assert (best.column, best.value, best.score) == (column, value, 100.0)
            assert (index.holds("t", "a", other) or index.holds("t", "b", other)) == (other in stored)


# ------------------------------------------------------------------ building


SCRIPT = """
CREATE TABLE "my ""shop'" (name TEXT, note, code INT, photo BLOB, empty TEXT);
CREATE VIEW v AS SELECT name FROM "my ""shop'";
"""
NAME = "my \"shop'"


def test_what_is_indexed_and_complete(make: Make, tmp_path: Path) -> None:
    rows = [
        ("Ann", "x" * 201, 7, b"\x01", None),
        ("Ann", "short", "N/A", b"Ann", None),
        ("Bob", None, 8, None, None),
    ]
    database = make(SCRIPT, rows={'"my ""shop\'"': rows})
    with ValueIndex.open(database, introspect(database), tmp_path / "cache") as index:
        assert index.path is None
        assert index.size == 4
        assert [match.value for match in index.lookup("N/A")] == ["N/A"]
        assert index.holds(NAME, "note", "short")
        assert not index.holds(NAME, "note", "x" * 201)
        assert {name: index.complete(NAME, name) for name in ("name", "note", "code", "photo", "empty")} == {
            "name": True,
            "note": True,
            # Holds numbers too: SQLite may take '7' for one of them.
            "code": False,
            "photo": True,
            "empty": True,
        }
        assert not index.complete("v", "name")
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any database counts as large."""
    monkeypatch.setattr("share_sql.schema.value_scan.SMALL", 3)
    monkeypatch.setattr("share_sql.schema.values.SMALL", 3)


@pytest.fixture
def large(make: Make, few: None) -> SqliteDatabase:
    return make("CREATE TABLE t (name TEXT)", rows={"t": [(f"name {at}",) for at in range(50)]})


def test_a_large_index_is_a_file_used_again(large: SqliteDatabase, tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    schema = introspect(large)
    with ValueIndex.open(large, schema, cache) as index:
        assert index.path is not None
        assert index.path.parent == cache
        before = index.path.stat()
    with ValueIndex.open(large, schema, cache) as index:
        assert index.path is not None
        assert index.path.stat() == before
        assert values(index, "Name 41")[0] == "name 41"
    assert [path.name for path in cache.iterdir()] == [index.path.name]


def test_a_changed_database_gets_a_new_index(large: SqliteDatabase, tmp_path: Path) -> None:
    schema = introspect(large)
    ValueIndex.open(large, schema, tmp_path / "cache").close()
    with closing(sqlite3.connect(large.path)) as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(f"new {at}",) for at in range(5000)])
        connection.commit()
    with ValueIndex.open(large, schema, tmp_path / "cache") as index:
        assert index.holds("t", "name", "new 7")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "format"])
def test_a_damaged_file_is_built_anew(large: SqliteDatabase, tmp_path: Path, damage: str) -> None:
    schema = introspect(large)
    with ValueIndex.open(large, schema, tmp_path) as index:
        path = index.path
    assert path is not None
    content = path.read_bytes()
    if damage == "format":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE about SET format = 0")
            connection.commit()
    else:
        path.write_bytes(
            {"empty": b"", "text": b"no database" * 1000, "cut": content[: len(content) // 2]}[damage]
        )
    with ValueIndex.open(large, schema, tmp_path) as index:
        assert index.holds("t", "name", "name 7")


def test_damage_while_open_is_named_and_mended_by_opening_again(
    large: SqliteDatabase, tmp_path: Path
) -> None:
    schema = introspect(large)
    with ValueIndex.open(large, schema, tmp_path) as index:
        assert index.path is not None
        size = index.path.stat().st_size
        with index.path.open("r+b") as file:
            # The first pages, which tell the format and the columns, stay whole.
            file.seek(4 * 4096)
            file.write(b"\xff" * (size - 4 * 4096))
        with pytest.raises(DatabaseUnreadable, match="open it again"):
            index.lookup("name 7")
    with ValueIndex.open(large, schema, tmp_path) as index:
        assert index.holds("t", "name", "name 7")


def test_a_cache_that_cannot_be_written(
    large: SqliteDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with ValueIndex.open(large, introspect(large), tmp_path / "file" / "cache") as index:
        assert index.path is None
        assert index.holds("t", "name", "name 7")
    assert "kept in memory" in caplog.text


def test_a_failed_build_leaves_nothing_behind(
    large: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("share_sql.schema.values.write_store", fail)
    with pytest.raises(KeyboardInterrupt):
        ValueIndex.open(large, introspect(large), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_column_with_too_many_values_is_not_complete(
    large: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_scan, "MAX_VALUES", 49)
    with ValueIndex.open(large, introspect(large), tmp_path) as index:
        assert index.size == 49
        assert not index.complete("t", "name")


class Slow:
    """A database in which one column takes too long."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self.name, self.dialect, self.fingerprint = database.name, database.dialect, database.fingerprint

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        if '"slow"' in sql:
            raise QueryTimeout("stopped at its deadline")
        return self._database.query(sql, limits)


def test_a_column_that_takes_too_long_does_not_hide_the_others(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = make("CREATE TABLE t (slow TEXT, fast TEXT); INSERT INTO t VALUES ('a', 'b')")
    with ValueIndex.open(Slow(database), introspect(database), tmp_path) as index:  # type: ignore[arg-type]
        assert index.holds("t", "fast", "b")
        assert not index.complete("t", "slow")
    assert "t.slow are not indexed" in caplog.text


def test_a_column_that_the_database_has_not_gives_no_values(make: Make, tmp_path: Path) -> None:
    database = make("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x')")
    schema = Schema("t", (Table("t", (Column("a"), Column("gone"))),))
    with ValueIndex.open(database, schema, tmp_path) as index:
        assert index.columns() == {ColumnName("t", "a")}
        assert not index.complete("t", "gone")


def test_an_unknown_dialect_is_refused(make: Make, tmp_path: Path) -> None:
    database = make("CREATE TABLE t (a TEXT)")
    schema = introspect(database)
    database.dialect = "oracle"
    with pytest.raises(SchemaError, match="oracle"):
        ValueIndex.open(database, schema, tmp_path)


def test_default_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "share-sql" / "values"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / ".cache" / "share-sql" / "values"
