"""Parts of dates, the time between two of them, dates cut to a unit, and dates as text, in SQLite's words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp
from sqlglot.time import format_time

from share_sql.edits.foreign.dates import (
    ISO_DATE,
    ISO_TIME,
    NOW,
    SECONDS,
    age_as_difference,
    compared,
    days_between,
    interval,
    kind_of,
    months_later,
    moved,
    moved_back,
    shifted,
    summed,
    unit_of,
)
from share_sql.edits.foreign.formats import (
    iso_week,
    number_of,
    of_to_char,
    quarter,
    read_date,
    read_literal,
    written_date,
    written_number,
)
from share_sql.edits.foreign.nodes import (
    Reading,
    Rule,
    arguments_of,
    bare_date,
    binary,
    call,
    cast,
    divided,
    in_parts,
    integer,
    joined,
    number,
    string,
    text,
)
from share_sql.sqlglot_dialects import sqlglot_dialect

_SUNDAY_IS_1 = frozenset({"mysql", "bigquery", "tsql", "spark", "databricks", "hive", "oracle", "sqlite"})
_PARTS = {"YEAR": "%Y", "MONTH": "%m", "DAY": "%d", "HOUR": "%H", "MINUTE": "%M", "SECOND": "%S", "DOY": "%j",
          "EPOCH": "%s", "DOW": "%w"}  # fmt: skip
# ------------------------------------------------------------------------ differences


def difference(
    later: exp.Expr, earlier: exp.Expr, unit: str, boundaries: bool, reading: Reading
) -> exp.Expr | None:
    """The time from one date to another.

    Args:
        later, earlier: the two.
        unit: what is counted.
        boundaries: count how many units begin between the two (T-SQL, Snowflake, BigQuery's DATE_DIFF), not
            how many have passed (MySQL's TIMESTAMPDIFF, Trino).
        reading: how the text was read; it decides which day begins a week.
    """
    ends = [bare_date(later), bare_date(earlier)]
    years, months = ([number_of(form, end) for end in ends] for form in ("%Y", "%m"))
    if unit in ("YEAR", "QUARTER", "MONTH"):
        passed = binary(exp.Sub, *years)
        if unit != "YEAR":
            passed = binary(exp.Add, exp.Mul(this=number(12), expression=passed), binary(exp.Sub, *months))
        if not boundaries:
            form = "%m-%d %H:%M:%S" if unit == "YEAR" else "%d %H:%M:%S"
            behind = exp.LT(this=call("STRFTIME", form, ends[0]), expression=call("STRFTIME", form, ends[1]))
            passed = binary(exp.Sub, passed, exp.Paren(this=behind))
        if unit == "QUARTER":
            if boundaries:
                quarters = exp.Sub(this=quarter(ends[0]), expression=quarter(ends[1]))
                years_passed = exp.Mul(this=number(4), expression=binary(exp.Sub, *years))
                return binary(exp.Add, years_passed, quarters)
            return in_parts(passed, number(3))
        return passed
    if unit == "DAY":
        if boundaries and any(kind_of(end, reading) != "date" for end in ends):
            ends = [end if kind_of(end, reading) == "date" else _day(end) for end in ends]
        return days_between(ends[0], ends[1], whole=True)
    if unit == "WEEK":
        if not boundaries:
            return cast(divided(days_between(ends[0], ends[1], whole=False), number(7)), "INTEGER")
        # Julian days begin at noon: with 1.5 added, a whole number of sevens is a Sunday; with 0.5, a Monday.
        start = number(1.5 if reading.reader in ("tsql", "bigquery", "redshift") else 0.5)
        weeks = [
            cast(divided(binary(exp.Add, call("JULIANDAY", _day(end)), start), number(7)), "INTEGER")
            for end in ends
        ]
        return binary(exp.Sub, *weeks)
    if unit in SECONDS:
        stamps = [number_of("%s", end) for end in ends]
        if unit == "SECOND":
            return binary(exp.Sub, *stamps)
        if boundaries:
            return binary(exp.Sub, *(in_parts(stamp, number(SECONDS[unit])) for stamp in stamps))
        return in_parts(binary(exp.Sub, *stamps), number(SECONDS[unit]))
    return None


def _day(value: exp.Expr) -> exp.Expr:
    """A date without its time."""
    if isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        return call("DATE", NOW)
    if isinstance(value, exp.Anonymous) and str(value.this) == "DATE":
        return value
    if isinstance(value, exp.Anonymous) and str(value.this) == "DATETIME":
        return call("DATE", *value.expressions)
    return value if isinstance(value, exp.Literal) and ISO_DATE.match(value.name) else call("DATE", value)


def _difference(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    if node.this is None or node.expression is None:
        return None
    unit = unit_of(node.args.get("unit")) or "DAY"
    plain = node.args.get("unit") is None
    boundaries = plain or bool(node.args.get("date_part_boundary")) or reading.reader in _BOUNDARIES
    return difference(node.this, node.expression, unit, boundaries, reading)


_BOUNDARIES = frozenset({"tsql", "snowflake", "redshift", "databricks", "bigquery", "duckdb", "clickhouse"})


def _elapsed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return difference(node.this, node.expression, unit_of(node.args.get("unit")), False, reading)


def _months_between(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """Oracle's rule: whole months, and the days left over by 31 days a month."""
    months = difference(node.this, node.expression, "MONTH", True, reading)
    assert months is not None
    days = [number_of("%d", bare_date(end)) for end in (node.this, node.expression)]
    return binary(exp.Add, months, divided(binary(exp.Sub, *days), number(31.0)))


# ------------------------------------------------------------------------------ parts


def part(unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
    """A part of a date, as a number."""
    value = bare_date(value)
    bare = value.this if isinstance(value, exp.Paren) else value
    if isinstance(bare, exp.Anonymous) and str(bare.this).upper() == "AGE":
        return _part_of_age(unit, age_as_difference(bare), reading)
    if isinstance(bare, exp.Sub):
        return _part_of_difference(unit, bare)
    if isinstance(bare, exp.CurrentDate | exp.CurrentTimestamp):
        value = NOW
    if unit == "DAYOFWEEK":
        unit = "DOW"
        if reading.reader in _SUNDAY_IS_1:
            return binary(exp.Add, number_of("%w", value), number(1))
    if unit in _PARTS:
        return number_of(_PARTS[unit], value)
    if unit == "QUARTER":
        return quarter(value)
    if unit == "WEEK":
        if reading.reader not in ("mysql", "bigquery"):
            return iso_week(value)
        days = binary(exp.Sub, binary(exp.Add, number_of("%j", value), number(6)), number_of("%w", value))
        return in_parts(days, number(7))
    if unit == "ISODOW":
        return binary(exp.Add, binary(exp.Mod, _from_monday(value), number(7)), number(1))
    if unit == "YEAR_MONTH":
        return number_of("%Y%m", value)
    if unit == "DECADE":
        return in_parts(number_of("%Y", value), number(10))
    if unit == "CENTURY":
        return in_parts(binary(exp.Add, number_of("%Y", value), number(99)), number(100))
    return call("DATE", value) if unit == "DATE" else None


def _from_monday(value: exp.Expr) -> exp.Expr:
    return binary(exp.Add, number_of("%w", value), number(6))


def _part_of_age(unit: str, ends: exp.Expr, reading: Reading) -> exp.Expr | None:
    if unit == "YEAR":
        return difference(ends.this, ends.expression, "YEAR", False, reading)
    if unit == "MONTH":
        months = difference(ends.this, ends.expression, "MONTH", False, reading)
        assert months is not None
        return binary(exp.Mod, months, number(12))
    return None


def _part_of_difference(unit: str, ends: exp.Expr) -> exp.Expr | None:
    if unit == "DAY":
        return days_between(ends.this, ends.expression, whole=True)
    if unit in ("EPOCH", "SECOND"):
        stamps = [
            cast(call("STRFTIME", "%s", bare_date(end)), "REAL") for end in (ends.this, ends.expression)
        ]
        return binary(exp.Sub, *stamps)
    return None


def _extract(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return part(unit_of(node.this), node.expression, reading)


def _part(unit: str) -> Rule:
    return lambda node, reading: part(unit, node.this, reading)


def _day_name(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return written_date(bare_date(node.this), "%a" if node.args.get("abbreviated") else "%A")


def _month_name(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return written_date(bare_date(node.this), "%b" if node.args.get("abbreviated") else "%B")


# -------------------------------------------------------------------------- truncation


def truncated(value: exp.Expr, unit: str, reading: Reading) -> exp.Expr | None:
    """A date cut to the beginning of a unit."""
    value = bare_date(value)
    if isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        value = NOW
    if unit in ("YEAR", "MONTH"):
        return call("DATE", value, f"start of {unit.lower()}")
    if unit == "DAY":
        return call("DATE", value)
    if unit == "QUARTER":
        into = binary(exp.Mod, binary(exp.Add, number_of("%m", value), number(2)), number(3))
        return call("DATE", value, "start of month", joined(text("-"), into, text(" months")))
    if unit == "WEEK":
        first = 0 if reading.reader == "bigquery" else 1
        return call("DATE", value, "-6 days", f"weekday {first}")
    forms = {"HOUR": "%Y-%m-%d %H:00:00", "MINUTE": "%Y-%m-%d %H:%M:00", "SECOND": "%Y-%m-%d %H:%M:%S"}
    return call("STRFTIME", forms[unit], value) if unit in forms else None


def _truncated(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return truncated(node.this, unit_of(node.args.get("unit")), reading)


def _last_day(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    if node.args.get("unit") is not None and unit_of(node.args["unit"]) != "MONTH":
        return None
    value = bare_date(node.this)
    if isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        value = NOW
    return call("DATE", value, "start of month", "+1 month", "-1 day")


# --------------------------------------------------------------------------- as text


def _to_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """DATE_FORMAT, TO_CHAR, FORMAT, of dates and of numbers."""
    form = string(node.args.get("format"))
    value = bare_date(node.this)
    if form is None:
        return None
    if isinstance(node, exp.ToChar) or reading.reader in _TO_CHAR_READERS:
        if isinstance(node, exp.TimeToStr):
            # sqlglot reads PostgreSQL's patterns by halves ("Day" as "D" and "ay"); they are put back first.
            dialect = sqlglot_dialect(reading.reader)
            form = format_time(form, dialect.INVERSE_TIME_MAPPING, dialect.INVERSE_TIME_TRIE) or form
        amount = written_number(value, form)
        if amount is not None:
            return amount
        found = of_to_char(form)
        if found is None:
            return None
        form = found
    if isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        value = NOW
    return written_date(value, form.removesuffix("strict"))


_TO_CHAR_READERS = frozenset({"postgres", "redshift", "materialize", "oracle", "snowflake"})


def _from_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """STR_TO_DATE, TO_DATE, PARSE_DATE."""
    form = string(node.args.get("format"))
    if form is None:
        return None
    form = form.removesuffix("strict")
    value = string(node.this)
    if value is not None:
        found = read_literal(value, form)
        return text(found) if found is not None else None
    return read_date(node.this, form)


def _as_date(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """CAST to a date, or to a date and time; a literal that is one already stays a literal."""
    target = node.args.get("to")
    value = bare_date(node.this)
    if isinstance(node, exp.TsOrDsToDate) and node.args.get("format") is not None:
        return _from_text(node, reading)
    is_date = target is None or target.this == exp.DType.DATE
    literal = string(value)
    if literal is not None and (ISO_DATE.match(literal) or (not is_date and ISO_TIME.match(literal))):
        return text(literal)
    if isinstance(value, exp.CurrentDate | exp.CurrentTimestamp):
        return call("DATE" if is_date else "DATETIME", NOW)
    kind = kind_of(value, reading)
    if is_date:
        return value if kind == "date" and not isinstance(value, exp.Column) else call("DATE", value)
    return value if kind else call("DATETIME", value)


def is_date_type(target: exp.Expr | None) -> bool:
    """Whether a type is that of dates, with or without a time."""
    return isinstance(target, exp.DataType) and target.this in _DATE_TYPES


_DATE_TYPES = frozenset((
    exp.DType.DATE, exp.DType.DATE32, exp.DType.DATETIME, exp.DType.DATETIME2, exp.DType.SMALLDATETIME,
    exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPLTZ,
))  # fmt: skip


def _parts_as_date(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return call("PRINTF", "%04d-%02d-%02d", *parts) if len(parts) == 3 else None


def _zone(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    zone = (string(node.args.get("zone")) or "").upper()
    return node.this.copy() if zone in ("UTC", "GMT", "ETC/UTC") else None


# -------------------------------------------------- calls that sqlglot's reader leaves


def _moved_call(unit: str, sign: int = 1) -> Rule:
    def move(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        if len(parts) != 2:
            return None
        given = interval(parts[1]) or [(parts[1], unit)]
        return shifted(parts[0], given, sign, reading)

    return move


def _named_part(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`DATE_PART('year', d)`, where the reader has no such function."""
    parts = arguments_of(node)
    return part(unit_of(parts[0]), parts[1], reading) if len(parts) == 2 else None


def _call_part(unit: str) -> Rule:
    def take(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        return part(unit, parts[0], reading) if len(parts) == 1 else None

    return take


def _call_format(form: str) -> Rule:
    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        return written_date(parts[0], form) if len(parts) == 1 else None

    return write


def _now(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.CurrentTimestamp() if len(arguments_of(node)) <= 1 else None


def _today(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.CurrentDate() if not arguments_of(node) else None


def _from_seconds(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """FROM_UNIXTIME, TO_TIMESTAMP of a number."""
    parts = arguments_of(node)
    return call("DATETIME", parts[0], "unixepoch") if len(parts) == 1 else None


def _weekday(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """MySQL's WEEKDAY: 0 is Monday."""
    parts = arguments_of(node)
    return binary(exp.Mod, _from_monday(parts[0]), number(7)) if len(parts) == 1 else None


def _date_call(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`DATE(x)` of any dialect is SQLite's own."""
    parts = [part for part in arguments_of(node) if isinstance(part, exp.Expr)]
    if len(parts) == 3 and all(integer(part) is not None for part in parts):
        return call("PRINTF", "%04d-%02d-%02d", *parts)
    return call("DATE", *parts) if len(parts) == 1 else None


RULES: Mapping[type[exp.Expr], Rule] = MappingProxyType({
    exp.Extract: _extract, exp.Year: _part("YEAR"), exp.Quarter: _part("QUARTER"), exp.Month: _part("MONTH"),
    exp.Week: _part("WEEK"), exp.WeekOfYear: _part("WEEK"), exp.Day: _part("DAY"),
    exp.DayOfMonth: _part("DAY"), exp.DayOfWeek: _part("DAYOFWEEK"), exp.DayOfWeekIso: _part("ISODOW"),
    exp.DayOfYear: _part("DOY"), exp.Hour: _part("HOUR"), exp.Minute: _part("MINUTE"),
    exp.Second: _part("SECOND"), exp.TimeToUnix: _part("EPOCH"), exp.Dayname: _day_name,
    exp.Monthname: _month_name, exp.DateAdd: moved, exp.DateSub: moved_back, exp.DatetimeAdd: moved,
    exp.DatetimeSub: moved_back, exp.TimestampAdd: moved, exp.TimestampSub: moved_back,
    exp.TsOrDsAdd: moved, exp.AddMonths: months_later, exp.Add: summed, exp.Sub: summed,
    exp.DateDiff: _difference, exp.TsOrDsDiff: _difference, exp.DatetimeDiff: _difference,
    exp.TimestampDiff: _elapsed,
    exp.MonthsBetween: _months_between, exp.DateTrunc: _truncated, exp.TimestampTrunc: _truncated,
    exp.DatetimeTrunc: _truncated, exp.LastDay: _last_day, exp.TimeToStr: _to_text, exp.ToChar: _to_text,
    exp.StrToDate: _from_text, exp.StrToTime: _from_text, exp.TsOrDsToDate: _as_date,
    exp.DateFromParts: _parts_as_date, exp.AtTimeZone: _zone, exp.GT: compared, exp.GTE: compared,
    exp.LT: compared, exp.LTE: compared, exp.EQ: compared, exp.CurrentDatetime: _now,
    exp.UtcDate: _today, exp.UnixToTime: _from_seconds, exp.Date: _date_call,
})  # fmt: skip
"""By node."""
_NAMES: Mapping[str, Rule] = {
    "NOW": _now, "GETDATE": _now, "GETUTCDATE": _now, "SYSDATE": _now, "SYSDATETIME": _now,
    "LOCALTIMESTAMP": _now, "STATEMENT_TIMESTAMP": _now, "CURRENT_DATETIME": _now, "CURDATE": _today,
    "TODAY": _today, "UTC_DATE": _today, "ADDDATE": _moved_call("DAY"), "SUBDATE": _moved_call("DAY", -1),
    "DATE_ADD": _moved_call("DAY"), "DATE_SUB": _moved_call("DAY", -1), "ADD_MONTHS": _moved_call("MONTH"),
    "ADDDAYS": _moved_call("DAY"), "ADDMONTHS": _moved_call("MONTH"), "ADDYEARS": _moved_call("YEAR"),
    "DATE_PART": _named_part, "DATEPART": _named_part, "WEEKDAY": _weekday, "DAYNAME": _call_format("%A"),
    "MONTHNAME": _call_format("%B"), "MAKE_DATE": _parts_as_date, "UNIX_TIMESTAMP": _call_part("EPOCH"),
    "TOYEAR": _call_part("YEAR"), "TOMONTH": _call_part("MONTH"), "TOQUARTER": _call_part("QUARTER"),
    "TODAYOFMONTH": _call_part("DAY"), "TODATE": _date_call, "FROM_UNIXTIME": _from_seconds,
    "DAYOFMONTH": _call_part("DAY"),
}  # fmt: skip
NAMES: Mapping[str, Rule] = MappingProxyType(_NAMES)
"""By the name of a call that sqlglot has no node for."""
CAST_AS_DATE: Rule = _as_date
"""For casts to the types of `is_date_type`."""
