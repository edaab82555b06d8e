"""DuckDB files: values, faults, threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from share_sql.database.base import Limits, Value
from share_sql.database.duckdb import DuckdbDatabase
from share_sql.database.open import open_database
from share_sql.errors import (
    DatabaseMissing,
    DatabaseUnreadable,
    QueryError,
    QueryTimeout,
    QueryTooLarge,
)

from .conftest import assert_many_threads_share

FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


def make(path: Path, people: int = 20) -> Path:
    with duckdb.connect(str(path)) as made:
        made.execute(
            "CREATE TABLE person AS SELECT range AS id, 'p' || range AS name FROM range(?)", [people]
        )
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "shop.duckdb")


@pytest.fixture
def database(path: Path) -> Iterator[DuckdbDatabase]:
    with DuckdbDatabase(path) as database:
        yield database


@pytest.mark.parametrize("form", ["{}", "duckdb:///{}"])
def test_a_path_or_url_opens_it(path: Path, form: str) -> None:
    with open_database(form.format(path)) as database:
        assert (database.dialect, database.name) == ("duckdb", "shop")
        assert database.query("SELECT count(*) FROM person").rows == ((20,),)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("NULL", None),
        ("1", 1),
        ("true", 1),
        ("12345678901234567890123::HUGEINT", 12345678901234567890123),
        ("1.50::DECIMAL(5, 2)", 1.5),
        ("3::DECIMAL(5, 0)", 3),
        ("1.5::FLOAT", 1.5),
        ("'a'", "a"),
        ("'a'::BLOB", b"a"),
        ("DATE '2020-01-02'", "2020-01-02"),
        ("TIMESTAMP '2020-01-02 03:04:05'", "2020-01-02 03:04:05"),
        ("TIME '03:04:05'", "03:04:05"),
        ("INTERVAL 3 DAY", "3 days"),
        ("INTERVAL 90 MINUTE", "01:30:00"),
        ("[1, NULL, 2]", "[1, NULL, 2]"),
        ("{'a': true}", "{a: true}"),
        ("'4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'::UUID", "4ac7a9e9-607c-4c8a-84f3-843f0191e3fd"),
        ("'{\"a\": 1}'::JSON", '{"a": 1}'),
        ("'a'::ENUM ('a', 'b')", "a"),
    ],
)
def test_values_are_what_a_reader_wants(database: DuckdbDatabase, sql: str, value: Value) -> None:
    found = database.query(f"SELECT {sql}").rows[0][0]
    assert (type(found), found) == (type(value), value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match="no file"):
        open_database(tmp_path / "none.duckdb")


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 20_000])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.duckdb"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnreadable, match=r"broken\.duckdb"):
        open_database(path)


def test_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").mkdir()
    with pytest.raises(DatabaseUnreadable, match="folder"):
        open_database(tmp_path / "x.duckdb")


def test_a_file_that_this_program_writes_is_named(path: Path) -> None:
    with duckdb.connect(str(path)), pytest.raises(DatabaseUnreadable, match="open for writing"):
        open_database(path)


def test_a_file_that_is_replaced_is_opened_anew(database: DuckdbDatabase, path: Path) -> None:
    before = database.fingerprint()
    database.query("SELECT 1")
    make(path.with_name("new.duckdb"), people=7).replace(path)
    assert database.query("SELECT count(*) FROM person").rows == ((7,),)
    assert database.fingerprint() != before


def test_a_query_ends_at_its_deadline_and_the_next_works(database: DuckdbDatabase) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout):
        database.query(FOREVER, Limits(seconds=0.3))
    assert time.monotonic() - began < 2
    assert database.query("SELECT 1").rows == ((1,),)


def test_rows_and_bytes_are_capped(database: DuckdbDatabase) -> None:
    result = database.query("SELECT * FROM range(1000000000)", Limits(rows=10))
    assert (len(result.rows), result.truncated) == (10, True)
    with pytest.raises(QueryTooLarge):
        database.query("SELECT repeat('x', 1000) FROM range(1000000000)", Limits(bytes=1_000_000))


def test_memory_is_capped(database: DuckdbDatabase) -> None:
    with pytest.raises(QueryTooLarge, match="memory"):
        database.query("SELECT list(range) FROM range(400000000)", Limits(seconds=60))


def test_an_error_is_one_line_without_the_query(database: DuckdbDatabase) -> None:
    with pytest.raises(QueryError, match="nope") as caught:
        database.query("SELECT nope FROM person")
    assert "LINE 1" not in str(caught.value)


def test_close_ends_a_query_under_way(path: Path) -> None:
    database = DuckdbDatabase(path)
    raised: list[Exception] = []

    def ask() -> None:
        try:
            database.query(FOREVER)
        except DatabaseUnreadable as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    database.close()
    thread.join(5)
    assert "closed" in str(raised[0])
    with pytest.raises(DatabaseUnreadable, match="closed"):
        database.query("SELECT 1")
    database.close()


def test_many_threads_share_one_database(database: DuckdbDatabase) -> None:
    assert_many_threads_share(database)


def test_nothing_of_one_query_is_left_for_the_next(database: DuckdbDatabase, path: Path) -> None:
    database.query("PIVOT person ON name USING count(*)")
    assert database.query("SELECT count(*) FROM duckdb_types() WHERE NOT internal").rows == ((0,),)
    assert [each.name for each in path.parent.iterdir()] == ["shop.duckdb"]
