"""Dates and times of MySQL and MariaDB."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SECONDS, Clock, is_now
from share_sql.edits.foreign.kinds import kind, marked
from share_sql.edits.foreign.nodes import (
    Reading,
    call,
    number,
    operand,
)

_FORMATS: Mapping[str, str] = {
    "%M": "%i", "%B": "%M", "%A": "%W", "%-d": "%e", "%-m": "%c", "%F": "%Y-%m-%d", "%T": "%H:%i:%s",
    "%R": "%H:%i", "%S": "%s", "%I": "%h", "%-I": "%l", "%-H": "%k", "%V": "%v", "%G": "%x", "%D": "%m/%d/%y",
    "%W": "%u", "%e": "%e", "%h": "%b", "%u": "%u",
}  # fmt: skip
"""strftime's directives that DATE_FORMAT spells otherwise."""
_DIRECTIVE = re.compile(r"%(?:[-^,]?[A-Za-z]|%)")
_SAME = frozenset({"%Y", "%y", "%m", "%d", "%H", "%j", "%w", "%b", "%a", "%p", "%U", "%%"})
_CALLS = {"YEAR": "YEAR", "MONTH": "MONTH", "DAY": "DAYOFMONTH", "HOUR": "HOUR", "MINUTE": "MINUTE",
          "SECOND": "SECOND", "QUARTER": "QUARTER", "DOY": "DAYOFYEAR"}  # fmt: skip
_EPOCH = "1970-01-01 00:00:00"


class MysqlClock(Clock):
    """Dates of MySQL; texts that hold a date are taken as dates."""

    def now(self) -> exp.Expr:
        """NOW()."""
        return marked(call("NOW"), "time")

    def moment(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """The value itself: texts serve."""
        if is_now(value):
            return exp.CurrentDate() if isinstance(value, exp.CurrentDate) else self.now()
        return value.copy()

    def cast(self, value: exp.Expr, name: str, reading: Reading) -> exp.Expr:
        """DATE(x), or a cast."""
        return call("DATE", value.copy()) if name == "DATE" else exp.cast(value.copy(), "DATETIME")

    def part(self, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
        """YEAR(x) and its like."""
        moment = self.moment(value, reading)
        found: exp.Expr | None = None
        if unit in _CALLS:
            found = call(_CALLS[unit], moment)
        elif unit == "DOW":
            found = exp.Paren(this=exp.Sub(this=call("DAYOFWEEK", moment), expression=number(1)))
        elif unit == "ISODOW":
            found = exp.Paren(this=exp.Add(this=call("WEEKDAY", moment), expression=number(1)))
        elif unit == "WEEK":
            found = call("WEEK", moment, number(3))
        elif unit == "EPOCH":
            found = call("TIMESTAMPDIFF", exp.var("SECOND"), exp.Literal.string(_EPOCH), moment)
        elif unit in ("DECADE", "CENTURY"):
            size = number(10 if unit == "DECADE" else 100)
            found = exp.IntDiv(this=call("YEAR", moment), expression=size)
        return marked(found, "int") if found is not None else None

    def text(self, value: exp.Expr, form: str, reading: Reading) -> exp.Expr | None:
        """DATE_FORMAT."""
        if form == "%s":
            part = self.part("EPOCH", value, reading)
            return marked(exp.cast(part, "CHAR"), "text") if part is not None else None
        if form == "%J":
            return exp.cast(self.julian(value, reading), "CHAR")
        known = True

        def write(match: re.Match[str]) -> str:
            nonlocal known
            sign = match[0].replace("^", "").replace(",", "")
            known = known and (sign in _SAME or sign in _FORMATS)
            return _FORMATS.get(sign, sign)

        written = _DIRECTIVE.sub(write, form)
        if not known:
            return None
        found: exp.Expr = call("DATE_FORMAT", self.moment(value, reading), exp.Literal.string(written))
        if "%^" in form or "%," in form:
            found = call("UPPER" if "%^" in form else "LOWER", found)
        return marked(found, "text")

    def moved(
        self, moment: exp.Expr, count: int | None, amount: exp.Expr, unit: str, stays: bool
    ) -> exp.Expr:
        """A sum with an interval."""
        name = "DATE_ADD"
        size: exp.Expr = amount
        if count is not None:
            name = "DATE_SUB" if count < 0 else "DATE_ADD"
            size = number(abs(count))
        new = call(name, moment, exp.Interval(this=size, unit=exp.var(unit)))
        return marked(new, "date" if stays else "time" if kind(moment) else "")

    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Seconds by 86,400."""
        if kind(later) == kind(earlier) == "date":
            return self.whole_days(later, earlier, reading)
        ends = [self.moment(value, reading) for value in (earlier, later)]
        seconds = call("TIMESTAMPDIFF", exp.var("SECOND"), *ends)
        return exp.Div(this=seconds, expression=exp.Literal.number("86400e0"))

    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """DATEDIFF."""
        ends = [self.moment(value, reading) for value in (later, earlier)]
        return marked(call("DATEDIFF", *ends), "int")

    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """Seconds since 1970, as days."""
        seconds = self.part("EPOCH", value, reading)
        assert seconds is not None
        days = exp.Div(this=seconds, expression=exp.Literal.number("86400e0"))
        return exp.Paren(this=exp.Add(this=days, expression=number(2440587.5)))

    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """TIMESTAMPDIFF."""
        if unit not in (*SECONDS, "MONTH", "QUARTER", "YEAR"):
            return None
        ends = [self.moment(value, reading) for value in (earlier, later)]
        return marked(call("TIMESTAMPDIFF", exp.var(unit), *ends), "int")

    def truncated(self, value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
        """DATE_FORMAT with the rest written out."""
        moment = self.moment(value, reading)
        forms = {
            "YEAR": "%Y-01-01",
            "MONTH": "%Y-%m-01",
            "HOUR": "%Y-%m-%d %H:00:00",
            "MINUTE": "%Y-%m-%d %H:%i:00",
        }
        if unit == "DAY":
            return marked(call("DATE", moment), "date")
        if unit == "WEEK":
            back = exp.Interval(this=call("WEEKDAY", moment), unit=exp.var("DAY"))
            return marked(call("DATE_SUB", call("DATE", moment.copy()), back), "date")
        if unit == "QUARTER":
            quarters = exp.Sub(this=call("QUARTER", moment), expression=number(1))
            start = call("MAKEDATE", call("YEAR", moment.copy()), number(1))
            span = exp.Interval(this=exp.Paren(this=quarters), unit=exp.var("QUARTER"))
            return marked(call("DATE_ADD", start, span), "date")
        if unit not in forms:
            return None
        cut = call("DATE_FORMAT", moment, exp.Literal.string(forms[unit]))
        is_date = unit in ("YEAR", "MONTH")
        return marked(exp.cast(cut, "DATE" if is_date else "DATETIME"), "date" if is_date else "time")

    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """LAST_DAY."""
        return marked(call("LAST_DAY", self.moment(value, reading)), "date")

    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        """Seconds added to the start of 1970."""
        span = exp.Interval(this=operand(value), unit=exp.var("SECOND"))
        return marked(call("DATE_ADD", exp.Literal.string(_EPOCH), span), "time")
