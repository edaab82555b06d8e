"""Dates of other dialects, as SQLite computes them: it stores them as text, `2023-01-05` or with a time.

What a function gives decides how it is written: EXTRACT gives a number, so strftime's text is cast. The
result of adding to a date is a date, of adding to a date and time a date and time; where it is not known
which of them a column holds, the result has the column's own length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.nodes import (
    Reading,
    bare_date,
    binary,
    call,
    cast,
    integer,
    joined,
    number,
    string,
    text,
)

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\Z")
UNITS: Mapping[str, tuple[str, int]] = MappingProxyType({
    "YEAR": ("years", 1), "QUARTER": ("months", 3), "MONTH": ("months", 1), "WEEK": ("days", 7),
    "DAY": ("days", 1), "HOUR": ("hours", 1), "MINUTE": ("minutes", 1), "SECOND": ("seconds", 1),
    "DECADE": ("years", 10), "CENTURY": ("years", 100),
})  # fmt: skip
_SHORT: Mapping[str, str] = MappingProxyType({
    "YY": "YEAR", "YYYY": "YEAR", "QQ": "QUARTER", "Q": "QUARTER", "MM": "MONTH", "M": "MONTH",
    "MON": "MONTH",
    "WK": "WEEK", "WW": "WEEK", "W": "WEEK", "IW": "WEEK", "ISOWEEK": "WEEK", "DD": "DAY", "D": "DAY",
    "DAYOFMONTH": "DAY", "HH": "HOUR", "HH24": "HOUR", "H": "HOUR", "MI": "MINUTE", "N": "MINUTE",
    "MIN": "MINUTE", "SS": "SECOND", "S": "SECOND", "SEC": "SECOND", "DW": "DAYOFWEEK",
    "WEEKDAY": "DAYOFWEEK",
    "DY": "DOY", "DAYOFYEAR": "DOY", "DAY_OF_YEAR": "DOY", "DAY_OF_WEEK": "DAYOFWEEK",
    "DAYOFWEEKISO": "ISODOW", "DAYOFWEEK_ISO": "ISODOW", "SQL_TSI_YEAR": "YEAR", "SQL_TSI_MONTH": "MONTH",
    "SQL_TSI_DAY": "DAY",
})  # fmt: skip
SECONDS = {"HOUR": 3600, "MINUTE": 60, "SECOND": 1}
_LARGE_NUMBERS = re.compile(r"(?P<count>-?(?<!\d)\d+)\s*(?P<unit>[A-Za-z_]+)")
NOW = text("now")


# ------------------------------------------------------------------ what a value holds


def kind_of(node: exp.Expr | None, reading: Reading) -> str:
    """`date`, `time` (a date with a time) or empty: what a value is known to hold."""
    if isinstance(node, exp.Paren | exp.Max | exp.Min | exp.Alias | exp.AnyValue):
        return kind_of(node.this, reading)
    if isinstance(node, exp.Coalesce):
        return kind_of(node.this, reading)
    if isinstance(node, exp.CurrentDate):
        return "date"
    if isinstance(node, exp.CurrentTimestamp):
        return "time"
    if isinstance(node, exp.Anonymous):
        return {"DATE": "date", "DATETIME": "time"}.get(str(node.this), "")
    if isinstance(node, exp.Cast):
        return _kind_of_type(node.to.sql())
    if isinstance(node, exp.Literal) and node.is_string:
        value = str(node.this)
        return "date" if ISO_DATE.match(value) else "time" if ISO_TIME.match(value) else ""
    if isinstance(node, exp.Column):
        return _kind_of_type(reading.type_of(node))
    if isinstance(node, exp.Subquery | exp.Select) and len(node.selects) == 1:
        return kind_of(node.selects[0], reading)
    return ""


def _kind_of_type(name: str) -> str:
    name = name.lower()
    return "time" if name.startswith(("datetime", "timestamp")) else "date" if name == "date" else ""


def unit_of(node: object) -> str:
    """The name of a unit of time, in capitals and the singular; empty where it is none that is known."""
    if isinstance(node, exp.WeekStart):
        return "WEEK"
    name = node.name if isinstance(node, exp.Expr) else str(node or "")
    name = name.upper().strip()
    name = _SHORT.get(name, name)
    singular = name[:-1] if name.endswith("S") else name
    return _SHORT.get(singular, singular)


def interval(node: exp.Expr) -> list[tuple[exp.Expr, str]] | None:
    """The amounts and units of an interval; None where they cannot be read."""
    if isinstance(node, exp.Paren):
        return interval(node.this)
    if isinstance(node, exp.Mul):
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            parts = interval(one)
            if parts is not None and len(parts) == 1:
                amount, unit = parts[0]
                factor = integer(amount)
                scaled = other if factor == 1 else binary(exp.Mul, amount, other)
                return [(scaled, unit)]
        return None
    if not isinstance(node, exp.Interval):
        return None
    unit = unit_of(node.args.get("unit"))
    value = string(node.this)
    if unit in UNITS and integer(node.this) is not None:
        return [(number(integer(node.this) or 0), unit)]
    if unit in UNITS and node.this is not None and value is None:
        return [(node.this, unit)]
    parts = []
    for match in _LARGE_NUMBERS.finditer(value or ""):
        if unit_of(match["unit"]) not in UNITS:
            return None
        parts.append((number(int(match["count"])), unit_of(match["unit"])))
    return parts or None


# ------------------------------------------------------------------------ arithmetic


def shifted(
    value: exp.Expr, parts: list[tuple[exp.Expr, str]], sign: int, reading: Reading
) -> exp.Expr | None:
    """A date moved by amounts of time."""
    modifiers: list[exp.Expr] = []
    for amount, unit in parts:
        if unit not in UNITS:
            return None
        word, times = UNITS[unit]
        count = integer(amount)
        if count is not None:
            modifiers.append(text(f"{sign * count * times:+d} {word}"))
            continue
        factor = sign * times
        scaled = amount if factor == 1 else binary(exp.Mul, amount, number(factor))
        modifiers.append(joined(exp.Paren(this=scaled.copy()), text(f" {word}")))
    value = bare_date(value)
    kind = kind_of(value, reading)
    coarse = all(unit not in SECONDS for _, unit in parts)
    if isinstance(value, exp.Anonymous) and str(value.this) in ("DATE", "DATETIME"):
        if coarse or str(value.this) == "DATETIME":
            return call(str(value.this), *value.expressions, *modifiers)
    elif isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        value = NOW
    if kind == "time" or not coarse:
        return call("DATETIME", value, *modifiers)
    if kind == "date" or not isinstance(value, exp.Column):
        return call("DATE", value, *modifiers)
    return call("SUBSTR", call("DATETIME", value, *modifiers), number(1), exp.Length(this=value.copy()))


def moved(node: exp.Expr, reading: Reading, sign: int = 1) -> exp.Expr | None:
    """DATE_ADD and its like: a date, an amount and a unit, or an interval."""
    amount, unit = node.expression, unit_of(node.args.get("unit"))
    parts = interval(amount) if amount is not None else None
    if parts is None and amount is not None:
        parts = [(amount, unit or "DAY")]
    return shifted(node.this, parts, sign, reading) if parts else None


def moved_back(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """DATE_SUB and its like."""
    return moved(node, reading, -1)


def months_later(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """ADD_MONTHS."""
    return shifted(node.this, [(node.expression, "MONTH")], 1, reading)


def summed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`date + interval`, `date - interval`, `date + 7`, `date - date`."""
    sign = -1 if isinstance(node, exp.Sub) else 1
    left, right = bare_date(node.this), bare_date(node.expression)
    parts = interval(right)
    if parts is not None:
        return shifted(left, parts, sign, reading)
    if sign == 1 and (parts := interval(left)) is not None:
        return shifted(right, parts, 1, reading)
    known, other = kind_of(left, reading), kind_of(right, reading)
    if known and isinstance(right, exp.Literal | exp.Neg) and not right.is_string:
        return shifted(left, [(right, "DAY")], sign, reading)
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if sign == -1 and known and other and not isinstance(parent, exp.Extract):
        return days_between(left, right, whole=known == other == "date")
    return None


def days_between(later: exp.Expr, earlier: exp.Expr, whole: bool) -> exp.Expr:
    """Days from one date to another; whole ones are counted by the calendar."""
    ends = [call("JULIANDAY", bare_date(value)) for value in (later, earlier)]
    days = exp.Sub(this=ends[0], expression=ends[1])
    return cast(days, "INTEGER") if whole else exp.Paren(this=days)


def compared(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """The difference of two dates compared with an interval: both as days."""
    for one, other, is_left in ((node.this, node.expression, True), (node.expression, node.this, False)):
        parts = interval(one)
        days = _interval_days(parts) if parts else None
        bare = other.this if isinstance(other, exp.Paren) else other
        if days is None:
            continue
        if isinstance(bare, exp.Anonymous) and str(bare.this).upper() == "AGE":
            bare = age_as_difference(bare)
        if isinstance(bare, exp.Sub) and not isinstance(bare.expression, exp.Interval):
            gone = days_between(bare.this, bare.expression, whole=False)
        elif isinstance(bare, exp.Cast | exp.Paren | exp.Sub) and "JULIANDAY" in bare.sql():
            gone = bare
        else:
            continue
        pair = (number(days), gone) if is_left else (gone, number(days))
        return type(node)(this=pair[0], expression=pair[1])
    return None


def age_as_difference(node: exp.Anonymous) -> exp.Expr:
    """`AGE(a, b)` as `a - b`; with one date, it is the age today."""
    ends = node.expressions
    later, earlier = (ends[0], ends[1]) if len(ends) == 2 else (exp.CurrentDate(), ends[0])
    return exp.Sub(this=later.copy(), expression=earlier.copy())


def _interval_days(parts: list[tuple[exp.Expr, str]]) -> float | None:
    """An interval as days, as PostgreSQL compares intervals: a month has 30 days, a year 360."""
    total = 0.0
    lengths = {
        "YEAR": 360,
        "QUARTER": 90,
        "MONTH": 30,
        "WEEK": 7,
        "DAY": 1,
        "HOUR": 1 / 24,
        "MINUTE": 1 / 1440,
    }
    for amount, unit in parts:
        count = integer(amount)
        if count is None or unit not in lengths:
            return None
        total += count * lengths[unit]
    return int(total) if total == int(total) else total
