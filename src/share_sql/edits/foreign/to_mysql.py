"""MySQL and MariaDB as the database: what sqlglot's writer lacks for them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE
from share_sql.edits.foreign.clock_mysql import MysqlClock
from share_sql.edits.foreign.functions import added_text
from share_sql.edits.foreign.groups import bare_columns, sorted_distinct
from share_sql.edits.foreign.kinds import mark_columns, marked
from share_sql.edits.foreign.moments import date_rules
from share_sql.edits.foreign.named import quoted_texts, spelled
from share_sql.edits.foreign.nodes import (
    Reading,
    Rule,
    arguments_of,
    call,
    integer,
    listed,
    number,
    operand,
    string,
)
from share_sql.edits.foreign.numbers import (
    LENIENT_LIKE,
    call_named,
    cast_rule,
    division_rule,
    globbed,
    number_calls,
    spelled_types,
    substring_from,
)
from share_sql.edits.foreign.queries import dual, limits, locks, outer_marks, prefixes, row_numbers
from share_sql.edits.foreign.shape import (
    aliases,
    crossed,
    limited_members,
    named_queries,
    sorted_nulls,
)
from share_sql.edits.foreign.strict import Casts
from share_sql.edits.foreign.target import PLAIN, Clause, Target, in_families


def _as_number(value: exp.Expr, reading: Reading) -> exp.Expr:
    return value.copy()


CLOCK = MysqlClock()
CASTS = Casts(CLOCK, _as_number)


def _truncate(value: exp.Expr) -> exp.Expr:
    return call("TRUNCATE", value, number(0))


def _pick(column: exp.Expr, extreme: exp.Expr | None) -> exp.Expr:
    return exp.Min(this=column.copy())


def _one_of_group(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Servers with ONLY_FULL_GROUP_BY refuse bare columns; the others are better without it said."""
    return bare_columns(_pick, by_key=True)(tree, reading) if reading.way == SAFE else (tree, "")


def _whole(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.IntDiv(this=operand(left), expression=operand(right)))


def _substring(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """A SUBSTR from 0 is empty; SQLite's is one sign shorter."""
    start, length = substring_from(node)
    if start != 0 or reading.reader not in ("sqlite", "postgres", "duckdb"):
        return None
    if length is not None:
        return call("SUBSTR", node.this.copy(), number(1), number(max(length - 1, 0)))
    return node.this.copy() if node.args.get("length") is None else None


def _any_case(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """LIKE does not tell capitals apart."""
    if isinstance(node.expression, exp.Any | exp.All):
        return None
    return exp.Like(this=node.this.copy(), expression=node.expression.copy(), negate=node.args.get("negate"))


def _filtered(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`SUM(x) FILTER (WHERE c)`: of CASE WHEN c THEN x END."""
    aggregate, where = node.this, node.expression
    if not isinstance(aggregate, exp.AggFunc) or not isinstance(where, exp.Where):
        return None
    new = aggregate.copy()
    inner = new.this
    target = inner.expressions[0] if isinstance(inner, exp.Distinct) and inner.expressions else inner
    if target is None:
        return None
    value: exp.Expr = number(1) if isinstance(target, exp.Star) else target.copy()
    target.replace(exp.Case(ifs=[exp.If(this=where.this.copy(), true=value)]))
    return new


def _split(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """SPLIT_PART: the last part of the first ones; nothing where there are fewer."""
    place, mark = integer(node.args.get("part_index")), node.args.get("delimiter")
    if place is None or place < 1 or mark is None or string(mark) is None:
        return None
    head = call("SUBSTRING_INDEX", node.this.copy(), mark.copy(), number(place))
    if place == 1:
        return head
    return call("SUBSTRING_INDEX", head, mark.copy(), number(-1))


def _matched(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """MariaDB has no REGEXP_LIKE; both have REGEXP_INSTR, which takes capitals as the column does."""
    pattern = node.expression
    if isinstance(pattern, exp.Any | exp.All):
        return None
    said = string(pattern)
    minds_capitals = reading.reader not in LENIENT_LIKE and isinstance(node, exp.RegexpLike)
    if said is not None and minds_capitals and said.lower() != said.upper():
        pattern = exp.Literal.string(f"(?-i){said}")
    found = call("REGEXP_INSTR", node.this.copy(), pattern.copy())
    return marked(exp.GT(this=found, expression=number(0)), "bool")


def _globbed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """GLOB tells capitals apart."""
    found = globbed(node, reading)
    if isinstance(found, exp.RegexpLike):
        found.set("expression", exp.Literal.string(f"(?-i){found.expression.name}"))
        return _matched(found, reading)
    if found is not None:
        found.set("expression", exp.cast(found.expression, "BINARY"))
    return found


def _member(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`= ANY (ARRAY[1, 2])`."""
    members = listed(node.expression)
    every = isinstance(node.expression, exp.All) or str(getattr(node.expression, "this", "")).upper() == "ALL"
    if members is None or every == isinstance(node, exp.EQ):
        return None
    found = exp.In(this=node.this.copy(), expressions=[member.copy() for member in members])
    return exp.Not(this=found) if every else found


def _every(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return exp.Min(this=parts[0].copy()) if len(parts) == 1 else None


def _parts_as_date(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = [node.args.get(key) for key in ("year", "month", "day")]
    if any(part is None for part in parts):
        return None
    joined = call("CONCAT_WS", exp.Literal.string("-"), *(part.copy() for part in parts if part is not None))
    return marked(call("STR_TO_DATE", joined, exp.Literal.string("%Y-%m-%d")), "date")


def _count_if(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this.copy(), true=number(1))]))


def _all_or_any(kind_: type[exp.Expr]) -> Rule:
    return lambda node, reading: kind_(this=node.this.copy())


def _precise(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """A quotient of exact numbers keeps four places more than the dividend; SQLite's is real."""
    if reading.reader != "sqlite":
        return None
    changed = False
    new = node.copy()
    for literal in list(new.this.find_all(exp.Literal)):
        if not literal.is_string and "." in literal.name and literal.find_ancestor(exp.Subquery) is None:
            literal.replace(exp.Literal.number(f"{literal.name}e0"))
            changed = True
    return new if changed else None


def _divided(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return division_rule("mysql", _whole)(node, reading) or _precise(node, reading)


def _concat(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """CONCAT of dialects that pass over NULL."""
    if not node.args.get("coalesce"):
        return None
    new = node.copy()
    new.set("coalesce", False)
    parts = [
        part.copy()
        if isinstance(part, exp.Literal)
        else exp.Coalesce(this=part.copy(), expressions=[exp.Literal.string("")])
        for part in node.expressions
    ]
    new.set("expressions", parts)
    return new


def unnamed_from(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`OFFSET 2` and `LIMIT -1` need a limit that is larger than all."""
    found = ""
    for query in list(tree.find_all(exp.Query)):
        limit = query.args.get("limit")
        value = limit.expression if isinstance(limit, exp.Limit) else None
        if (query.args.get("offset") and limit is None) or (value is not None and (integer(value) or 0) < 0):
            query.set("limit", exp.Limit(expression=exp.Literal.number("18446744073709551615")))
            found = "OFFSET"
    return tree, found


_DATES, _DATE_NAMES = date_rules(CLOCK, "mysql")
_CAST = cast_rule(CASTS, "mysql", widest="DOUBLE", truncate=_truncate, truths=False)
_OWN: Mapping[type[exp.Expr], Rule] = {
    exp.Cast: _CAST, exp.TryCast: _CAST, exp.Div: _divided, exp.Substring: _substring,
    exp.ILike: _any_case, exp.Filter: _filtered, exp.SplitPart: _split, exp.RegexpLike: _matched,
    exp.RegexpILike: _matched, exp.EQ: _member, exp.NEQ: _member, exp.Glob: _globbed,
    exp.Typeof: spelled_types,
    exp.DateFromParts: _parts_as_date, exp.CountIf: _count_if, exp.LogicalOr: _all_or_any(exp.Max),
    exp.LogicalAnd: _all_or_any(exp.Min), exp.Concat: _concat,
}  # fmt: skip
_FIRST: tuple[Clause, ...] = (
    outer_marks, quoted_texts, prefixes, locks, dual, row_numbers, limits, crossed, named_queries,
    spelled, mark_columns,
    aliases, mark_columns,
)  # fmt: skip

TARGET = Target(
    clauses=(*_FIRST, sorted_distinct, mark_columns, sorted_nulls, limited_members, unnamed_from),
    by_node=in_families(_DATES, {exp.Add: added_text}, _OWN),
    by_name={
        **_DATE_NAMES, **number_calls(CASTS), "LEN": call_named("CHAR_LENGTH", 1), "EVERY": _every,
        "UNICODE": call_named("ORD", 1), "NVL": call_named("COALESCE", 2),
    },
    last=(mark_columns, _one_of_group),
    plain_by_node=in_families(_DATES),
    ways=(PLAIN, "", SAFE),
    names_calls=True,
)  # fmt: skip
