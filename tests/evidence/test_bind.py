"""Binding of names to sources, against a small schema."""

from __future__ import annotations

import pytest

from share_sql.evidence.bind import bind
from share_sql.schema.model import Column, Schema, Table
from share_sql.sqltext import parse_select


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column) for column in columns))


SCHEMA = Schema(
    "s", (_table("a", "id", "x", "y"), _table("b", "id", "a_id", "z"), _table("c d", "id", "e f"))
)


def _statuses(sql: str) -> dict[str, str]:
    return {
        bound.node.sql(dialect="sqlite"): bound.status for bound in bind(parse_select(sql), SCHEMA).columns
    }


@pytest.mark.parametrize(
    ("title", "sql", "expected"),
    [
        ("a bare name of the one table", "SELECT x FROM a", {"x": "bound"}),
        ("case does not count", "SELECT A.X FROM a", {"A.X": "bound"}),
        ("a name of no table", "SELECT q FROM a", {"q": "unknown"}),
        ("a name of two tables", "SELECT id FROM a, b", {"id": "ambiguous"}),
        ("joined by USING it is one", "SELECT id FROM a JOIN b USING (id)", {"id": "bound"}),
        ("a qualifier that is no source", "SELECT b.z FROM a", {"b.z": "unknown-source"}),
        ("an alias hides the table's name", "SELECT a.x FROM a AS t", {"a.x": "unknown-source"}),
        ("a wrong column of a right source", "SELECT a.z FROM a", {"a.z": "unknown"}),
        ("quoted, no column: text", 'SELECT 1 FROM a WHERE y = "A"', {"y": "bound", '"A"': "text"}),
        ("a name with a space", 'SELECT "e f" FROM "c d"', {'"e f"': "bound"}),
        ("an output's alias in ORDER BY", "SELECT x AS n FROM a ORDER BY n", {"x": "bound", "n": "alias"}),
        (
            "the outer query is in reach",
            "SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE z = y)",
            {"x": "bound", "z": "bound", "y": "bound"},
        ),
        (
            "a derived table's outputs",
            "SELECT n, q FROM (SELECT x AS n FROM a) AS t",
            {"n": "bound", "q": "unknown", "x": "bound"},
        ),
        ("a CTE's outputs", "WITH t AS (SELECT x AS n FROM a) SELECT n FROM t", {"n": "bound", "x": "bound"}),
        ("row numbers", "SELECT rowid FROM a", {"rowid": "bound"}),
    ],
)  # fmt: skip
def test_statuses(title: str, sql: str, expected: dict[str, str]) -> None:
    assert _statuses(sql) == expected


def test_unknown_tables_are_named() -> None:
    binding = bind(parse_select("SELECT x FROM nowhere"), SCHEMA)
    assert [source.name for source in binding.unknown_tables] == ["nowhere"]
    # What stands in a table nobody knows cannot be called unknown itself.
    assert [bound.status for bound in binding.columns] == ["bound"]


def test_each_subquery_is_one_scope() -> None:
    binding = bind(
        parse_select("SELECT x FROM a WHERE id IN (SELECT a_id FROM b) AND y > (SELECT 1)"), SCHEMA
    )
    assert len(binding.scopes) == 3
    assert len(binding.columns) == 4
