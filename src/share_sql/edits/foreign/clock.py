"""Dates and times as a database computes them: what each dialect says in its own words, by one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlglot import exp

from share_sql.edits.foreign.kinds import kind, marked
from share_sql.edits.foreign.nodes import Reading, integer, operand

UNITS = frozenset({
    "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "DECADE", "CENTURY",
})  # fmt: skip
SECONDS = {"WEEK": 604800, "DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
SAFE = "safe"
"""The way to write a text in which values that do not convert give NULL, and not an error."""


def is_now(value: exp.Expr) -> bool:
    """Whether a value is the present moment: SQLite's `'now'` too."""
    if isinstance(value, exp.Literal):
        return value.is_string and value.name.lower() == "now"
    if isinstance(value, exp.Anonymous):
        return str(value.this).upper() in ("NOW", "GETDATE", "SYSDATE") and not value.expressions
    return isinstance(value, exp.CurrentTimestamp | exp.CurrentDate | exp.CurrentDatetime)


class Clock(ABC):
    """Dates and times of one dialect. Values come as they stand in the tree and are copied."""

    def date(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a date without a time."""
        if is_now(value):
            return exp.CurrentDate()
        return value.copy() if kind(value) == "date" else marked(self.cast(value, "DATE", reading), "date")

    def time(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a date with a time."""
        if isinstance(value, exp.CurrentDate):
            return value.copy()
        if is_now(value):
            return self.now()
        return (
            value.copy() if kind(value) == "time" else marked(self.cast(value, "TIMESTAMP", reading), "time")
        )

    def moment(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a date, with a time or not, whichever it is."""
        return self.date(value, reading) if kind(value) == "date" else self.time(value, reading)

    def now(self) -> exp.Expr:
        """The present moment, as times without a zone are."""
        return marked(exp.CurrentTimestamp(), "time")

    @abstractmethod
    def cast(self, value: exp.Expr, name: str, reading: Reading) -> exp.Expr:
        """A value as DATE or TIMESTAMP; in the safe way NULL where it is none."""

    @abstractmethod
    def part(self, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
        """A part of a date, as a number: a unit, DOY, DOW (0 is Sunday), ISODOW, EPOCH."""

    @abstractmethod
    def text(self, value: exp.Expr, form: str, reading: Reading) -> exp.Expr | None:
        """A date in a format of strftime's directives; None where it cannot be said."""

    def shifted(
        self, value: exp.Expr, amount: exp.Expr, unit: str, sign: int, reading: Reading
    ) -> exp.Expr | None:
        """A date moved by an amount of a unit. A date stays a date where the unit is a day or more."""
        count, scaled, unit = spans(amount, unit, sign)
        if unit not in UNITS:
            return None
        moment = self.moment(value, reading)
        is_date = kind(value) == "date" or isinstance(moment, exp.CurrentDate)
        return self.moved(moment, count, scaled, unit, is_date and unit not in ("HOUR", "MINUTE", "SECOND"))

    @abstractmethod
    def moved(
        self, moment: exp.Expr, count: int | None, amount: exp.Expr, unit: str, stays: bool
    ) -> exp.Expr:
        """A moment moved.

        Args:
            moment: what is moved.
            count: by how many units, where that is a number.
            amount: the same as a tree.
            unit: one of UNITS.
            stays: whether it is a date and stays one.
        """

    @abstractmethod
    def days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Days between two, with their fraction."""

    @abstractmethod
    def whole_days(self, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr:
        """Days between two by the calendar."""

    @abstractmethod
    def julian(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """The Julian day of SQLite, which begins at noon."""

    @abstractmethod
    def passed(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """How many whole units have passed between two."""

    @abstractmethod
    def truncated(self, value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
        """A date cut to a unit."""

    @abstractmethod
    def last_day(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """The last day of a date's month."""

    @abstractmethod
    def from_epoch(self, value: exp.Expr) -> exp.Expr:
        """A moment from its seconds since 1970."""

    def begun(self, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
        """How many units begin between two."""
        if unit == "DAY":
            return self.whole_days(later, earlier, reading)
        years = [self.part("YEAR", value, reading) for value in (later, earlier)]
        if unit in ("YEAR", "MONTH", "QUARTER") and years[0] is not None and years[1] is not None:
            passed: exp.Expr = exp.Paren(this=exp.Sub(this=years[0], expression=years[1]))
            if unit == "YEAR":
                return passed
            parts = [self.part(unit, value, reading) for value in (later, earlier)]
            assert parts[0] is not None
            assert parts[1] is not None
            times = exp.Literal.number(12 if unit == "MONTH" else 4)
            rest = exp.Paren(this=exp.Sub(this=parts[0], expression=parts[1]))
            return exp.Paren(this=exp.Add(this=exp.Mul(this=times, expression=passed), expression=rest))
        return self.passed(unit, later, earlier, reading)


def spans(amount: exp.Expr, unit: str, sign: int) -> tuple[int | None, exp.Expr, str]:
    """A shift's amount: as a number where it is one, as a tree with its sign, and the unit.

    Quarters become months, decades and centuries years.
    """
    times, unit = {"QUARTER": (3, "MONTH"), "DECADE": (10, "YEAR"), "CENTURY": (100, "YEAR")}.get(
        unit, (1, unit)
    )
    count = integer(amount)
    if count is not None:
        total = count * sign * times
        return total, exp.Literal.number(total), unit
    if times * sign == 1:
        return None, operand(amount), unit
    scaled = exp.Mul(this=operand(amount), expression=exp.Literal.number(times * sign))
    return None, exp.Paren(this=scaled), unit
