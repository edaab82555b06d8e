"""Dates and times of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE, SECONDS, UNITS, Clock
from share_sql.edits.foreign.kinds import kind, marked
from share_sql.edits.foreign.nodes import Reading, number, operand

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
_PARTS = frozenset({
    "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEK", "DOY", "DOW", "ISODOW", "DECADE",
    "CENTURY", "EPOCH", "JULIAN",
})  # fmt: skip


class PostgresClock(Clock):
    """Dates of PostgreSQL."""

    def now(self) -> exp.Expr:
        """LOCALTIMESTAMP, which has no zone."""
        return marked(exp.Localtimestamp(), "time")

    def cast(self, value: exp.Expr, name: str, reading: Reading) -> exp.Expr:
        """A cast; in the safe way only where the text looks like a date."""
        found = exp.cast(value.copy(), name)
        if reading.way != SAFE or kind(value) != "text" or isinstance(value, exp.Literal):
            return found
        fits = exp.RegexpLike(this=value.copy(), expression=exp.Literal.string(_DATE_LIKE))
        return exp.Case(ifs=[exp.If(this=fits, true=found)])

    def part(self, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
        """EXTRACT."""
        if unit not in _PARTS:
            return None
        found = exp.Extract(this=exp.var(unit), expression=self.moment(value, reading))
        return marked(exp.cast(found, "BIGINT") if unit == "EPOCH" else found, "int")

    def text(self, value: exp.Expr, form: str, reading: Reading) -> exp.Expr | None:
        """TO_CHAR."""
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

    def moved(
        self, moment: exp.Expr, count: int | None, amount: exp.Expr, unit: str, stays: bool
    ) -> exp.Expr:
        """A sum with an interval."""
        if count is not None:
            kind_, size = (exp.Sub, -count) if count < 0 else (exp.Add, count)
            if stays and unit in ("DAY", "WEEK"):
                days = number(size * (7 if unit == "WEEK" else 1))
                return marked(exp.Paren(this=kind_(this=operand(moment), expression=days)), "date")
            span: exp.Expr = exp.Interval(
                this=exp.Literal.string(f"{size} {unit.lower()}{'s' * (size != 1)}")
            )
            new: exp.Expr = kind_(this=operand(moment), expression=span)
        else:
            span = exp.Mul(
                this=operand(amount), expression=exp.Interval(this=exp.Literal.string(f"1 {unit.lower()}"))
            )
            new = exp.Add(this=operand(moment), expression=span)
        new = exp.Paren(this=new)
        return marked(exp.cast(new.this, "DATE"), "date") if stays else marked(new, "time")

    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Seconds by 86,400."""
        if kind(later) == kind(earlier) == "date":
            return self.whole_days(later, earlier, reading)
        gone = exp.Sub(
            this=operand(self.time(later, reading)), expression=operand(self.time(earlier, reading))
        )
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=gone)
        return exp.Div(this=seconds, expression=number(86400), typed=True)

    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """The difference of two dates."""
        ends = [operand(self.date(value, reading)) for value in (later, earlier)]
        return marked(exp.Paren(this=exp.Sub(this=ends[0], expression=ends[1])), "int")

    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """The Julian day of EXTRACT begins at midnight."""
        part = exp.Extract(this=exp.var("JULIAN"), expression=self.moment(value, reading))
        return exp.Paren(this=exp.Sub(this=part, expression=number(0.5)))

    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """AGE, or the seconds."""
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
        """DATE_TRUNC."""
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        cut = exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(unit.lower()), moment])
        return marked(cut, "time")

    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """The month's start, a month later less a day."""
        start = exp.Anonymous(
            this="DATE_TRUNC", expressions=[exp.Literal.string("month"), self.moment(value, reading)]
        )
        moved = exp.Add(this=start, expression=exp.Interval(this=exp.Literal.string("1 month - 1 day")))
        return marked(exp.cast(moved, "DATE"), "date")

    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        """TO_TIMESTAMP, without its zone."""
        moment = exp.Anonymous(this="TO_TIMESTAMP", expressions=[value.copy()])
        return marked(exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC")), "time")
