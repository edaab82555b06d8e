"""The grammar that a filled trajectory is held to: the masked one with the schema's columns in its masks."""

from __future__ import annotations

import json
import re

import pytest

from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.grammar import filling_grammar, quoted
from share_sql.trajectory.mask import mask
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write

SCHEMA = Schema(
    "schools",
    (
        Table("frpm", (Column("CDSCode"), Column("Free Meal Count (K-12)"), Column("County Name"))),
        Table("Sales Orders", (Column("order"), Column("Date"), Column('odd "name"'), Column("price"))),
        Table("nothing", ()),
    ),
)
NAMES = [ColumnName(table.name, column.name) for table, column in SCHEMA.columns()]
QUERIES = [
    "SELECT CDSCode FROM frpm WHERE `County Name` = 'O''Hara' AND `Free Meal Count (K-12)` > 10",
    "SELECT `County Name`, COUNT(*) FROM frpm GROUP BY 1 HAVING COUNT(*) > 2 ORDER BY COUNT(*) DESC LIMIT 1",
    "SELECT SUM(CASE WHEN `order` LIKE 'A%' THEN 1 ELSE 0 END) * 100.0 / COUNT(*) FROM `Sales Orders`",
    'SELECT `odd "name"` FROM `Sales Orders` WHERE price IN (SELECT MAX(price) FROM `Sales Orders`)',
    "SELECT frpm.* FROM frpm WHERE CDSCode = 'a\\\"b'",
]


def held(grammar: str) -> re.Pattern[str]:
    """The grammar, which has no recursion, as a regular expression."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())

    def pattern(rule: str) -> str:
        parts = re.findall(r'"(?:[^"\\]|\\.)*"|\w+|\|', rules[rule])
        texts = [
            re.escape(json.loads(part)) if part[0] == '"' else part if part == "|" else pattern(part)
            for part in parts
        ]
        return f"(?:{''.join(texts)})"

    return re.compile(pattern("root"))


def masked(sql: str) -> tuple[str, str]:
    """A query's trajectory as written, and masked."""
    trajectory = from_sql(sql, SCHEMA)
    return write(trajectory, "paper"), write(mask(trajectory, SCHEMA), "paper")


def test_it_is_a_line_a_table() -> None:
    assert filling_grammar("res = df.where([MASK] = '\"x\"').select([MASK])", SCHEMA) == (
        'root ::= "```SR\\nres = df.where(" column " = \'\\"x\\"\').select(" column ")\\n```"\n'
        'column ::= "*" | "frpm." in0 | "`Sales Orders`." in1\n'
        'in0 ::= "CDSCode" | "Free Meal Count (K-12)" | "County Name" | "*"\n'
        'in1 ::= "order" | "Date" | "`odd \\"name\\"`" | "price" | "*"\n'
    )


@pytest.mark.parametrize("sql", QUERIES)
def test_it_takes_the_trajectory_that_was_masked(sql: str) -> None:
    text, template = masked(sql)
    assert "[MASK]" in template
    assert held(filling_grammar(template, SCHEMA)).fullmatch(f"```SR\n{text}\n```")


@pytest.mark.parametrize("sql", QUERIES)
def test_it_takes_every_column_and_what_it_takes_is_read_whole(sql: str) -> None:
    _, template = masked(sql)
    pattern = held(filling_grammar(template, SCHEMA))
    for name in NAMES:
        column = n.ColumnRef(name.table, name.column)
        spelled = write(n.Trajectory((n.Step("res", column),)), "paper").removeprefix("res = ")
        filled = f"```SR\n{template.replace('[MASK]', spelled)}\n```"
        assert pattern.fullmatch(filled)
        nodes = list(read(filled, NAMES).trajectory.walk())
        assert column in nodes
        assert not any(isinstance(node, n.Raw | n.RawAction) for node in nodes)


@pytest.mark.parametrize(
    "text",
    [
        "res = df.where(element = frpm.Price, filter = '> 5').count()",
        "res = df.where(element = schools.CDSCode, filter = '> 5').count()",
        "res = df.where(element = frpm.CDSCode, filter = '> 6').count()",
        "res = df.where(element = frpm.CDSCode, filter = '> 5').count().limit(1)",
        "res = df.where(element = nothing.x, filter = '> 5').count()",
        "res = df.where(element = [MASK], filter = '> 5').count()",
        "Sure! res = df.where(element = frpm.CDSCode, filter = '> 5').count()",
    ],
)
def test_it_takes_no_other_columns_actions_or_prose(text: str) -> None:
    pattern = held(filling_grammar("res = df.where(element = [MASK], filter = '> 5').count()", SCHEMA))
    assert pattern.fullmatch("```SR\nres = df.where(element = frpm.CDSCode, filter = '> 5').count()\n```")
    assert not pattern.fullmatch(f"```SR\n{text}\n```")


def test_terminals_are_escaped() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
