"""SqliteDatabase: results and their bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.database.base import Limits
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import (
    QueryError,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
)

from .conftest import FOREVER, SOON, STUCK

# -- results --


def test_gives_rows_in_order(database: SqliteDatabase) -> None:
    assert database.query("SELECT id FROM person ORDER BY id DESC LIMIT 3").rows == ((20,), (19,), (18,))


def test_gives_column_names_that_repeat(database: SqliteDatabase) -> None:
    assert database.query("SELECT 1 AS a, 2 AS a").columns == ("a", "a")


def test_gives_columns_of_an_empty_result(database: SqliteDatabase) -> None:
    assert database.query("SELECT id, name FROM person WHERE 0").columns == ("id", "name")


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("NULL", None),
        ("1", 1),
        ("-9223372036854775808", -(2**63)),
        ("0.1", 0.1),
        ("1e999", float("inf")),
        ("-1e999", float("-inf")),
        ("'grüß 日本 🎈'", "grüß 日本 🎈"),
        ("''", ""),
        ("x'00ff'", b"\x00\xff"),
        ("x''", b""),
        ("'a' || char(0) || 'b'", "a\0b"),
        ("CAST(x'ff41' AS TEXT)", b"\xffA"),
    ],
)
def test_keeps_values_and_their_types(database: SqliteDatabase, sql: str, value: object) -> None:
    found = database.query(f"SELECT {sql}").rows[0][0]
    assert (type(found), found) == (type(value), value)


def test_gives_all_rows_where_only_a_late_one_is_not_utf_8(database: SqliteDatabase) -> None:
    sql = "SELECT CASE id WHEN 15 THEN CAST(x'ff' AS TEXT) ELSE name END FROM person ORDER BY id"
    rows = database.query(sql).rows
    assert (len(rows), rows[0][0], rows[14][0]) == (20, "person 1", b"\xff")


def test_cuts_a_result_at_the_row_cap(database: SqliteDatabase) -> None:
    result = database.query("SELECT id FROM person", Limits(rows=7))
    assert (len(result.rows), result.truncated) == (7, True)


def test_does_not_call_a_result_of_exactly_the_cap_cut(database: SqliteDatabase) -> None:
    assert database.query("SELECT id FROM person", Limits(rows=20)).truncated is False


def test_gives_large_results_whole(database: SqliteDatabase) -> None:
    sql = "SELECT a.id, b.id, c.id, a.name FROM person a, person b, person c ORDER BY 1, 2, 3"
    rows = database.query(sql).rows
    assert rows == tuple(
        (a, b, c, f"person {a}") for a in range(1, 21) for b in range(1, 21) for c in range(1, 21)
    )


def test_full_text_tables_can_be_searched(database: SqliteDatabase) -> None:
    assert database.query("SELECT body FROM notes WHERE notes MATCH 'another'").rows == (("another word",),)


def test_the_schema_can_be_introspected(database: SqliteDatabase) -> None:
    assert database.query("SELECT name FROM pragma_table_info('person')").rows == (
        ("id",),
        ("name",),
        ("age",),
    )


# -- bounds --


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["interrupted", "killed"])
def test_stops_at_the_deadline(database: SqliteDatabase, sql: str) -> None:
    with pytest.raises(QueryTimeout):
        database.query(sql, SOON)


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["interrupted", "killed"])
def test_answers_after_a_deadline(database: SqliteDatabase, sql: str) -> None:
    with pytest.raises(QueryTimeout):
        database.query(sql, SOON)
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_deadline_may_be_infinite(database: SqliteDatabase) -> None:
    assert database.query("SELECT 1", Limits(seconds=float("inf"))).rows == ((1,),)


def test_refuses_results_over_the_byte_cap(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(500)) FROM person", Limits(bytes=10_000))


def test_refuses_one_value_over_the_byte_cap(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(2000000))", Limits(bytes=2_000_000))


def test_a_cap_holds_for_its_query_alone(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(2000000))", Limits(bytes=2_000_000))
    assert database.query("SELECT length(hex(zeroblob(2000000)))").rows == ((4_000_000,),)


def test_refuses_to_take_all_memory(database: SqliteDatabase) -> None:
    blobs = ", ".join(["zeroblob(60000000)"] * 3)
    with pytest.raises(QueryTooLarge):
        database.query(f"SELECT * FROM (SELECT {blobs} FROM person) ORDER BY 1", Limits(seconds=20))


def test_names_what_a_refused_query_would_do(database: SqliteDatabase) -> None:
    with pytest.raises(QueryRefused, match="would delete from person"):
        database.query("DELETE FROM person")


def test_tells_sqlites_own_message(database: SqliteDatabase) -> None:
    with pytest.raises(QueryError, match="no such column: nosuch"):
        database.query("SELECT nosuch FROM person")


def test_names_itself_in_messages(shop: Path) -> None:
    with SqliteDatabase(shop, "the shop") as database, pytest.raises(QueryError, match=r"^the shop: "):
        database.query("SELECT nosuch")
