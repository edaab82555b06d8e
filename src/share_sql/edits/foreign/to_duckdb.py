"""DuckDB as the database: what sqlglot's writer lacks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE, UNITS, Clock, spans
from share_sql.edits.foreign.functions import added_text
from share_sql.edits.foreign.kinds import kind, mark_columns, marked, same_text
from share_sql.edits.foreign.moments import date_rules
from share_sql.edits.foreign.named import quoted_texts, spelled
from share_sql.edits.foreign.nodes import Reading, Rule, number, operand
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
    bare_columns,
    crossed,
    sorted_distinct,
    sorted_nulls,
)
from share_sql.edits.foreign.strict import NUMBER_LIKE, Casts, or_zero, type_rules
from share_sql.edits.foreign.target import PLAIN, Target, in_families

_PARTS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEK", "DOY", "DOW", "ISODOW",
                    "DECADE", "CENTURY"})  # fmt: skip
_FORMS: Mapping[str, str] = {
    "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y", "%e": "%-d", "%h": "%b", "%f": "%S.%g",
}  # fmt: skip
"""Directives that DuckDB's strftime lacks, in those that it has."""
_DIRECTIVE = re.compile(r"%(?:[-^,]?[A-Za-z]|%)")
_KNOWN = frozenset("YmdHMSjyaAbBpIwugGVUWczxXnfs%")


class DuckClock(Clock):
    """Dates of DuckDB."""

    def now(self) -> exp.Expr:
        """The present moment, without its zone."""
        return marked(exp.cast(exp.CurrentTimestamp(), "TIMESTAMP"), "time")

    def cast(self, value: exp.Expr, name: str, reading: Reading) -> exp.Expr:
        """A cast; in the safe way one that gives NULL."""
        if reading.way == SAFE and kind(value) == "text" and not isinstance(value, exp.Literal):
            return exp.TryCast(this=value.copy(), to=exp.DataType.build(name))
        return exp.cast(value.copy(), name)

    def part(self, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
        """EXTRACT."""
        moment = self.moment(value, reading)
        if unit == "EPOCH":
            return marked(exp.cast(_call("EPOCH", moment), "BIGINT"), "int")
        if unit not in _PARTS:
            return None
        return marked(exp.Extract(this=exp.var(unit), expression=moment), "int")

    def text(self, value: exp.Expr, form: str, reading: Reading) -> exp.Expr | None:
        """STRFTIME."""
        if form == "%s":
            part = self.part("EPOCH", value, reading)
            return marked(exp.cast(part, "TEXT"), "text") if part is not None else None
        if form == "%J":
            return exp.cast(self.julian(value, reading), "TEXT")
        for short, whole in _FORMS.items():
            form = form.replace(short, whole)
        for match in _DIRECTIVE.finditer(form):
            if match[0].lstrip("%-")[:1] not in _KNOWN and match[0] != "%%":
                return None
        written = _call("STRFTIME", self.moment(value, reading), exp.Literal.string(form))
        return marked(written, "text")

    def shifted(
        self, value: exp.Expr, amount: exp.Expr, unit: str, sign: int, reading: Reading
    ) -> exp.Expr | None:
        """A sum with an interval."""
        count, scaled, unit = spans(amount, unit, sign)
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        is_date = kind(value) == "date" or isinstance(moment, exp.CurrentDate)
        stays = is_date and unit not in ("HOUR", "MINUTE", "SECOND")
        if count is not None and stays and unit in ("DAY", "WEEK"):
            days = number(abs(count) * (7 if unit == "WEEK" else 1))
            moved: exp.Expr = (exp.Sub if count < 0 else exp.Add)(this=operand(moment), expression=days)
            return marked(exp.Paren(this=moved), "date")
        if count is not None:
            span = exp.Interval(this=number(abs(count)), unit=exp.var(unit))
            moved = (exp.Sub if count < 0 else exp.Add)(this=operand(moment), expression=span)
        else:
            span = exp.Interval(this=exp.Paren(this=exp.cast(scaled, "BIGINT")), unit=exp.var(unit))
            moved = exp.Add(this=operand(moment), expression=span)
        return marked(exp.cast(moved, "DATE"), "date") if stays else marked(exp.Paren(this=moved), "time")

    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Seconds by 86,400."""
        if kind(later) == kind(earlier) == "date":
            return self.whole_days(later, earlier, reading)
        gone = exp.Sub(
            this=operand(self.time(later, reading)), expression=operand(self.time(earlier, reading))
        )
        return exp.Div(this=_call("EPOCH", gone), expression=number(86400))

    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """DATE_DIFF."""
        ends = [self.date(value, reading) for value in (earlier, later)]
        return marked(_call("DATE_DIFF", exp.Literal.string("day"), *ends), "int")

    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """JULIAN begins at midnight."""
        days = _call("JULIAN", self.moment(value, reading))
        return exp.Paren(this=exp.Sub(this=days, expression=number(0.5)))

    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """DATE_SUB."""
        if unit not in UNITS:
            return None
        ends = [self.moment(value, reading) for value in (earlier, later)]
        return marked(_call("DATE_SUB", exp.Literal.string(unit.lower()), *ends), "int")

    def truncated(self, value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
        """DATE_TRUNC."""
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        return marked(
            _call("DATE_TRUNC", exp.Literal.string(unit.lower()), moment),
            kind(value) == "date" and "date" or "time",
        )

    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """LAST_DAY."""
        return marked(_call("LAST_DAY", self.moment(value, reading)), "date")

    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        """EPOCH_MS."""
        scaled = exp.Mul(this=exp.cast(operand(value), "BIGINT"), expression=number(1000))
        return marked(_call("EPOCH_MS", scaled), "time")


def _call(name: str, *parts: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(parts))


def _as_number(value: exp.Expr, reading: Reading) -> exp.Expr:
    if reading.way != SAFE:
        return exp.cast(value.copy(), "DOUBLE")
    digits = _call("REGEXP_EXTRACT", value.copy(), exp.Literal.string(NUMBER_LIKE))
    return or_zero(value, exp.TryCast(this=digits, to=exp.DataType.build("DOUBLE")), reading)


CLOCK = DuckClock()
CASTS = Casts(CLOCK, _as_number)


def _truncate(value: exp.Expr) -> exp.Expr:
    return _call("TRUNC", value)


def _pick(column: exp.Expr, extreme: exp.Expr | None) -> exp.Expr:
    if extreme is not None and same_text(extreme.this) == same_text(column):
        return extreme.copy()
    if extreme is None:
        return marked(_call("FIRST", column.copy()), kind(column))
    name = "ARG_MAX" if isinstance(extreme, exp.Max) else "ARG_MIN"
    return marked(_call(name, column.copy(), extreme.this.copy()), kind(column))


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
        outer_marks, quoted_texts, prefixes, locks, dual, row_numbers, limits, crossed, spelled, mark_columns, aliases,
        mark_columns, sorted_distinct, mark_columns, sorted_nulls,
    ),
    by_node=in_families(_DATES, {exp.Add: added_text}, _OWN, _TYPES),
    by_name={
        **_DATE_NAMES, **number_calls(CASTS), "UCASE": call_named("UPPER", 1), "LCASE": call_named("LOWER", 1),
        "CHAR": call_named("CHR", 1), "MID": call_named("SUBSTR", 2, 3), "NVL": call_named("COALESCE", 2),
        "ISNULL": call_named("COALESCE", 2),
    },
    last=(mark_columns, bare_columns(_pick, by_key=False)),
    plain_by_node=in_families(_DATES),
    ways=(PLAIN, "", SAFE),
    names_calls=True,
)  # fmt: skip
