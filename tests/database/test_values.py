"""Whatever SQLite can store comes back as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.database.sqlite import SqliteDatabase

from .conftest import Place

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, width=16),  # short ones: SQLite may misread the last digit of a long one
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)


def literal(value: object) -> str:
    """The value as SQL, by a way that does not depend on quoting."""
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"x'{value.hex()}'"
        case str():
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        case float():
            return repr(value).replace("inf", "9e999")
        case _:
            return f"CAST('{value}' AS INTEGER)"


@pytest.fixture(scope="module")
def database(place: Place) -> Iterator[SqliteDatabase]:
    with SqliteDatabase(place.shop) as database:
        yield database


@given(row=st.lists(VALUES, min_size=1, max_size=8))
def test_a_row_comes_back(database: SqliteDatabase, row: list[object]) -> None:
    found = database.query("SELECT " + ", ".join(map(literal, row))).rows[0]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in row]


@given(raw=st.binary())
def test_text_is_bytes_exactly_where_it_is_not_utf_8(database: SqliteDatabase, raw: bytes) -> None:
    found = database.query(f"SELECT CAST(x'{raw.hex()}' AS TEXT)").rows[0][0]
    try:
        expected: object = raw.decode()
    except UnicodeDecodeError:
        expected = raw
    assert found == expected
