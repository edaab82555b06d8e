"""Types where a database is strict: conditions are truth values, sums are of numbers, texts are no numbers.

Some dialects take one for the other without a word; here it is said what they do. What does not convert gives
an error on a strict database, so a text is written a second, safe way in which it gives NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.foreign.clock import Clock
from share_sql.edits.foreign.dates import ISO_DATE, ISO_TIME
from share_sql.edits.foreign.kinds import DIGITS, NUMBERS, kind, marked
from share_sql.edits.foreign.nodes import Reading, number, operand, text

NUMBER_LIKE = r"^\s*[-+]?[0-9]+(?:\.[0-9]*)?"
"""The part of a text that lenient dialects read as its number."""
NUMERIC = re.compile(r"\s*[-+]?\d+(?:\.\d*)?\s*\Z")


@dataclass(frozen=True)
class Casts:
    """How a strict dialect turns a value into one of another kind."""

    clock: Clock
    number: Callable[[exp.Expr, Reading], exp.Expr]
    """A text as a number."""
    wider: str = "DECIMAL"
    """The type of numbers that texts are read as, where they are not whole."""

    def numeric(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a number."""
        known = kind(value)
        if known == "text":
            bare = value.unnest()
            if isinstance(bare, exp.Literal) and NUMERIC.match(bare.name):
                name = bare.name.strip()
                return number(int(name)) if name.lstrip("+-").isdigit() else number(float(name))
            if bare.meta.get(DIGITS):
                return exp.cast(value.copy(), "INT")
            return self.number(value, reading)
        return as_number(value) if known == "bool" else value.copy()

    def textual(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a text, dates as they are written by ISO 8601."""
        known = kind(value)
        if known == "text" or isinstance(value, exp.Null):
            return value.copy()
        if known == "time":
            written = self.clock.text(value, "%Y-%m-%d %H:%M:%S", reading)
            if written is not None:
                return marked(written, "text")
        if isinstance(value, exp.Literal):
            return text(value.name)
        if isinstance(value, exp.Distinct):
            return exp.Distinct(expressions=[self.textual(item, reading) for item in value.expressions])
        if isinstance(value, exp.Order):
            found = value.copy()
            found.set("this", self.textual(value.this, reading))
            return found
        return exp.cast(value.copy(), "TEXT")


def as_number(value: exp.Expr) -> exp.Expr:
    """A truth value as 1 and 0, an unknown one as NULL."""
    if isinstance(value, exp.Boolean):
        return number(1 if value.this else 0)
    return exp.cast(value.this.copy() if isinstance(value, exp.Paren) else value.copy(), "INT")


def as_condition(value: exp.Expr | None) -> exp.Expr | None:
    """A number as a truth value; None where it is one already, or is not known to be a number."""
    if value is None:
        return None
    known = kind(value)
    if isinstance(value, exp.Literal) and not value.is_string:
        return exp.Boolean(this=value.name.strip("0.") != "")
    if known in NUMBERS:
        return exp.NEQ(this=operand(value), expression=number(0))
    return None


def or_zero(value: exp.Expr, read: exp.Expr, reading: Reading) -> exp.Expr:
    """A text as a number: lenient dialects take one that begins with none as 0."""
    if reading.reader not in ("sqlite", "mysql"):
        return read
    filled = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    found = exp.Coalesce(this=read, expressions=[number(0)])
    return exp.Case(ifs=[exp.If(this=filled, true=found)])


def is_date(value: str) -> bool:
    """Whether a text is a date, with a time or not, by ISO 8601."""
    return bool(ISO_DATE.match(value) or ISO_TIME.match(value))
