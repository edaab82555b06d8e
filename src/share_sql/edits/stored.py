"""What is asked of a stored value, written as each dialect has it: its form, its kind, its day.

A condition that a dialect cannot ask of a value of that type fails, so that whoever asks learns nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlglot import exp

from share_sql.dialects import dialect_of


class Form(NamedTuple):
    """How a text may look, as the two kinds of pattern say it."""

    glob: str
    """For GLOB."""
    regex: str
    """A regular expression that PostgreSQL, MySQL and DuckDB all read."""


OTHER_SIGN = Form("*[^0-9.-]*", "[^0-9.-]")
DIGIT_LAST = Form("*[0-9]", "[0-9]$")
ANY_DIGIT = Form("*[0-9]*", "[0-9]")
LATE_SIGN = Form("?*[-]*", "^.+-")
LATE_MINUS = Form("?*-*", "^.+-")
TWO_POINTS = Form("*.*.*", "[.].*[.]")
POINT = Form("*.*", "[.]")
ISO_DAY = Form("[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*", "^[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]")
"""A day in ISO 8601, with or without a time."""
TIME_AFTER = Form("[ T][0-9]", "^[ T][0-9]$")
MOMENTS = {
    " ": Form("*[0-9] [0-9]*", "[0-9] [0-9]"),
    "T": Form("*[0-9]T[0-9]*", "[0-9]T[0-9]"),
}
"""Moments, by the sign between day and time."""

_DAYS = re.compile(r"^(?:DATE$|TIMESTAMP|DATETIME)")
_MOMENTS = re.compile(r"^(?:TIMESTAMP|DATETIME)")
_TEXTS = re.compile(r"CHAR|TEXT|CLOB|STRING|UUID|ENUM|^NAME$")
_NUMBERS = re.compile(r"INT(?!ERVAL)|REAL|FLOA|DOUB|NUM|DEC|SERIAL")


def matches(value: exp.Expr, form: Form, dialect: str) -> exp.Expr:
    """Whether a text has a form."""
    if dialect_of(dialect).value_types:
        return exp.Glob(this=value, expression=exp.Literal.string(form.glob))
    pattern = exp.Literal.string(form.regex)
    if dialect_of(dialect).pattern_place:
        # MariaDB has no REGEXP_LIKE, as which sqlglot writes REGEXP.
        place = exp.Anonymous(this=dialect_of(dialect).pattern_place, expressions=[value, pattern])
        return exp.GT(this=place, expression=exp.Literal.number(0))
    return exp.RegexpLike(this=value, expression=pattern)


def typeof(value: exp.Expr) -> exp.Expr:
    """The name of the type that a value is stored as, where each has its own."""
    return exp.Anonymous(this="TYPEOF", expressions=[value])


def is_text(value: exp.Expr, dialect: str) -> exp.Expr | None:
    """Whether a value is stored as text; None where its column's type alone says so."""
    if not dialect_of(dialect).value_types:
        return None
    return exp.EQ(this=typeof(value), expression=exp.Literal.string("text"))


def looks_numeric(value: exp.Expr, dialect: str) -> exp.Expr:
    """Text of digits with at most a sign and a point."""
    parts = [
        is_text(value.copy(), dialect),
        exp.Not(this=matches(value.copy(), OTHER_SIGN, dialect)),
        matches(value.copy(), DIGIT_LAST, dialect),
        exp.Not(this=matches(value.copy(), LATE_SIGN, dialect)),
    ]
    if not dialect_of(dialect).value_types:
        parts.append(exp.Not(this=matches(value.copy(), TWO_POINTS, dialect)))
    return exp.and_(*(part for part in parts if part is not None))


def first(value: exp.Expr, count: int, dialect: str) -> exp.Expr:
    """The first characters of a text."""
    return _part(value, 1, count, dialect)


def after(value: exp.Expr, count: int, dialect: str) -> exp.Expr:
    """The two characters that come after the first ones."""
    return _part(value, count + 1, 2, dialect)


def _part(value: exp.Expr, start: int, length: int, dialect: str) -> exp.Expr:
    if dialect_of(dialect).value_types:
        return exp.Anonymous(this="SUBSTR", expressions=[value, exp.convert(start), exp.convert(length)])
    return exp.Substring(this=value, start=exp.convert(start), length=exp.convert(length))


def day_of(value: exp.Expr, dialect: str) -> exp.Expr:
    """The day of a moment."""
    if dialect_of(dialect).loose_casts:
        return exp.Anonymous(this="DATE", expressions=[value])
    return exp.cast(value, "DATE")


def moment_of(value: exp.Expr, dialect: str) -> exp.Expr:
    """A text as the moment that it writes."""
    if dialect_of(dialect).loose_casts:
        return exp.Anonymous(this="DATETIME", expressions=[value])
    return exp.cast(value, "TIMESTAMP")


def part_of(value: exp.Expr, form: str, dialect: str) -> exp.Expr:
    """The part of a date that a format of strftime writes, as text."""
    written = exp.Literal.string(form)
    if dialect_of(dialect).loose_casts:
        return exp.Anonymous(this="STRFTIME", expressions=[written, value])
    return exp.TimeToStr(this=exp.cast(value, "TIMESTAMP"), format=written)


def is_day_type(declared: str | None) -> bool:
    """Whether a declared type is one of days, with or without a time, in a dialect that has such types."""
    return declared is not None and _DAYS.search(declared.upper()) is not None


def is_moment_type(declared: str | None) -> bool:
    """Whether a declared type is one of days with a time."""
    return declared is not None and _MOMENTS.search(declared.upper()) is not None


def is_text_type(declared: str | None) -> bool:
    """Whether a declared type is one of texts."""
    return declared is not None and _TEXTS.search(declared.upper()) is not None


def is_number_type(declared: str | None) -> bool:
    """Whether a declared type is one of numbers."""
    return declared is not None and _NUMBERS.search(declared.upper()) is not None
