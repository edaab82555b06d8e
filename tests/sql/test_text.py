"""From what a model wrote to one SELECT."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import SqlEmpty, SqlError, SqlNotSelect, SqlUnreadable
from share_sql.sql.size import MAX_SQL_BYTES
from share_sql.sql.text import extract_sql, parse_select


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("plain SQL comes back as it is", "SELECT a FROM t", "SELECT a FROM t"),
        ("space and the last semicolon go", "  select a from t ;\n", "select a from t"),
        ("BIRD's tag goes", "SELECT a FROM t\t----- bird -----\tshop", "SELECT a FROM t"),
        ("a fence", "Sure!\n```sql\nSELECT a FROM t;\n```\nHope it helps.", "SELECT a FROM t"),
        ("a fence of another name", "```sqlite\nSELECT 1\n```", "SELECT 1"),
        ("a fence that is never closed", "```sql\nSELECT a FROM t", "SELECT a FROM t"),
        ("the first fence that holds a query", "```python\nx = 1\n```\n```sql\nSELECT 2\n```", "SELECT 2"),
        ("prose before", "The answer is: SELECT a FROM t", "SELECT a FROM t"),
        ("prose with the word select in it", "I select the rows.\nSELECT a FROM t", "SELECT a FROM t"),
        ("prose after a blank line", "SELECT a FROM t\n\nThis counts all rows.", "SELECT a FROM t"),
        ("a blank line inside stays", "SELECT a\n\nFROM t", "SELECT a\n\nFROM t"),
        ("prose after the semicolon", "SELECT a FROM t; This is it.", "SELECT a FROM t"),
        ("a semicolon in a string", "SELECT ';' FROM t; Done.", "SELECT ';' FROM t"),
        ("a common table expression", "WITH x AS (SELECT 1) TABLE x", "WITH x AS (SELECT 1) TABLE x"),
        ("with, in prose", "Start with this:\nSELECT 1", "SELECT 1"),
        ("a parenthesis in front", "(SELECT 1) UNION SELECT 2", "(SELECT 1) UNION SELECT 2"),
        ("a comment that holds a semicolon", "SELECT 1 -- a; b\nFROM t", "SELECT 1 -- a; b\nFROM t"),
    ],
)  # fmt: skip
def test_extract(title: str, text: str, expected: str) -> None:
    assert extract_sql(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "I cannot answer that.", "```\n```", "\x00"])
def test_nothing_to_extract(text: str) -> None:
    with pytest.raises(SqlEmpty):
        extract_sql(text)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT 1; DROP TABLE t", SqlNotSelect),
        ("SELECT FROM WHERE", SqlUnreadable),
        ("SELECT (1", SqlUnreadable),
        ("", SqlEmpty),
        ("-- only a comment", SqlEmpty),
        ("DELETE FROM t", SqlNotSelect),
        ("CREATE TABLE t AS SELECT 1", SqlNotSelect),
        ("SELECT " + "x" * MAX_SQL_BYTES, SqlUnreadable),
        ("SELECT " + "(" * 3_000 + "1" + ")" * 3_000, SqlUnreadable),
    ],
)
def test_what_is_no_one_select_is_named(sql: str, error: type[SqlError]) -> None:
    with pytest.raises(error) as caught:
        parse_select(sql, "sqlite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sql", ["SELECT 1", "(SELECT 1)", "VALUES (1), (2)", "SELECT 1 UNION SELECT 2"])
def test_what_reads_is_a_query(sql: str) -> None:
    assert parse_select(sql, "sqlite").sql(dialect="sqlite")


@given(st.text(max_size=200))
def test_any_text_gives_sql_or_a_named_error(text: str) -> None:
    with suppress(SqlError):
        parse_select(extract_sql(text), "sqlite")


def test_a_text_that_failed_leaves_nothing_behind() -> None:
    fine = "SELECT a FROM t WHERE b IN (1, 2) -- why"
    before = parse_select(fine, "sqlite")
    for broken in ("SELECT (1", "SELECT 'a", "SELECT FROM WHERE", "SELECT CASE WHEN"):
        with pytest.raises(SqlError):
            parse_select(broken, "sqlite")
        again = parse_select(fine, "sqlite")
        assert again == before
        assert [node.comments for node in again.walk()] == [node.comments for node in before.walk()]
