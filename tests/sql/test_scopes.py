"""Binding of names to sources, against a small schema."""

from __future__ import annotations

import pytest
from sqlglot import exp

from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.sql.names import resolve_tree
from share_sql.sql.text import parse_select


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column) for column in columns))


SCHEMA = Schema(
    "s", (_table("a", "id", "x", "y"), _table("b", "id", "a_id", "z"), _table("c d", "id", "e f"))
)


def _statuses(sql: str) -> dict[str, str]:
    return {
        bound.node.sql(dialect="sqlite"): bound.status
        for bound in resolve_tree(parse_select(sql, "sqlite"), SCHEMA).names.values()
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
        (
            "GROUP BY does not see the query around",
            "SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b GROUP BY y)",
            {"x": "bound", "y": "unknown"},
        ),
        ("what a star brings in is no alias", "SELECT * FROM a ORDER BY x", {"x": "bound"}),
        ("a set operation's ORDER BY", "SELECT x AS n FROM a UNION SELECT z FROM b ORDER BY n",
         {"x": "bound", "z": "bound", "n": "alias"}),
    ],
)  # fmt: skip
def test_statuses(title: str, sql: str, expected: dict[str, str]) -> None:
    assert _statuses(sql) == expected


def test_unknown_tables_are_named() -> None:
    binding = resolve_tree(parse_select("SELECT x FROM nowhere", "sqlite"), SCHEMA)
    assert [source.name for source in binding.unknown_sources] == ["nowhere"]
    binding = resolve_tree(parse_select("SELECT x FROM a WHERE x IN nowhere", "sqlite"), SCHEMA)
    assert [source.name for source in binding.unknown_sources] == ["nowhere"]


def test_columns_of_an_unknown_table_are_not_blamed() -> None:
    binding = resolve_tree(parse_select("SELECT x FROM nowhere", "sqlite"), SCHEMA)
    # What stands in a table nobody knows cannot be called unknown itself.
    assert [bound.status for bound in binding.names.values()] == ["bound"]


def test_each_subquery_is_one_scope() -> None:
    binding = resolve_tree(
        parse_select("SELECT x FROM a WHERE id IN (SELECT a_id FROM b) AND y > (SELECT 1)", "sqlite"), SCHEMA
    )
    assert len(binding.scopes) == 3
    assert len(binding.names) == 4


def test_a_star_alias_keeps_its_source() -> None:
    binding = resolve_tree(
        parse_select("SELECT * FROM a JOIN b ON a.id = b.a_id ORDER BY id", "sqlite"), SCHEMA
    )
    *_, ordered = binding.names.values()
    assert (ordered.source, ordered.key) == (binding.scopes[0].sources[0], ("a", "id"))


def test_an_ambiguous_name_has_its_choices() -> None:
    (name,) = resolve_tree(parse_select("SELECT id FROM a, b AS t", "sqlite"), SCHEMA).ambiguous
    assert [source.name for source in name.choices] == ["a", "t"]
    assert (name.table, name.key) == (None, None)


def test_a_column_in_using_that_one_side_lacks_is_unknown() -> None:
    binding = resolve_tree(parse_select("SELECT x FROM a JOIN b USING (y)", "sqlite"), SCHEMA)
    assert [name.column for name in binding.unknown_columns] == ["y"]
    assert [name.column for name in binding.names.values()] == ["x"]


@pytest.mark.parametrize(
    ("title", "sql", "expected"),
    [
        ("a subquery on its own", "SELECT x FROM a WHERE id IN (SELECT a_id FROM b)", [False, False]),
        ("one that names the query around", "SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE z = y)",
         [False, True]),
        ("one that names a result around",
         "SELECT x + 1 AS n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE z = n)",
         [False, True]),
        ("all between the name and its source",
         "SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE z IN (SELECT y FROM b AS c))",
         [False, True, True]),
        ("a query in FROM, and the query that reads it",
         "SELECT (SELECT n FROM (SELECT z AS n FROM b WHERE z = y) AS t) FROM a", [False, True, True]),
        ("a name that only an unknown table around may have",
         "SELECT x FROM nowhere WHERE EXISTS (SELECT q FROM b)", [False, False]),
    ],
)  # fmt: skip
def test_correlation(title: str, sql: str, expected: list[bool]) -> None:
    resolution = resolve_tree(parse_select(sql, "sqlite"), SCHEMA)
    found = [resolution.correlated(select) for select in resolution.tree.find_all(exp.Select)]
    assert found == expected


def test_a_set_operation_is_correlated_where_a_part_is() -> None:
    tree = parse_select("SELECT x FROM a WHERE id IN (SELECT id FROM b UNION SELECT y)", "sqlite")
    assert resolve_tree(tree, SCHEMA).correlated(tree.find(exp.Union))


def test_results_are_spelled_as_the_table_spells_them() -> None:
    assert [
        name for name, _ in resolve_tree(parse_select("SELECT X, a.Y FROM a", "sqlite"), SCHEMA).outputs
    ] == [
        "x",
        "y",
    ]


def test_a_key_of_using_may_be_in_one_of_several_tables_on_the_right() -> None:
    resolution = resolve_tree(
        parse_select("SELECT 1 FROM b JOIN (a JOIN b AS c) USING (z)", "sqlite"), SCHEMA
    )
    assert resolution.unknown_columns == ()


def test_rows_of_values_do_not_see_their_neighbours() -> None:
    resolution = resolve_tree(
        parse_select("SELECT 1 FROM a, (VALUES (a.x), ((SELECT z FROM b))) AS t", "sqlite"), SCHEMA
    )
    assert [name.column for name in resolution.unknown_columns] == ["x"]
    assert "b" in resolution.tables


def test_an_unread_cte_has_no_part_in_the_findings() -> None:
    resolution = resolve_tree(
        parse_select("WITH t AS (SELECT q FROM b), u AS (SELECT z FROM b) SELECT x FROM a", "sqlite"), SCHEMA
    )
    assert (resolution.tables, resolution.unknown_columns) == (("a",), ())
    assert [bound.status for bound in resolution.unread.values()] == ["unknown", "bound"]


def test_a_long_chain_of_common_table_expressions_is_resolved_step_by_step() -> None:
    chain = ", ".join(f"c{at} AS (SELECT x FROM c{at - 1})" for at in range(1, 200))
    found = resolve_tree(
        parse_select(f"WITH c0 AS (SELECT x FROM a), {chain} SELECT x FROM c199", "sqlite"), SCHEMA
    )
    assert found.columns == {ColumnName("a", "x")}
    assert [(name, origin) for name, origin in found.outputs] == [("x", ColumnName("a", "x"))]
    assert {bound.status for bound in found.names.values()} == {"bound"}
