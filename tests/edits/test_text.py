"""Mends of the text: names that need quotes, parentheses."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.edits.text import MENDERS, TextEdit
from share_sql.schema.model import Column, Schema, Table

SCHEMA = Schema(
    "s",
    (
        Table("order", (Column("id"), Column("group"), Column("Free Meal (K-12)"))),
        Table("Order Lines", (Column("Unit Price"),)),
    ),
)


def _edits(sql: str) -> list[TextEdit]:
    """The changes of every kind of slip."""
    return [edit for mender in MENDERS for edit in mender(sql, SCHEMA)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT Unit Price FROM Order Lines", 'SELECT "Unit Price" FROM "Order Lines"'),
        ("SELECT o.Free Meal (K-12) FROM order o", 'SELECT o."Free Meal (K-12)" FROM "order" o'),
        ("SELECT id FROM order ORDER BY id", 'SELECT id FROM "order" ORDER BY id'),
        ("SELECT o.group FROM order AS o GROUP BY 1", 'SELECT o."group" FROM "order" AS o GROUP BY 1'),
    ],
)
def test_names_are_quoted_where_only_a_name_can_stand(sql: str, expected: str) -> None:
    (edit,) = _edits(sql)
    assert (edit.kind, edit.sql) == ("unquoted-name", expected)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM \"order\" WHERE x = 'Unit Price'",  # inside a string it is no name
        'SELECT "Unit Price" FROM "Order Lines"',
        "SELECT `group` FROM [order]",
        "SELECT 1 FROM (SELECT 2)",
    ],
)
def test_what_is_quoted_already_stays(sql: str) -> None:
    assert _edits(sql) == []


@pytest.mark.parametrize(
    ("sql", "kind", "expected"),
    [
        (
            "SELECT max((id) FROM t WHERE s = '('",
            "unclosed-parenthesis",
            "SELECT max((id)) FROM t WHERE s = '('",
        ),
        ("SELECT COUNT(*, id FROM t", "unclosed-parenthesis", "SELECT COUNT(*), id FROM t"),
        ("SELECT id) FROM t", "surplus-parenthesis", "SELECT id FROM t"),
        ("SELECT id FROM t WHERE s = ’a’", "typeset-sign", "SELECT id FROM t WHERE s = 'a'"),
        ("SELECT id FROM t WHERE s = “it’s”", "typeset-sign", "SELECT id FROM t WHERE s = 'it’s'"),
        ("SELECT id，s FROM t", "typeset-sign", "SELECT id,s FROM t"),
        ("SELECT id FROM t WHERE a &amp;lt; 3", "escaped-sign", "SELECT id FROM t WHERE a < 3"),
        (r"SELECT COUNT(\*) FROM a\_b", "escaped-sign", "SELECT COUNT(*) FROM a_b"),
        (r"SELECT id\nFROM t", "escaped-sign", "SELECT id FROM t"),
        (r"SELECT id FROM t WHERE s = \'a\'", "escaped-sign", "SELECT id FROM t WHERE s = 'a'"),
        (r"SELECT id FROM t WHERE s = 'a\'b'", "apostrophe", "SELECT id FROM t WHERE s = 'a''b'"),
        ("SELECT 1 WHERE s = 'a'b' AND c = 'd'", "apostrophe", "SELECT 1 WHERE s = 'a''b' AND c = 'd'"),
        ("SELECT `id' FROM t", "mismatched-quote", 'SELECT "id" FROM t'),
        ("SELECT 1 WHERE s = 'a b AND c = 1", "unclosed-quote", "SELECT 1 WHERE s = 'a b' AND c = 1"),
        ("SELECT id FROM t // all", "foreign-comment", "SELECT id FROM t"),
        ("SELECT 1 WHERE a => 3 && b ! = 4", "split-operator", "SELECT 1 WHERE a >= 3  AND  b != 4"),
        ("SELECTid FROM t LIMIT5", "glued-word", "SELECT id FROM t LIMIT 5"),
        ("SELECT id FRM t WHRE id = 1", "misspelt-keyword", "SELECT id FROM t WHERE id = 1"),
        ("SELECT id,, id, FROM t GROUP BY id,", "surplus-comma", "SELECT id, id FROM t GROUP BY id"),
        ("SELECT 1 WHERE s = New York LIMIT 1", "unquoted-value", "SELECT 1 WHERE s = 'New York' LIMIT 1"),
        ("SELECT 1 WHERE s LIKE Bo%", "unquoted-value", "SELECT 1 WHERE s LIKE 'Bo%'"),
        ("SELECT group FROM t WHERE group = 1", "unquoted-name", 'SELECT "group" FROM t WHERE "group" = 1'),
        ("SELECT 1 AS set ORDER BY set", "unquoted-name", 'SELECT 1 AS "set" ORDER BY "set"'),
    ],
)
def test_a_slip_is_mended(sql: str, kind: str, expected: str) -> None:
    assert (kind, expected) in [(edit.kind, edit.sql) for edit in _edits(sql)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM t WHERE s = 'a &lt; b' AND c = 'it''s'",
        "SELECT id FROM t WHERE s = '“a”, ’b’' -- it’s # fine",
        "SELECT COUNT(DISTINCT id), MAX(a) FROM t WHERE a >= 3 AND b <> 'x' GROUP BY id ORDER BY id LIMIT 5",
        "SELECT CAST(a AS REAL) FROM t INNER JOIN u ON t.id = u.id WHERE t.s IN ('a', 'b')",
        'SELECT o."group" FROM "order" AS o GROUP BY o."group"',
    ],
)
def test_a_text_without_slips_stays(sql: str) -> None:
    assert _edits(sql) == []


@given(st.text(alphabet="SELECT id,()'\"`[]\\&#;lt=!<>%_*‘’“，（\u00a0\n", max_size=80))
def test_any_text_is_gone_through(text: str) -> None:
    for edit in _edits(text):
        assert edit.sql != text


@pytest.mark.parametrize(
    "piece",
    [
        "'", '"', "`", "[", "[a", "(", ")", "()", ", ", "a, ", "== ", "= a ", "LIKE ", "IN (", "''",
        "'a' ", "it's ", "\\'",
        " ", "\n", "# ", "// ", "/* ", "-- a\n", "&lt;", "’", "“", "SELCT ", "SELECT100 ",
        "SELECT SELECT ", "COUNT(*, ",
        "`a' ", "x = `a` AND ", "= ! ", "1e", "a.", "CASE ", "\\n", "BETWEEN `a` AND ",
    ],
)  # fmt: skip
def test_a_long_text_is_gone_through_soon(piece: str) -> None:
    """What grows with the square of a text takes minutes."""
    for first, last in (("SELECT 1 WHERE a = ", ""), ("SELECT 'a", " x")):
        text = first + piece * (30_000 // len(piece)) + last
        started = time.thread_time()
        for edit in _edits(text):
            assert edit.sql != text
        assert time.thread_time() - started < 20
