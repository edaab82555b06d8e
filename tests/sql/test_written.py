"""Trees as SQL."""

from __future__ import annotations

import pytest
from sqlglot import exp, parse_one

from share_sql.errors import SqlUnreadable
from share_sql.sql.text import parse_select
from share_sql.sql.written import plain_sql, write_sql


def test_what_a_dialect_cannot_say_is_left_out_or_refused() -> None:
    tree = parse_one("SELECT TRUNC(a, 2) FROM t", dialect="postgres")
    assert write_sql(tree, "sqlite") == "SELECT TRUNC(a) FROM t"
    with pytest.raises(SqlUnreadable, match="cannot be written for sqlite"):
        write_sql(tree, "sqlite", strict=True)


@pytest.mark.parametrize("dialect", ["", "sqlite", "postgres"])
@pytest.mark.parametrize("comments", [True, False])
def test_a_generator_that_is_kept_writes_as_a_new_one(dialect: str, comments: bool) -> None:
    for sql in (
        "SELECT a, /* all */ COUNT(*) FROM t WHERE b = 'x' GROUP BY a",
        "SELECT * FROM (SELECT 1 UNION SELECT 2) AS u",
        "SELECT * FROM t LEFT SEMI JOIN u ON t.a = u.a",
    ):
        tree = parse_one(sql)
        before = tree.copy()
        for _ in range(2):
            assert plain_sql(tree, dialect, comments=comments) == tree.sql(dialect, comments=comments)
        assert tree == before, "what is kept is not changed"


def test_a_tree_that_sqlglot_cannot_write_is_a_named_error() -> None:
    with pytest.raises(SqlUnreadable, match="cannot be written"):
        write_sql(parse_one("SELECT JSON_EXTRACT(x, '$[1,0]')", dialect="presto"), "sqlite")
    deep: exp.Expr = exp.column("a")
    for _ in range(3000):
        deep = exp.Paren(this=deep)
    with pytest.raises(SqlUnreadable, match="too deeply"):
        write_sql(deep, "sqlite")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("bigquery", "SELECT DATE_TRUNC(date, WEEK("),
        ("postgres", "SELECT TO_TIMESTAMP('x', 'DD Mon YYYY' "),
    ],
)
def test_what_sqlglot_did_not_foresee_is_a_named_error(dialect: str, sql: str) -> None:
    with pytest.raises(SqlUnreadable):
        parse_select(sql, dialect)
