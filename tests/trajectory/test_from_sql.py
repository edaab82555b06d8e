"""From SQL to a trajectory: golden pairs, every kind of SELECT, generated queries, gold of Spider."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.errors import SqlEmpty, SqlNotSelect, SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.names import resolve_tree
from share_sql.sql.text import parse_select
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_sql import from_sql, from_tree
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write
from tests.trajectory.club import club, club_schema, schema_of
from tests.trajectory.goldens import Golden, goldens
from tests.trajectory.queries import databases, queries

PAIRS = goldens("queries.txt") + goldens("joins.txt")
SELECTS = (Path(__file__).parent / "golden_sql" / "selects.sql").read_text("utf-8").split(";\n")


def same_rows(connection: sqlite3.Connection, one: str, other: str) -> bool:
    first, second = connection.execute(one).fetchall(), connection.execute(other).fetchall()
    return sorted(map(repr, first)) == sorted(map(repr, second))


@pytest.mark.parametrize("golden", PAIRS, ids=lambda golden: golden.title)
def test_golden(golden: Golden) -> None:
    sql, text, compiled = golden.parts
    trajectory = from_sql(sql, club_schema())
    assert write(trajectory) == text
    assert to_sql(trajectory, club_schema()) == compiled
    assert same_rows(club(), sql, compiled)


@pytest.mark.parametrize("golden", PAIRS, ids=lambda golden: golden.title)
def test_the_extended_dialect_keeps_everything(golden: Golden) -> None:
    schema = club_schema()
    text = write(from_sql(golden.parts[0], schema))
    assert to_sql(read(text).trajectory, schema) == golden.parts[2]


@pytest.mark.parametrize("sql", SELECTS)
def test_every_kind_of_select_comes_back(sql: str) -> None:
    schema, connection = club_schema(), club()
    compiled = to_sql(from_sql(sql, schema), schema)
    before, after = connection.execute(sql).fetchall(), connection.execute(compiled).fetchall()
    if " order by " in sql.rsplit(")", 1)[-1]:
        assert after == before, compiled
    else:
        assert sorted(map(repr, after)) == sorted(map(repr, before)), compiled


@given(databases, queries)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_generated_queries_over_generated_databases(script: str, sql: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    schema = schema_of(connection, "generated")
    compiled = to_sql(from_sql(sql, schema), schema)
    assert same_rows(connection, sql, compiled), compiled
    assert to_sql(read(write(from_sql(sql, schema))).trajectory, schema) == compiled


def test_a_tree_that_is_resolved_gives_the_same() -> None:
    schema = club_schema()
    for golden in PAIRS:
        tree = parse_select(golden.parts[0], schema.dialect)
        before = tree.sql(schema.dialect)
        resolution = resolve_tree(tree, schema, golden.parts[0])
        for _ in range(2):  # a resolution may be read more than once
            assert from_tree(tree, resolution, schema) == from_sql(golden.parts[0], schema)
        assert tree.sql(schema.dialect) == before


def test_of_several_unknown_tables_none_is_guessed() -> None:
    walked = list(from_sql('select shoe from stadium, ground where size = "XL"', club_schema()).walk())
    assert n.ColumnRef(None, "shoe") in walked
    # In double quotes, and no table has such a column: text, even beside a table that nobody knows.
    assert n.Literal("XL") in walked


def test_an_unknown_name_in_a_subquery_is_not_of_the_unknown_table_around() -> None:
    trajectory = from_sql(
        "select name from stadium where id = (select shoe from player where age = 1)", club_schema()
    )
    assert n.ColumnRef("player", "shoe") in trajectory.walk()


def test_a_result_alias_in_the_select_list_stays_a_wrong_name() -> None:
    compiled = to_sql(
        from_sql("select age + 1 as older, older + 1 from player", club_schema()), club_schema()
    )
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        club().execute(compiled)


def test_the_ordinary_case_has_no_joins() -> None:
    trajectory = from_sql(
        "select p.name from player as p join team as t on p.team_id = t.id"
        " where t.city = 'Oslo' and p.team_id = 1",
        club_schema(),
    )
    assert not any(isinstance(node, n.Join) for node in trajectory.walk())
    assert [step.name for step in trajectory.steps] == ["df1", "df2", "res"]


def test_names_that_no_table_has_are_kept() -> None:
    trajectory = from_sql("select shoe from player where size > 3", club_schema())
    assert n.ColumnRef("player", "shoe") in trajectory.walk()
    compiled = to_sql(trajectory, club_schema())
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        club().execute(compiled)


def test_tables_that_are_not_there_are_kept() -> None:
    sql = "select s.name from stadium s join team t on t.id = s.team_id"
    compiled = to_sql(from_sql(sql, club_schema()), club_schema())
    with pytest.raises(sqlite3.OperationalError, match="no such table: stadium"):
        club().execute(compiled)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("", SqlEmpty),
        ("select from where", SqlUnreadable),
        ("delete from player", SqlNotSelect),
        ("select 1; select 2", SqlNotSelect),
        ("select " + "(select " * 80 + "1" + ")" * 80, SqlUnreadable),
        (
            "select * from team left join (player join goal on goal.player_id = player.id)"
            " on player.team_id = team.id",
            SqlUnreadable,
        ),
    ],
)
def test_what_is_no_select_is_a_named_error(sql: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        from_sql(sql, club_schema())
    assert "\n" not in str(caught.value)


def test_gold_of_spider_comes_back(shared_data: Path) -> None:
    schemas = read_tables_json(shared_data / "spider" / "tables.json")
    rows = json.loads((shared_data / "spider" / "dev.json").read_text("utf-8"))[::10]
    wrong = []
    for row in rows:
        schema: Schema = schemas[row["db_id"]]
        path = shared_data / "spider" / "database" / schema.name / f"{schema.name}.sqlite"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        if not same_rows(connection, row["query"], to_sql(from_sql(row["query"], schema), schema)):
            wrong.append(row["query"])
        connection.close()
    assert wrong == []
