"""Dates and times of DuckDB."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE, UNITS, Clock
from share_sql.edits.foreign.kinds import kind, marked
from share_sql.edits.foreign.nodes import Reading, call, number, operand

_PARTS = frozenset({
    "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEK", "DOY", "DOW", "ISODOW", "DECADE",
    "CENTURY",
})  # fmt: skip
_FORMS: Mapping[str, str] = {
    "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y", "%e": "%-d", "%h": "%b",
    "%f": "%S.%g",
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
            return marked(exp.cast(call("EPOCH", moment), "BIGINT"), "int")
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
        written = call("STRFTIME", self.moment(value, reading), exp.Literal.string(form))
        return marked(written, "text")

    def moved(
        self, moment: exp.Expr, count: int | None, amount: exp.Expr, unit: str, stays: bool
    ) -> exp.Expr:
        """A sum with an interval."""
        if count is not None and stays and unit in ("DAY", "WEEK"):
            days = number(abs(count) * (7 if unit == "WEEK" else 1))
            new: exp.Expr = (exp.Sub if count < 0 else exp.Add)(this=operand(moment), expression=days)
            return marked(exp.Paren(this=new), "date")
        if count is not None:
            span = exp.Interval(this=number(abs(count)), unit=exp.var(unit))
            new = (exp.Sub if count < 0 else exp.Add)(this=operand(moment), expression=span)
        else:
            span = exp.Interval(this=exp.Paren(this=exp.cast(amount, "BIGINT")), unit=exp.var(unit))
            new = exp.Add(this=operand(moment), expression=span)
        return marked(exp.cast(new, "DATE"), "date") if stays else marked(exp.Paren(this=new), "time")

    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Seconds by 86,400."""
        if kind(later) == kind(earlier) == "date":
            return self.whole_days(later, earlier, reading)
        gone = exp.Sub(
            this=operand(self.time(later, reading)), expression=operand(self.time(earlier, reading))
        )
        return exp.Div(this=call("EPOCH", gone), expression=number(86400))

    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """DATE_DIFF."""
        ends = [self.date(value, reading) for value in (earlier, later)]
        return marked(call("DATE_DIFF", exp.Literal.string("day"), *ends), "int")

    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """JULIAN begins at midnight."""
        days = call("JULIAN", self.moment(value, reading))
        return exp.Paren(this=exp.Sub(this=days, expression=number(0.5)))

    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """DATE_SUB."""
        if unit not in UNITS:
            return None
        ends = [self.moment(value, reading) for value in (earlier, later)]
        return marked(call("DATE_SUB", exp.Literal.string(unit.lower()), *ends), "int")

    def truncated(self, value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
        """DATE_TRUNC."""
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        return marked(
            call("DATE_TRUNC", exp.Literal.string(unit.lower()), moment),
            "date" if kind(value) == "date" else "time",
        )

    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """LAST_DAY."""
        return marked(call("LAST_DAY", self.moment(value, reading)), "date")

    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        """EPOCH_MS."""
        scaled = exp.Mul(this=exp.cast(operand(value), "BIGINT"), expression=number(1000))
        return marked(call("EPOCH_MS", scaled), "time")
