"""The grammar that answers are held to: it takes what `write` writes, and all of it can be read."""

from __future__ import annotations

import pytest

from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.grammar import MAX_STEPS, output_names, quoted, trajectory_grammar
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write

from .ebnf import Grammar

SCHEMA = Schema(
    "schools",
    (
        Table("frpm", (Column("CDSCode"), Column("Free Meal Count (K-12)"), Column("County Name"))),
        Table("Sales Orders", (Column("order"), Column("Date"), Column('odd "name"'), Column("price"))),
    ),
)
NAMES = [ColumnName(table.name, column.name) for table, column in SCHEMA.columns()]
QUERIES = [
    "SELECT CDSCode FROM frpm WHERE `County Name` = 'Los Angeles'",
    "SELECT CDSCode FROM frpm WHERE `County Name` = 'O''Hara' AND `Free Meal Count (K-12)` > 10",
    "SELECT `County Name`, COUNT(*) FROM frpm GROUP BY 1 HAVING COUNT(*) > 2 ORDER BY COUNT(*) DESC LIMIT 1",
    "SELECT SUM(CASE WHEN `order` LIKE 'A%' THEN 1 ELSE 0 END) * 100.0 / COUNT(*) FROM `Sales Orders`",
    "SELECT CAST(SUM(price) AS REAL) / COUNT(DISTINCT `order`) FROM `Sales Orders`"
    " WHERE Date BETWEEN '2010' AND '2011'",
    'SELECT `odd "name"` FROM `Sales Orders` WHERE price IN (SELECT MAX(price) FROM `Sales Orders`)',
    "SELECT CDSCode FROM frpm WHERE `County Name` IN ('a', 'b')"
    " UNION SELECT CDSCode FROM frpm WHERE `County Name` IS NULL",
    "SELECT STRFTIME('%Y', Date) FROM `Sales Orders` WHERE price * 2 > 5 OR price < 1",
    "SELECT t.total FROM (SELECT SUM(price) AS total FROM `Sales Orders` GROUP BY `order`) AS t"
    " ORDER BY t.total LIMIT 3",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_it_takes_what_is_written(sql: str) -> None:
    trajectory = from_sql(sql, SCHEMA)
    grammar = Grammar.parse(trajectory_grammar(SCHEMA, output_names(trajectory)))
    text = f"```SR\n{write(trajectory, 'paper')}\n```"
    assert grammar.accepts(text), text


@pytest.mark.parametrize(
    "steps",
    [
        "res = df.select(frpm.Price)",
        "res = df.select(schools.CDSCode)",
        "res = df.where(element = frpm.CDSCode, filter = '> frpm.nothing').count()",
        "res = df.where(element = frpm.CDSCode, filter = 'in frpm_nothing').count()",
        "res = df.where(element = frpm.CDSCode, filter = 'x is frpm.nothing').count()",
        "res = df2.select(frpm.CDSCode)",
        "df1 = df2.select(frpm.CDSCode)\nres = df1.count()",
        "df1 = df.select(frpm.CDSCode)",
        "Sure! res = df.count()",
        "df.count()",
    ],
)
def test_it_takes_no_other_columns_frames_or_prose(steps: str) -> None:
    assert not Grammar.parse(trajectory_grammar(SCHEMA)).accepts(f"```SR\n{steps}\n```")


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar.parse(trajectory_grammar(SCHEMA, ["total", "net profit"]))


@pytest.mark.parametrize("seed", range(120))
def test_everything_in_it_is_read_whole(grammar: Grammar, seed: int) -> None:
    text = grammar.sample(seed)
    reading = read(text, NAMES)
    assert reading.fence == "SR"
    assert len(reading.trajectory.steps) == text.count("\n") - 1 <= MAX_STEPS
    bare = {column.name.lower() for _, column in SCHEMA.columns()} | {"total", "net profit"}
    for node in reading.trajectory.walk():
        assert not isinstance(node, n.Raw | n.RawAction), text
        if isinstance(node, n.ColumnRef):
            known = SCHEMA.column(node.table, node.name) if node.table else node.name.lower() in bare
            assert known, (node, text)


def test_terminals_are_escaped() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
