"""Hypothesis strategies: small databases, and queries over them."""

from __future__ import annotations

from hypothesis import strategies as st

DDL = """
create table a (id integer primary key, x integer, name text, b_id integer references b (id));
create table b (id integer primary key, y integer, name text, boss integer references b (id));
create table link (a_id integer references a (id), b_id integer references b (id), "the note" text);
"""

_numbers = st.one_of(st.none(), st.integers(-2, 4))
_texts = st.sampled_from([None, "", "x", "X", "it's", "a%b", "3"])


def _literal(value: object) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


@st.composite
def _databases(draw: st.DrawFn) -> str:
    script = DDL
    for table, kinds in (
        ("a", (_numbers, _texts, _numbers)),
        ("b", (_numbers, _texts, _numbers)),
        ("link", (_numbers, _numbers, _texts)),
    ):
        for index in range(draw(st.integers(0, 5))):
            key = [] if table == "link" else [str(index)]
            values = ", ".join(key + [_literal(draw(kind)) for kind in kinds])
            script += f"insert into {table} values ({values});\n"
    return script


databases = _databases()

_COLUMNS = {
    "a": (["x", "id", "b_id"], ["name"]),
    "b": (["y", "id", "boss"], ["name"]),
    "link": (["a_id", "b_id"], ['"the note"']),
}

_JOINS = [
    ("a", [("s", "a")]),
    ("b", [("s", "b")]),
    ("a as s join b as t on s.b_id = t.id", [("s", "a"), ("t", "b")]),
    ("b as s, a as t", [("s", "b"), ("t", "a")]),
    ("b as s, a as t where t.b_id = s.id", [("s", "b"), ("t", "a")]),
    ("a as s left join b as t on s.b_id = t.id and t.y > 0", [("s", "a"), ("t", "b")]),
    ("b as s join b as t on s.boss = t.id", [("s", "b"), ("t", "b")]),
    (
        "a as s join link on link.a_id = s.id join b as t on t.id = link.b_id",
        [("s", "a"), ("link", "link"), ("t", "b")],
    ),
    ("a as s join link on link.a_id = s.id", [("s", "a"), ("link", "link")]),
    ("a as s join a as t on s.x = t.x and s.id <> t.id", [("s", "a"), ("t", "a")]),
    ("(select id, x as y, name from a where x is not null) as s", [("s", "derived")]),
    ("link natural join a as s", [("s", "a")]),
]
_COLUMNS["derived"] = (["y", "id"], ["name"])


@st.composite
def _numeric(draw: st.DrawFn, sources: list[tuple[str, str]], depth: int = 0) -> str:
    alias, table = draw(st.sampled_from(sources))
    column = f"{alias}.{draw(st.sampled_from(_COLUMNS[table][0]))}"
    if depth > 1:
        return column
    left, right = column, str(draw(st.integers(-1, 3)))
    kind = draw(st.integers(0, 8))
    inner = draw(_numeric(sources, depth + 1))
    return [
        column, column, right, f"{left} + {inner}", f"({left} - {inner}) * 2", f"{left} / {right}",
        f"coalesce({left}, {right})", f"case when {left} > {right} then {inner} end", f"-{left}",
    ][kind]  # fmt: skip


@st.composite
def _condition(draw: st.DrawFn, sources: list[tuple[str, str]], depth: int = 0) -> str:
    one, other = draw(_numeric(sources)), draw(_numeric(sources))
    alias, table = draw(st.sampled_from(sources))
    text = f"{alias}.{draw(st.sampled_from(_COLUMNS[table][1]))}"
    kind = draw(st.integers(0, 13 if depth < 2 else 8))
    if kind >= 9:
        left, right = draw(_condition(sources, depth + 1)), draw(_condition(sources, depth + 1))
    else:
        left = right = ""
    outer = f"{alias}.{draw(st.sampled_from(_COLUMNS[table][0]))}"
    return [
        f"{one} > {other}",
        f"{one} = {other}",
        f"{text} like '%x%'",
        f"{text} is not null",
        f"{one} between -1 and {other}",
        f"{one} in (1, 2, {other})",
        f"{text} <> 'it''s'",
        f"{one} >= (select avg(y) from b)",
        f"{outer} not in (select b_id from link where b_id is not null)",
        f"{left} and {right}",
        f"({left} or {right})",
        f"not ({left})",
        f"exists (select 1 from link as l where l.a_id = {outer} and {left})",
        f"(select count(*) from b as u where u.y = {outer}) > 0 or {right}",
    ][kind]


@st.composite
def _selects(draw: st.DrawFn, columns: int | None = None) -> str:
    source, sources = draw(st.sampled_from(_JOINS))
    if len(sources) == 1 and sources[0][1] in ("a", "b") and " " not in source:
        source += " as s"
    conditions = [draw(_condition(sources)) for _ in range(draw(st.integers(0, 2)))]
    where = ""
    if conditions:
        word = " and " if " where t.b_id" in source else " where "
        where = word + " and ".join(f"({c})" if " or " in c else c for c in conditions)
    width = columns or draw(st.integers(1, 3))
    if draw(st.booleans()):
        key = draw(_numeric(sources))
        # A bare constant would be read as a position.
        key = f"abs({key})" if key.lstrip("-").isdigit() else key
        functions = [
            "count(*)",
            f"sum({draw(_numeric(sources))})",
            f"count(distinct {draw(_numeric(sources))})",
        ]
        items = [f"{key} as k", *functions][:width]
        having = draw(
            st.sampled_from(["", " having count(*) > 1", f" having min({draw(_numeric(sources))}) < 3"])
        )
        return f"select {', '.join(items)} from {source}{where} group by {key}{having}"
    items = [draw(_numeric(sources)) for _ in range(width)]
    distinct = draw(st.sampled_from(["", "distinct "]))
    return f"select {distinct}{', '.join(items)} from {source}{where}"


@st.composite
def _queries(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 3)) == 0:
        word = draw(st.sampled_from(["union", "union all", "intersect", "except"]))
        return f"{draw(_selects(2))} {word} {draw(_selects(2))}"
    return draw(_selects())


queries = _queries()
