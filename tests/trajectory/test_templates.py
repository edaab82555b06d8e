"""Sql nodes: nothing but one expression, one source, or one key of groups comes of their text."""

from __future__ import annotations

import pytest

from share_sql.errors import CompileError, SqlUnreadable
from share_sql.schema.model import Column, Schema, Table
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

TABLES = (Table("t", (Column("a", "text"), Column("b", "integer"), Column("d", "date"))),)


def schema(dialect: str) -> Schema:
    return Schema("s", TABLES, dialect=dialect)


def compiled(text: str, *holes: n.Expr, dialect: str = "postgres") -> str:
    frame = n.Frame("df", (n.Select((n.Sql(text, holes),)),))
    return to_sql(n.Trajectory((n.Step("res", frame),)), schema(dialect))


@pytest.mark.parametrize(
    "text",
    [
        "1; DROP TABLE t", "1, 2", "1 FROM t", "(SELECT a FROM t)", "1 -- x", "1 /* x */", "1 AS x",
        "1) OR (1",
        "1 UNION SELECT 2", "", "'", "1 WHERE true", "EXISTS (SELECT 1)", "* FROM t", "1 LIMIT 1",
        "__hole_0", "$$a$$; SELECT 1", "a.b.c.d.e f", "(WITH x AS (SELECT 1) SELECT * FROM x)",
    ],
)  # fmt: skip
def test_a_text_that_is_more_than_an_expression_is_refused(text: str) -> None:
    for dialect in ("postgres", "mysql", "duckdb", "sqlite"):
        with pytest.raises(CompileError, match=r"^no one expression can be made of the SQL"):
            compiled(text, dialect=dialect)


@pytest.mark.parametrize("text", ["'{}'", '"{}"', "{} AS {}", "-- {}", "{} {}", "x.{}", "EXTRACT({} FROM d)"])
def test_a_hole_is_one_operand(text: str) -> None:
    holes = (n.ColumnRef("t", "b"),) * text.count("{}")
    with pytest.raises(CompileError, match=r"^no one expression"):
        compiled(text, *holes)


def test_what_fills_a_hole_keeps_together() -> None:
    both = n.Binary("or", n.ColumnRef("t", "a"), n.ColumnRef("t", "b"))
    assert compiled("{} IS JSON", both) == "SELECT (a OR b) IS JSON FROM t"
    assert compiled("DATE_PART('year', {})", both) == "SELECT DATE_PART('year', a OR b) FROM t"
    inner = n.Sql("{} AT TIME ZONE 'UTC'", (n.ColumnRef("t", "d"),))
    assert (
        compiled("{} + INTERVAL '1 day'", inner) == "SELECT (d AT TIME ZONE 'UTC') + INTERVAL '1 day' FROM t"
    )


@pytest.mark.parametrize(
    "text", ["t", "t, t", "UNNEST({}) AS x, t", "(SELECT 1)", "UNNEST({}) JOIN t ON true"]
)
def test_a_source_is_one_function(text: str) -> None:
    holes = (n.ColumnRef("t", "a"),) * text.count("{}")
    join = n.Join(n.Sql(text, holes), "u", "cross")
    frame = n.Frame("df", (n.Join(n.ColumnRef(None, "t"), None, "from"), join, n.Select((n.Star(),))))
    with pytest.raises(CompileError, match=r"^no one source"):
        to_sql(n.Trajectory((n.Step("res", frame),)), schema("postgres"))


@pytest.mark.parametrize("text", ["t.a HAVING true", "ROLLUP ({}) ORDER BY 1", "WITH ROLLUP LIMIT 1"])
def test_a_key_is_nothing_else(text: str) -> None:
    holes = (n.ColumnRef("t", "a"),) * text.count("{}")
    frame = n.Frame("df", (n.GroupBy((n.Sql(text, holes),)), n.Select((n.ColumnRef("t", "a"),))))
    with pytest.raises(CompileError, match=r"^no one key of groups"):
        to_sql(n.Trajectory((n.Step("res", frame),)), schema("postgres"))


def test_the_reader_wants_a_value_for_each_hole() -> None:
    good = read('res = df.select(sql("EXTRACT(YEAR FROM {})", t.d))').trajectory
    assert good.is_typed
    assert '"EXTRACT(YEAR FROM {})", t.d' in write(good)
    assert not read('res = df.select(sql("EXTRACT(YEAR FROM {})"))').trajectory.is_typed
    assert not read('res = df.select(sql("1", t.d))').trajectory.is_typed


def test_braces_of_the_sql_itself_are_doubled() -> None:
    trajectory = from_sql("SELECT {'k': b, 'x{}': 1} FROM t", schema("duckdb"))
    assert "sql(\"{{'k': {}, 'x{{}}': 1}}\", t.b)" in write(trajectory)
    assert to_sql(read(write(trajectory)).trajectory, schema("duckdb")) == "SELECT {'k': b, 'x{}': 1} FROM t"


FUNCTIONS = {
    "year(t.d)": ("EXTRACT(YEAR FROM CAST(d AS TIMESTAMP))", "YEAR(d)", "YEAR(d)"),
    "ifnull(t.a, 'x')": ("COALESCE(a, 'x')", "IFNULL(a, 'x')", "COALESCE(a, 'x')"),
    "iif(t.b > 1, 2, 3)": ("CASE WHEN b > 1 THEN 2 ELSE 3 END",) * 3,
    "divide(t.b, 2)": ("CAST(b AS DOUBLE PRECISION) / 2", "CAST(b AS DOUBLE) / 2", "CAST(b AS DOUBLE) / 2"),
    "strftime('%Y-%m', t.d)": (
        "TO_CHAR(CAST(d AS TIMESTAMP), 'YYYY-MM')",
        "DATE_FORMAT(d, '%Y-%m')",
        "STRFTIME(CAST(d AS TIMESTAMP), '%Y-%m')",
    ),
    "t.a || 'x'": ("a || 'x'", "CONCAT(a, 'x')", "a || 'x'"),
    "t.a is 'x'": ("a IS NOT DISTINCT FROM 'x'", "a <=> 'x'", "a IS NOT DISTINCT FROM 'x'"),
    "t.a ilike 'x%'": ("a ILIKE 'x%'", "a LIKE 'x%'", "a ILIKE 'x%'"),
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions_as_models_write_them(text: str) -> None:
    trajectory = read(f"res = df.select({text})").trajectory
    for dialect, wanted in zip(("postgres", "mysql", "duckdb"), FUNCTIONS[text], strict=True):
        assert to_sql(trajectory, schema(dialect)) == f"SELECT {wanted} FROM t"


@pytest.mark.parametrize(
    ("text", "dialect", "message"),
    [
        ("df.select(t.a, distinct_on = [t.a])", "mysql", "DISTINCT ON is not MySQL's"),
        ("df.qualify(rank() over (order by t.a) = 1).select(t.a)", "postgres", "QUALIFY is not PostgreSQL's"),
        ("df.where(t.a glob 'x*').select(t.a)", "postgres", "the operator 'glob' is not PostgreSQL's"),
        ("df.where(t.a match 'x*').select(t.a)", "duckdb", "the operator 'match' is not DuckDB's"),
    ],
)  # fmt: skip
def test_what_a_dialect_cannot_say_is_refused_by_name(text: str, dialect: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        to_sql(read(f"res = {text}").trajectory, schema(dialect))
    assert str(caught.value) == message


def test_texts_are_escaped_as_the_dialect_reads_them() -> None:
    for dialect in ("postgres", "mysql", "duckdb", "sqlite"):
        for value in ("a\\", "a\\' OR 1=1 -- ", "'", "\\\\'"):
            frame = n.Frame("df", (n.Select((n.Literal(value), n.ColumnRef("t", "a"))),))
            sql = to_sql(n.Trajectory((n.Step("res", frame),)), schema(dialect))
            again = from_sql(sql, schema(dialect))
            assert [node.value for node in again.walk() if isinstance(node, n.Literal)] == [value]


def test_what_is_no_query_of_one_select_is_refused_by_name() -> None:
    with pytest.raises(SqlUnreadable, match=r"^FOR UPDATE is not supported$"):
        from_sql("SELECT a FROM t FOR UPDATE", schema("postgres"))
