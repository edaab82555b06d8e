"""PostgreSQL as the database: what sqlglot's writer lacks for it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE
from share_sql.edits.foreign.clock_postgres import PostgresClock
from share_sql.edits.foreign.functions import added_text
from share_sql.edits.foreign.groups import bare_columns, sorted_distinct
from share_sql.edits.foreign.kinds import kind, mark_columns, marked, same_text
from share_sql.edits.foreign.moments import date_rules
from share_sql.edits.foreign.named import quoted_texts, spelled
from share_sql.edits.foreign.nodes import Reading, Rule, number
from share_sql.edits.foreign.numbers import (
    any_case_like,
    any_case_pattern,
    call_named,
    cast_rule,
    division_rule,
    from_the_end,
    globbed,
    number_calls,
    separated,
    spelled_types,
    substring_from,
    substring_index,
    sum_of_texts,
    then,
)
from share_sql.edits.foreign.queries import dual, limits, locks, outer_marks, prefixes, row_numbers
from share_sql.edits.foreign.shape import (
    aliases,
    crossed,
    even_members,
    named_queries,
    sorted_nulls,
)
from share_sql.edits.foreign.strict import NUMBER_LIKE, Casts, or_zero
from share_sql.edits.foreign.target import PLAIN, Target, in_families
from share_sql.edits.foreign.types import type_rules


def _as_number(value: exp.Expr, reading: Reading) -> exp.Expr:
    if reading.way != SAFE:
        return exp.cast(value.copy(), "DECIMAL")
    digits = exp.Anonymous(this="SUBSTRING", expressions=[value.copy(), exp.Literal.string(NUMBER_LIKE)])
    return or_zero(value, exp.cast(digits, "DECIMAL"), reading)


CLOCK = PostgresClock()
CASTS = Casts(CLOCK, _as_number)


def _truncate(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="TRUNC", expressions=[value])


def _pick(column: exp.Expr, extreme: exp.Expr | None) -> exp.Expr:
    if extreme is not None and same_text(extreme.this) == same_text(column):
        return extreme.copy()
    value: exp.Expr = column.copy()
    if extreme is not None:
        falls = isinstance(extreme, exp.Max)
        term = exp.Ordered(this=extreme.this.copy(), desc=falls, nulls_first=False)
        value = exp.Order(this=value, expressions=[term])
    values = exp.ArrayAgg(this=value, nulls_excluded=False)
    return marked(exp.Bracket(this=exp.Paren(this=values), expressions=[number(1)], offset=1), kind(column))


def _rounded(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """ROUND to a number of places takes exact numbers only."""
    if node.args.get("decimals") is None or kind(node.this) in ("exact", "int"):
        return None
    new = node.copy()
    new.set("this", exp.cast(node.this.copy(), "DECIMAL"))
    return new


def _substring(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    start, length = substring_from(node)
    if start is not None and start < 0 and (node.args.get("length") is None or length is not None):
        return from_the_end(node, node.this.copy(), start, length)
    return None


def _remainder(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`%` takes whole and exact numbers only."""
    wrong = [key for key in ("this", "expression") if kind(node.args[key]) == "real"]
    if not wrong:
        return None
    new = node.copy()
    for key in wrong:
        new.set(key, exp.cast(node.args[key].copy(), "DECIMAL"))
    return new


_DATES, _DATE_NAMES = date_rules(CLOCK, "postgres")
_TYPES = type_rules(CASTS)
_CAST = cast_rule(CASTS, "postgres", widest="DECIMAL", truncate=_truncate)
_OWN: Mapping[type[exp.Expr], Rule] = {
    exp.Cast: _CAST, exp.TryCast: _CAST,
    exp.Round: then(_TYPES[exp.Round], _rounded),
    exp.Div: then(_TYPES[exp.Div], division_rule("postgres", None)),
    exp.Mod: then(_TYPES[exp.Mod], _remainder),
    exp.Substring: then(_TYPES[exp.Substring], _substring),
    exp.Like: then(_TYPES[exp.Like], any_case_like),
    exp.GroupConcat: then(_TYPES[exp.GroupConcat], separated),
    exp.RegexpLike: then(_TYPES[exp.RegexpLike], any_case_pattern),
    exp.Glob: globbed, exp.Typeof: spelled_types, exp.SubstringIndex: substring_index,
    exp.Stddev: sum_of_texts("STDDEV", CASTS), exp.Variance: sum_of_texts("VARIANCE", CASTS),
}  # fmt: skip


TARGET = Target(
    clauses=(
        outer_marks, quoted_texts, prefixes, locks, dual, row_numbers, limits, crossed, named_queries,
        spelled, mark_columns,
        aliases, mark_columns, sorted_distinct, mark_columns, sorted_nulls,
    ),
    by_node=in_families(
        _DATES, {exp.Add: added_text}, _OWN, _TYPES
    ),
    by_name={
        **_DATE_NAMES, **number_calls(CASTS), "UCASE": call_named("UPPER", 1),
        "LCASE": call_named("LOWER", 1),
        "LEN": call_named("LENGTH", 1), "CHAR": call_named("CHR", 1), "UNICODE": call_named("ASCII", 1),
        "MID": call_named("SUBSTR", 2, 3), "INSTR": call_named("STRPOS", 2),
        "NVL": call_named("COALESCE", 2),
        "ISNULL": call_named("COALESCE", 2),
    },
    last=(
        mark_columns, bare_columns(_pick, by_key=True), even_members(CASTS.textual),
    ),
    plain_by_node=in_families(_DATES),
    ways=(PLAIN, "", SAFE),
    names_calls=True,
)  # fmt: skip
