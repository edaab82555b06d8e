"""PostgreSQL as the database: what sqlglot's writer lacks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE, SECONDS, UNITS, Clock, spans
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
    bare_columns,
    crossed,
    even_members,
    named_queries,
    sorted_distinct,
    sorted_nulls,
)
from share_sql.edits.foreign.strict import NUMBER_LIKE, Casts, or_zero, type_rules
from share_sql.edits.foreign.target import PLAIN, Target, in_families

_DATE_LIKE = "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_FORMATS: Mapping[str, str] = MappingProxyType({
    "%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%j": "DDD", "%y": "YY",
    "%b": "Mon", "%h": "Mon", "%B": "FMMonth", "%a": "Dy", "%A": "FMDay", "%p": "AM", "%I": "HH12",
    "%-d": "FMDD", "%-m": "FMMM", "%e": "FMDD", "%-H": "FMHH24", "%-I": "FMHH12", "%F": "YYYY-MM-DD",
    "%T": "HH24:MI:SS", "%R": "HH24:MI", "%f": "SS.MS", "%V": "IW", "%G": "IYYY", "%Q": "Q", "%%": "%",
    "%^B": "FMMONTH", "%^b": "MON", "%^A": "FMDAY", "%^a": "DY", "%,B": "FMmonth", "%,b": "mon",
    "%D": "MM/DD/YY", "%W": "FMDay", "%c": "FMMM", "%k": "FMHH24", "%i": "MI",
})  # fmt: skip
"""strftime's directives in TO_CHAR's patterns (documentation, table 9.31)."""
_DIRECTIVE = re.compile(r"%(?:[-^,]?[A-Za-z]|%)|[A-Za-z]+|.", re.DOTALL)
_PARTS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEK", "DOY", "DOW", "ISODOW",
                    "EPOCH", "DECADE", "CENTURY", "JULIAN"})  # fmt: skip


class PostgresClock(Clock):
    """Dates of PostgreSQL."""

    def now(self) -> exp.Expr:
        return marked(exp.Localtimestamp(), "time")

    def cast(self, value: exp.Expr, name: str, reading: Reading) -> exp.Expr:
        found = exp.cast(value.copy(), name)
        if reading.way != SAFE or kind(value) != "text" or isinstance(value, exp.Literal):
            return found
        fits = exp.RegexpLike(this=value.copy(), expression=exp.Literal.string(_DATE_LIKE))
        return exp.Case(ifs=[exp.If(this=fits, true=found)])

    def part(self, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
        if unit not in _PARTS:
            return None
        found = exp.Extract(this=exp.var(unit), expression=self.moment(value, reading))
        return marked(exp.cast(found, "BIGINT") if unit == "EPOCH" else found, "int")

    def text(self, value: exp.Expr, form: str, reading: Reading) -> exp.Expr | None:
        whole = {"%w": "DOW", "%s": "EPOCH", "%u": "ISODOW"}.get(form)
        if whole is not None:
            part = self.part(whole, value, reading)
            return (
                marked(exp.cast(part if whole == "EPOCH" else exp.cast(part, "BIGINT"), "TEXT"), "text")
                if part is not None
                else None
            )
        if form == "%J":
            return exp.cast(self.julian(value, reading), "TEXT")
        written = ""
        for match in _DIRECTIVE.finditer(form):
            sign = match[0]
            if sign.startswith("%"):
                if sign not in _FORMATS:
                    return None
                written += _FORMATS[sign]
            else:
                written += f'"{sign}"' if sign[0].isalpha() else sign
        return marked(
            exp.Anonymous(
                this="TO_CHAR", expressions=[self.moment(value, reading), exp.Literal.string(written)]
            ),
            "text",
        )

    def shifted(
        self, value: exp.Expr, amount: exp.Expr, unit: str, sign: int, reading: Reading
    ) -> exp.Expr | None:
        count, scaled, unit = spans(amount, unit, sign)
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        stays = (kind(value) == "date" or isinstance(moment, exp.CurrentDate)) and unit not in (
            "HOUR", "MINUTE", "SECOND",
        )  # fmt: skip
        if count is not None:
            kind_, size = (exp.Sub, -count) if count < 0 else (exp.Add, count)
            if stays and unit in ("DAY", "WEEK"):
                days = number(size * (7 if unit == "WEEK" else 1))
                return marked(exp.Paren(this=kind_(this=operand(moment), expression=days)), "date")
            span: exp.Expr = exp.Interval(
                this=exp.Literal.string(f"{size} {unit.lower()}{'s' * (size != 1)}")
            )
            moved: exp.Expr = kind_(this=operand(moment), expression=span)
        else:
            span = exp.Mul(
                this=operand(scaled), expression=exp.Interval(this=exp.Literal.string(f"1 {unit.lower()}"))
            )
            moved = exp.Add(this=operand(moment), expression=span)
        moved = exp.Paren(this=moved)
        return marked(exp.cast(moved.this, "DATE"), "date") if stays else marked(moved, "time")

    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        if kind(later) == kind(earlier) == "date":
            return self.whole_days(later, earlier, reading)
        gone = exp.Sub(
            this=operand(self.time(later, reading)), expression=operand(self.time(earlier, reading))
        )
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=gone)
        return exp.Div(this=seconds, expression=number(86400), typed=True)

    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        ends = [operand(self.date(value, reading)) for value in (later, earlier)]
        return marked(exp.Paren(this=exp.Sub(this=ends[0], expression=ends[1])), "int")

    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        part = exp.Extract(this=exp.var("JULIAN"), expression=self.moment(value, reading))
        return exp.Paren(this=exp.Sub(this=part, expression=number(0.5)))

    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        ends = [self.moment(value, reading) for value in (later, earlier)]
        if unit in SECONDS:
            if unit == "DAY" and kind(later) == kind(earlier) == "date":
                return self.whole_days(later, earlier, reading)
            gone = exp.Sub(
                this=operand(self.time(later, reading)), expression=operand(self.time(earlier, reading))
            )
            seconds: exp.Expr = exp.Extract(this=exp.var("EPOCH"), expression=gone)
            if unit != "SECOND":
                seconds = exp.Div(this=seconds, expression=number(SECONDS[unit]), typed=True)
            return marked(exp.cast(exp.Anonymous(this="TRUNC", expressions=[seconds]), "BIGINT"), "int")
        age = exp.Anonymous(this="AGE", expressions=ends)
        years = exp.Extract(this=exp.var("YEAR"), expression=age)
        if unit == "YEAR":
            return marked(years, "int")
        if unit not in ("MONTH", "QUARTER"):
            return None
        months = exp.Extract(this=exp.var("MONTH"), expression=age.copy())
        whole = exp.Paren(this=exp.Add(this=exp.Mul(this=years, expression=number(12)), expression=months))
        if unit == "MONTH":
            return marked(whole, "int")
        return marked(exp.Anonymous(this="DIV", expressions=[whole, number(3)]), "int")

    def truncated(self, value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        cut = exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(unit.lower()), moment])
        return marked(cut, "time")

    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        start = exp.Anonymous(
            this="DATE_TRUNC", expressions=[exp.Literal.string("month"), self.moment(value, reading)]
        )
        moved = exp.Add(this=start, expression=exp.Interval(this=exp.Literal.string("1 month - 1 day")))
        return marked(exp.cast(moved, "DATE"), "date")

    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        moment = exp.Anonymous(this="TO_TIMESTAMP", expressions=[value.copy()])
        return marked(exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC")), "time")


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
        outer_marks, quoted_texts, prefixes, locks, dual, row_numbers, limits, crossed, named_queries, spelled, mark_columns,
        aliases, mark_columns, sorted_distinct, mark_columns, sorted_nulls,
    ),
    by_node=in_families(
        _DATES, {exp.Add: added_text}, _OWN, _TYPES
    ),
    by_name={
        **_DATE_NAMES, **number_calls(CASTS), "UCASE": call_named("UPPER", 1), "LCASE": call_named("LOWER", 1),
        "LEN": call_named("LENGTH", 1), "CHAR": call_named("CHR", 1), "UNICODE": call_named("ASCII", 1),
        "MID": call_named("SUBSTR", 2, 3), "INSTR": call_named("STRPOS", 2), "NVL": call_named("COALESCE", 2),
        "ISNULL": call_named("COALESCE", 2),
    },
    last=(
        mark_columns, bare_columns(_pick, by_key=True), even_members(CASTS.textual),
    ),
    plain_by_node=in_families(_DATES),
    ways=(PLAIN, "", SAFE),
    names_calls=True,
)  # fmt: skip
