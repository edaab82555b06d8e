"""SQL of other dialects: what is written for SQLite, and that it runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.golden import titled_pairs
from tests.limited import limited

from share_sql.edits.foreign import translations
from share_sql.schema.model import Column, Schema, Table

GOLDEN = Path(__file__).with_name("golden") / "foreign.txt"
SCRIPT = """
CREATE TABLE trip (trip_id INTEGER PRIMARY KEY, guide TEXT, began TEXT, ended TEXT, paid DATE,
    closed DATETIME, guests INTEGER, days INTEGER, remark TEXT);
INSERT INTO trip VALUES
    (1, 'Tove Lund', '2022-01-03', '2022-01-20', '2022-01-17', '2022-01-20 10:15:00', 4, 3, 'a,b,c'),
    (2, 'Karl', '2022-12-20', '2022-12-27', '2023-01-03', '2022-12-27 09:00:00', 0, 3, NULL),
    (3, 'Tove Lund', '2023-02-01', '2023-03-10', '2023-02-15', '2023-03-10 18:30:00', 9, 6, 'x-1'),
    (4, 'nils', '2023-05-05', '2023-05-06', '2023-05-19', '2023-05-06 12:00:00', 1, 6, 'abc'),
    (5, 'Runa', '2024-06-11', '2024-06-20', '2024-06-25', '2024-06-20 23:59:59', 2, 2, '12');
CREATE TABLE guide (name TEXT, town TEXT, born DATE);
INSERT INTO guide VALUES ('Tove Lund', 'Bergen', '1990-05-01'), ('Karl', 'Ulm', NULL),
    ('Runa', 'Bergen', '2001-02-28');
"""


def _columns(text: str) -> tuple[Column, ...]:
    return tuple(Column(*part.split()) for part in text.split(", "))


SCHEMA = Schema("trips", (
    Table("trip", _columns(
        "trip_id INTEGER, guide TEXT, began TEXT, ended TEXT, paid DATE, closed DATETIME, guests INTEGER, "
        "days INTEGER, remark TEXT"
    )),
    Table("guide", _columns("name TEXT, town TEXT, born DATE")),
))  # fmt: skip


@pytest.fixture
def trips() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCRIPT)
        yield connection


def _rows(connection: sqlite3.Connection, sql: str) -> list[tuple[object, ...]] | None:
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.Error:
        return None


def _first(connection: sqlite3.Connection, sql: str) -> str | None:
    return next((t.sql for t in translations(sql, SCHEMA) if _rows(connection, t.sql) is not None), None)


@pytest.mark.parametrize(
    ("title", "pair"), titled_pairs(GOLDEN), ids=lambda value: value if isinstance(value, str) else ""
)
def test_golden(title: str, pair: dict[str, str], trips: sqlite3.Connection) -> None:
    assert _first(trips, pair["foreign"]) == pair["sqlite"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # What other databases give, by their documentation.
        ("EXTRACT(QUARTER FROM DATE '2023-08-15')", 3),
        ("EXTRACT(ISODOW FROM DATE '2023-01-01')", 7),
        ("EXTRACT(WEEK FROM DATE '2021-01-03')", 53),
        ("EXTRACT(DOY FROM DATE '2024-12-31')", 366),
        ("DATE_TRUNC('week', DATE '2023-05-07')::date", "2023-05-01"),
        ("DATE_TRUNC('quarter', DATE '2023-06-30')::date", "2023-04-01"),
        ("TIMESTAMPDIFF(MONTH, '2023-01-31', '2023-02-28')", 0),
        ("TIMESTAMPDIFF(YEAR, '2000-02-29', '2023-02-28')", 22),
        ("DATEDIFF('2023-03-01 01:00:00', '2023-02-28 23:00:00')", 1),
        ("DATEDIFF(year, '2022-12-31', '2023-01-01')", 1),
        ("DATEDIFF(hour, '2023-01-01 10:59:00', '2023-01-01 12:01:00')", 2),
        ("DATE_DIFF('day', DATE '2023-01-01', DATE '2023-02-01')", 31),
        ("DATE '2024-02-28' + INTERVAL '1 year 2 days'", "2025-03-02"),
        ("DATE_SUB('2023-03-10', INTERVAL 1 QUARTER)", "2022-12-10"),
        ("LAST_DAY('2024-02-05')", "2024-02-29"),
        ("TO_CHAR(DATE '2023-05-07', 'FMDay, FMDD Mon YY')", "Sunday, 7 May 23"),
        ("TO_CHAR(TIMESTAMP '2023-05-07 15:04:05', 'HH12:MI AM')", "03:04 PM"),
        ("DATE_FORMAT('2023-05-07', '%W %e %M %Y')", "Sunday 7 May 2023"),
        ("STR_TO_DATE('07.05.2023', '%d.%m.%Y')", "2023-05-07"),
        ("CONCAT_WS('/', 'a', NULL, 'b')", "a/b"),
        ("SPLIT_PART('a,b,c', ',', 3)", "c"),
        ("SUBSTRING_INDEX('www.share.org', '.', 1)", "www"),
        ("LPAD('12345', 3, '0')", "123"),
        ("RPAD('ab', 4, '-')", "ab--"),
        ("'Abc' ~ '^A.c$'", 1),
        ("'abc' ~ '^A'", 0),
        ("'abc' ~* '^A'", 1),
        ("'x9' REGEXP '[0-9]{2}'", 0),
        ("'2023' REGEXP '^[0-9]+$'", 1),
        ("'50%' SIMILAR TO '[0-9]+%'", None),
        ("7 DIV 2", 3),
        ("(1 = 1) XOR (2 = 2)", 0),
        ("2 = ANY(ARRAY[1, 2])", 1),
        ("CAST(2.345 AS DECIMAL(10, 1))", 2.3),
        ("MONTHS_BETWEEN('2023-03-01', '2023-01-01')", 2.0),
    ],
)
def test_values(expression: str, value: object, trips: sqlite3.Connection) -> None:
    written = _first(trips, f"SELECT {expression}")
    if value is None:
        assert written is None
        return
    assert written is not None
    assert _rows(trips, written) == [(value,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT guide INTO guides FROM trip",
        "SELECT * FROM GENERATE_SERIES(1, 3)",
        "SELECT INITCAP(guide) FROM trip",
        "SELECT guide FROM trip WHERE remark ~ '(a+)+b'",
        "DELETE FROM trip",
        "nothing at all",
    ],
)
def test_what_cannot_be_written_has_no_reading_that_runs(sql: str, trips: sqlite3.Connection) -> None:
    assert _first(trips, sql) is None


def test_a_dialect_that_rules_do_not_write_is_left_alone() -> None:
    assert list(translations("SELECT TOP 1 a FROM t", Schema("s", (), dialect="oracle"))) == []


def test_a_message_names_the_dialect_and_what_was_written_otherwise() -> None:
    first = next(translations("SELECT guide FROM trip WHERE guide ILIKE 'k%'", SCHEMA))
    assert first.kind == "other-dialect"
    assert first.message == "ILIKE of PostgreSQL: written as the database has it"
    second = next(translations("SELECT YEAR(began) FROM trip", SCHEMA))
    assert second.kind == "unknown-function"
    assert "YEAR" in second.message


def test_long_patterns_and_texts_end_soon() -> None:
    pattern = "(" * 3000 + "a" + ")*" * 3000
    assert list(translations(f"SELECT 1 WHERE 'a' ~ '{pattern}'", SCHEMA)) is not None
    assert list(translations("SELECT " + "[" * 20_000, SCHEMA)) == []


def test_a_long_row_of_set_operations_is_not_copied_member_by_member() -> None:
    said = limited("""
        from share_sql.edits.foreign import translations
        from share_sql.schema.model import Schema

        sql = " EXCEPT ".join(["WITH w AS (SELECT 1 AS a) SELECT a FROM w"] * 320)
        print(len(list(translations(sql, Schema("s", ())))) < 50)
        """)
    assert said == "True\n"
