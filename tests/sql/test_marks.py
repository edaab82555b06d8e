"""Marks of what changed between two SQL texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.sql.marks import mark_changes, signed_lines

WORDS = st.sampled_from(["SELECT", "a", "'x y'", '"N n"', "=", ",", " ", "\n", ";", "(", ")", "'", "é"])
SQL = st.lists(WORDS, max_size=30).map("".join)


def changed(marks: tuple[tuple[bool, str], ...]) -> list[str]:
    return [text for mark, text in marks if mark]


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("WHERE a = 'X'", "WHERE a = 'x'", ["'X'"], ["'x'"]),
        ("select A from t", "SELECT a FROM t", [], []),
        ("SELECT a\nFROM t;", "SELECT a FROM t", [], []),
        ("SELECT a FROM t", "SELECT a FROM t JOIN u ON t.i = u.i", [], ["JOIN u ON t.i = u.i"]),
        ("SELECT a FROM order_lines", 'SELECT a FROM "Order Lines"', ["order_lines"], ['"Order Lines"']),
        ("", "SELECT 1", [], ["SELECT 1"]),
        (
            "Select this:\n```sql\nSELECT 1 FROM t;\n``` from t.",
            "SELECT 1 FROM t",
            ["Select this:\n```sql\n", ";\n``` from t."],
            [],
        ),
    ],
)
def test_marks_what_differs(before: str, after: str, old: list[str], new: list[str]) -> None:
    left, right = mark_changes(before, after)
    assert (changed(left), changed(right)) == (old, new)


@given(SQL, SQL)
def test_no_text_is_lost(before: str, after: str) -> None:
    left, right = mark_changes(before, after)
    assert "".join(text for _, text in left) == before
    assert "".join(text for _, text in right) == after


@given(SQL)
def test_a_text_does_not_differ_from_itself(sql: str) -> None:
    assert mark_changes(sql, sql) == (((False, sql),) if sql else (), ((False, sql),) if sql else ())


def test_very_long_texts_are_left_unmarked() -> None:
    text = "a " * 5000
    assert mark_changes(text, "b") == (((False, text),), ((False, "b"),))


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ("res: added limit(3)", ("+ limit(3)",)),
        ("df1: removed where(a = 'b to c')", ("- where(a = 'b to c')",)),
        ("df1: changed where(a = 'x to y') to where(a = 'z')", ("- where(a = 'x to y')", "+ where(a = 'z')")),
        ("prose around the SQL", ("prose around the SQL",)),
        ("df1: changed where(a) too", ("df1: changed where(a) too",)),
    ],
)
def test_a_change_as_signed_lines(change: str, lines: tuple[str, ...]) -> None:
    assert signed_lines(change) == lines
