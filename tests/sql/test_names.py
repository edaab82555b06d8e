"""Name resolution: golden pairs in golden/link.txt, and what the plain format cannot show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.errors import SqlNotSelect, SqlUnreadable
from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.literals import literal_uses
from share_sql.sql.names import linked_columns, resolve, resolve_tree
from share_sql.sql.resolution import Resolution
from share_sql.sql.text import parse_select

SCHEMA = Schema(
    "music",
    (
        Table("singer", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("Age", "INTEGER"))),
        Table(
            "song",
            (Column("song_id", "INTEGER"), Column("title"), Column("singer_id"), Column("year")),
            primary_key=("song_id",),
        ),
        Table("hall", (Column("id"), Column("name"), Column("Seat Count (K-12)"))),
    ),
)


def golden() -> list[tuple[str, str, str]]:
    """Title, SQL and expected report of each pair."""
    pairs = []
    for block in Path(__file__).with_name("golden").joinpath("names.txt").read_text("utf-8").split("\n\n"):
        title, sql, *report = block.strip().splitlines()
        pairs.append((title.removeprefix("# "), sql, "\n".join(report)))
    return pairs


def report(found: Resolution) -> str:
    def written(table: str | None, column: str) -> str:
        return f"{table}.{column}" if table else column

    lines = {
        "columns": ", ".join(sorted(map(str, found.columns))),
        "tables": ", ".join(found.tables),
        "unknown tables": ", ".join(found.unknown_tables),
        "unknown": ", ".join(
            written(one.node.table, one.column) + (f" (of {one.table.name})" if one.table else "")
            for one in found.unknown_columns
        ),
        "ambiguous": ", ".join(
            f"{one.column} in {' and '.join(source.title for source in one.choices)}"
            for one in found.ambiguous
        ),
        "literals": ", ".join(
            f"{one.table}.{one.column} {one.op} {one.value!r}" for one in literal_uses(found)
        ),
    }
    return "\n".join(f"{key}: {value}" for key, value in lines.items() if value) or "nothing"


@pytest.mark.parametrize(("title", "sql", "expected"), [pytest.param(*pair, id=pair[0]) for pair in golden()])
def test_golden(title: str, sql: str, expected: str) -> None:
    assert report(resolve(sql, SCHEMA)) == expected


def test_unknown_column_names_what_is_in_scope() -> None:
    sql = "SELECT 1 FROM singer AS s WHERE EXISTS (SELECT s.nme FROM song, (SELECT 1 AS x) AS d)"
    (unknown,) = resolve(sql, SCHEMA).unknown_columns
    assert (unknown.node.table, unknown.column) == ("s", "nme")
    assert unknown.table is SCHEMA.table("singer")
    assert [source.title for source in unknown.scope.reach()] == ["song", "d", "singer"]
    assert [source.name for source in unknown.scope.reach()] == ["song", "d", "s"]


def test_findings_point_into_the_tree() -> None:
    sql = "SELECT nme FROM singer WHERE name = 'Anne'"
    tree = parse_select(sql, "sqlite")
    found = resolve_tree(tree, SCHEMA, sql)
    (unknown,), (literal,) = found.unknown_columns, literal_uses(found)
    assert unknown.node is tree.expressions[0]
    assert literal.node is tree.args["where"].this.expression
    assert found.origin(tree.args["where"].this.this) == ColumnName("singer", "name")
    assert found.origin(unknown.node) is None
    assert tree.sql("sqlite") == sql


def test_outputs() -> None:
    found = resolve("SELECT s.name, age AS years, age + 1, s.* FROM singer AS s", SCHEMA)
    singer = [(name, ColumnName("singer", name)) for name in ("id", "name", "Age")]
    name, age = ColumnName("singer", "name"), ColumnName("singer", "Age")
    assert found.outputs == (("name", name), ("years", age), ("", None), *singer)


def test_without_the_text_every_quoted_name_may_be_text() -> None:
    tree = parse_select("SELECT age FROM singer WHERE name = `Ann`", "sqlite")
    assert resolve_tree(tree, SCHEMA).unknown_columns == ()


def test_double_quotes_are_no_text_in_other_dialects() -> None:
    schema = Schema("music", SCHEMA.tables, dialect="duckdb")
    (unknown,) = resolve('SELECT age FROM singer WHERE name = "Ann"', schema).unknown_columns
    assert unknown.column == "Ann"


def test_long_chains_and_deep_unions() -> None:
    long = " OR ".join(f"name = 'n{at}'" for at in range(900))
    assert len(literal_uses(resolve(f"SELECT age FROM singer WHERE {long}", SCHEMA))) == 900
    unions = " UNION ALL ".join(["SELECT name FROM singer"] * 300)
    assert linked_columns(unions, SCHEMA) == {ColumnName("singer", "name")}


@pytest.mark.parametrize(
    ("sql", "error"), [("SELECT FROM WHERE", SqlUnreadable), ("DROP TABLE x", SqlNotSelect)]
)
def test_what_is_no_query_is_refused(sql: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolve(sql, SCHEMA)


def test_gold_of_spider_dev_has_no_faults(shared_data: Path) -> None:
    schemas = read_tables_json(shared_data / "spider" / "tables.json")
    for case in json.loads((shared_data / "spider" / "dev.json").read_text("utf-8"))[::5]:
        found = resolve(case["query"], schemas[case["db_id"]])
        assert (found.unknown_tables, found.unknown_columns, found.ambiguous) == ((), (), ()), case
        assert found.columns, case
