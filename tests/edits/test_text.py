"""Mends of the text: names that need quotes, parentheses."""

from __future__ import annotations

import pytest

from share_sql.edits.text import text_edits
from share_sql.schema.model import Column, Schema, Table

SCHEMA = Schema(
    "s",
    (
        Table("order", (Column("id"), Column("group"), Column("Free Meal (K-12)"))),
        Table("Order Lines", (Column("Unit Price"),)),
    ),
)


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
    (edit,) = text_edits(sql, SCHEMA)
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
    assert list(text_edits(sql, SCHEMA)) == []


def test_parentheses_are_closed_but_never_opened() -> None:
    (edit,) = text_edits("SELECT max((id) FROM t WHERE s = '('", Schema("s", ()))
    assert edit.sql == "SELECT max((id) FROM t WHERE s = '(')"
    assert list(text_edits("SELECT id) FROM t", Schema("s", ()))) == []
