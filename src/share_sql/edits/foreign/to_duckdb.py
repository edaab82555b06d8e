"""DuckDB as the database: what sqlglot's writer lacks for it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE
from share_sql.edits.foreign.clock_duckdb import DuckClock
from share_sql.edits.foreign.functions import added_text
from share_sql.edits.foreign.groups import bare_columns, sorted_distinct
from share_sql.edits.foreign.kinds import kind, mark_columns, marked, same_text
from share_sql.edits.foreign.moments import date_rules
from share_sql.edits.foreign.named import quoted_texts, spelled
from share_sql.edits.foreign.nodes import Reading, Rule, call, operand
from share_sql.edits.foreign.numbers import (
    any_case_like,
    any_case_pattern,
    call_named,
    cast_rule,
    division_rule,
    number_calls,
    separated,
    spelled_types,
    substring_index,
    sum_of_texts,
    then,
)
from share_sql.edits.foreign.queries import dual, limits, locks, outer_marks, prefixes, row_numbers
from share_sql.edits.foreign.shape import (
    aliases,
    crossed,
    sorted_nulls,
)
from share_sql.edits.foreign.strict import NUMBER_LIKE, Casts, or_zero
from share_sql.edits.foreign.target import PLAIN, Target, in_families
from share_sql.edits.foreign.types import type_rules


def _as_number(value: exp.Expr, reading: Reading) -> exp.Expr:
    if reading.way != SAFE:
        return exp.cast(value.copy(), "DOUBLE")
    digits = call("REGEXP_EXTRACT", value.copy(), exp.Literal.string(NUMBER_LIKE))
    return or_zero(value, exp.TryCast(this=digits, to=exp.DataType.build("DOUBLE")), reading)


CLOCK = DuckClock()
CASTS = Casts(CLOCK, _as_number)


def _truncate(value: exp.Expr) -> exp.Expr:
    return call("TRUNC", value)


def _pick(column: exp.Expr, extreme: exp.Expr | None) -> exp.Expr:
    if extreme is not None and same_text(extreme.this) == same_text(column):
        return extreme.copy()
    if extreme is None:
        return marked(call("FIRST", column.copy()), kind(column))
    name = "ARG_MAX" if isinstance(extreme, exp.Max) else "ARG_MIN"
    return marked(call(name, column.copy(), extreme.this.copy()), kind(column))


def _whole(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.IntDiv(this=operand(left), expression=operand(right)))


_DATES, _DATE_NAMES = date_rules(CLOCK, "duckdb")
_TYPES = type_rules(CASTS)
_CAST = cast_rule(CASTS, "duckdb", widest="DOUBLE", truncate=_truncate)
_OWN: Mapping[type[exp.Expr], Rule] = {
    exp.Cast: _CAST, exp.TryCast: _CAST,
    exp.Div: then(_TYPES[exp.Div], division_rule("duckdb", _whole)),
    exp.Like: then(_TYPES[exp.Like], any_case_like),
    exp.GroupConcat: then(_TYPES[exp.GroupConcat], separated),
    exp.RegexpLike: then(_TYPES[exp.RegexpLike], any_case_pattern),
    exp.Typeof: spelled_types, exp.SubstringIndex: substring_index,
    exp.Stddev: sum_of_texts("STDDEV", CASTS), exp.Variance: sum_of_texts("VARIANCE", CASTS),
}  # fmt: skip

TARGET = Target(
    clauses=(
        outer_marks, quoted_texts, prefixes, locks, dual, row_numbers, limits, crossed, spelled,
        mark_columns, aliases,
        mark_columns, sorted_distinct, mark_columns, sorted_nulls,
    ),
    by_node=in_families(_DATES, {exp.Add: added_text}, _OWN, _TYPES),
    by_name={
        **_DATE_NAMES, **number_calls(CASTS), "UCASE": call_named("UPPER", 1),
        "LCASE": call_named("LOWER", 1),
        "CHAR": call_named("CHR", 1), "MID": call_named("SUBSTR", 2, 3), "NVL": call_named("COALESCE", 2),
        "ISNULL": call_named("COALESCE", 2),
    },
    last=(mark_columns, bare_columns(_pick, by_key=False)),
    plain_by_node=in_families(_DATES),
    ways=(PLAIN, "", SAFE),
    names_calls=True,
)  # fmt: skip
