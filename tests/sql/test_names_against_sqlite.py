"""Generated queries: the resolver finds fault exactly where SQLite does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from share_sql.schema.model import Column, Schema, Table
from share_sql.sql.names import resolve

DDL = {
    "t": ["a", "b", "id"],
    "u": ["a", "c", "id"],
    "v": ["d", "b"],
}
SCHEMA = Schema("g", tuple(Table(name, tuple(Column(c, "TEXT") for c in cols)) for name, cols in DDL.items()))
NAMES = st.sampled_from(["a", "b", "c", "id", "d", "A", "a", "b", "z"])
# Mostly pairs that fit, so that faults stay rare enough for whole queries to be right.
PAIRS = st.sampled_from(["t.a", "t.b", "t.id", "u.a", "u.c", "v.d", "x.a", "x.b", "y.a", "w.a", "u.z"])

NO_CONDITION = "/* on */"
"""Behind a join without a condition, which not every database takes."""

column = st.one_of(NAMES, NAMES, PAIRS)
constant = st.sampled_from(["1", "'k'", "NULL", '"k"'])


@st.composite
def expression(draw: st.DrawFn, depth: int, cte: bool = False) -> str:
    kind = draw(st.integers(0, 9 if depth > 0 else 6))
    if kind <= 3:
        return draw(column)
    if kind == 4:
        return draw(constant)
    if kind == 5:
        return f"({draw(column)} || {draw(column)})"
    if kind == 6:
        return f"CASE {draw(column)} WHEN {draw(constant)} THEN {draw(column)} END"
    inner = draw(query(depth - 1, cte, single=True))
    if kind == 7:
        return f"({inner})"
    if kind == 8:
        return f"EXISTS ({inner})"
    return f"{draw(column)} IN ({inner})"


@st.composite
def condition(draw: st.DrawFn, depth: int, cte: bool = False) -> str:
    one = f"{draw(expression(depth, cte))} = {draw(expression(0))}"
    return f"{one} AND {draw(column)} > 1" if draw(st.booleans()) else one


@st.composite
def source(draw: st.DrawFn, depth: int, free: list[str], cte: bool) -> str:
    """One FROM item, under a name of its own: SQLite is erratic about two of one name."""
    kind = draw(st.integers(0, 5 if depth > 0 else 3))
    if kind == 5:
        return f"({draw(source(0, free, cte))} JOIN {draw(source(0, free, cte))} {NO_CONDITION})"
    label = free.pop(draw(st.integers(0, len(free) - 1)))
    if kind == 4:
        return f"({draw(query(depth - 1, cte))}) AS {label}"
    if label in DDL:
        return label
    names = [*DDL, *DDL, *DDL, *DDL, "missing", *(["w"] * 12 if cte else [])]
    return f"{draw(st.sampled_from(names))} AS {label}"


@st.composite
def select(draw: st.DrawFn, depth: int, cte: bool, single: bool) -> str:
    free = ["t", "u", "v", "w", "x", "y"]
    sources = draw(source(depth, free, cte))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        right = draw(source(depth, free, cte))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            sources += f", {right}"
        elif kind == 1:
            sources += f" JOIN {right} ON {draw(condition(0))}"
        elif kind == 2:
            sources += f" JOIN {right} USING ({draw(st.sampled_from(['a', 'b', 'id']))})"
        elif kind == 3:
            sources += f" NATURAL JOIN {right}"
        else:
            sources += f" LEFT JOIN {right} {NO_CONDITION}"
    items = []
    for _ in range(1 if single else draw(st.integers(1, 3))):
        item = draw(expression(depth, cte))
        if not single and draw(st.integers(0, 6)) == 0:
            item = draw(st.sampled_from(["*", "t.*", "x.*"]))
        elif draw(st.integers(0, 2)) == 0:
            item += f" AS {draw(NAMES)}"
        items.append(item)
    sql = f"SELECT {', '.join(items)} FROM {sources}"
    if draw(st.booleans()):
        sql += f" WHERE {draw(condition(depth, cte))}"
    if draw(st.integers(0, 3)) == 0:
        sql += f" GROUP BY {draw(expression(0))}"
        if draw(st.booleans()):
            sql += f" HAVING {draw(condition(depth, cte))}"
    return sql


@st.composite
def query(draw: st.DrawFn, depth: int, cte: bool = False, single: bool = False) -> str:
    head = ""
    # At the top only: SQLite resolves a correlated CTE anew at each use, which the resolver does not.
    if depth == 2 and draw(st.integers(0, 2)) == 0:
        columns = draw(st.sampled_from(["", "", "(a)", "(z, d)"]))
        head = f"WITH w{columns} AS ({draw(query(depth - 1))}) "
        cte = True
    sql = head + draw(select(depth, cte, single))
    if draw(st.integers(0, 5)) == 0:
        sql += f" UNION {draw(select(depth, cte, single))}"
    elif draw(st.integers(0, 3)) == 0:
        sql += f" ORDER BY {draw(expression(depth, cte))}"
    return sql


def refusal(sql: str) -> str | None:
    """SQLite's message, or None where it takes the query."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for name, columns in DDL.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        try:
            connection.execute("EXPLAIN " + sql).fetchall()
        except sqlite3.Error as error:
            return str(error)
    return None


@settings(max_examples=250)
@given(query(2))
def test_faults_are_sqlites_faults(sql: str) -> None:
    found = resolve(sql, SCHEMA)
    faults = [*found.unknown_tables, *found.unknown_columns, *found.ambiguous]
    message = refusal(sql)
    if message is None:
        assert not faults, sql
    elif message.startswith(
        ("no such column", "ambiguous column name", "no such table", "cannot join using")
    ):
        assert faults, (message, sql)
        # SQLite stops at the first fault; which table it names first is its own affair.
        if message.startswith(("no such column", "ambiguous")):
            name = message.rpartition(": ")[2].rpartition(".")[2].lower()
            assert name in {str(getattr(fault, "column", "")).lower() for fault in faults}, (
                message,
                sql,
                faults,
            )
