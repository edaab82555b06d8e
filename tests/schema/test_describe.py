from __future__ import annotations

import pytest
from tests.schema.conftest import Make

from share_sql.schema import describe as module
from share_sql.schema.describe import describe
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ColumnName

SCRIPT = """
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE visit (
    city INT REFERENCES city, day TEXT, note TEXT, cost REAL, flag INT, photo BLOB, mixed, none TEXT,
    one TEXT,
    PRIMARY KEY (city, day)
);
CREATE TABLE empty (x INT);
"""


@pytest.fixture
def meanings(make: Make) -> dict[str, str]:
    rows = {
        "city": [(at, f"city {at}") for at in range(1, 9)],
        "visit": [
            (
                *(1 + at % 8, f"2024-01-{at + 1:02d}", None if at % 4 else "very " * 20, at + 0.5, at % 2),
                *(b"\x00", at if at % 2 else "n/a", None, "yes"),
            )
            for at in range(20)
        ],
    }
    database = make(SCRIPT, rows=rows)
    schema = introspect(database)
    first = describe(database, schema)
    assert describe(database, schema) == first
    assert list(first) == [ColumnName(table.name, column.name) for table, column in schema.columns()]
    return {str(name): text for name, text in first.items()}


def test_sentences(meanings: dict[str, str]) -> None:
    note = "'" + ("very " * 20)[:39] + "…'"
    assert meanings == {
        "city.id": "Whole number from 1 to 8, never NULL, different in every row. Primary key.",
        "city.name": "Text, never NULL, different in every row; for example 'city 1', 'city 2', 'city 3'.",
        "visit.city": "Whole number from 1 to 8, never NULL, 8 distinct values. "
        "Part of the primary key, refers to city.id.",
        "visit.day": "Date as text from '2024-01-01' to '2024-01-20', never NULL, different in every row; "
        "for example '2024-01-01', '2024-01-02', '2024-01-03'. Part of the primary key.",
        "visit.note": f"Text, NULL in 75% of the rows; always {note}.",
        "visit.cost": "Number from 0.5 to 19.5, never NULL, different in every row; "
        "for example 0.5, 1.5, 2.5.",
        "visit.flag": "Whole number, never NULL; one of 0, 1.",
        "visit.photo": "Binary data, never NULL.",
        "visit.mixed": "Text, but a number in 50% of the rows, never NULL, 11 distinct values; "
        "for example 'n/a', 1, 3.",
        "visit.none": "Always NULL.",
        "visit.one": "Text, never NULL; always 'yes'.",
        "empty.x": "Not filled yet, the table has no rows.",
    }


def test_a_long_table_is_sampled_and_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_ROWS", 50)
    database = make("CREATE TABLE t (x INT)", rows={"t": [(at,) for at in range(200)]})
    (text,) = describe(database, introspect(database)).values()
    assert (
        text == "Whole number from 0 to 49, never NULL, different in every row (seen in the first 50 rows)."
    )


def test_names_that_need_quotes(make: Make) -> None:
    database = make("""CREATE TABLE "a ""b'" ("c d" INT)""")
    assert list(describe(database, introspect(database))) == [ColumnName("a \"b'", "c d")]
