"""Dates of other dialects: what they write, brought to the operations of the database's clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import UNITS, Clock, is_now
from share_sql.edits.foreign.dates import interval, unit_of
from share_sql.edits.foreign.formats import of_to_char
from share_sql.edits.foreign.kinds import DIGITS, MOMENTS, NUMBERS, kind, marked
from share_sql.edits.foreign.nodes import Reading, Rule, integer, number, string
from share_sql.sqlglot_dialects import sqlglot_dialect

_MODIFIER = re.compile(
    r"\s*+(?P<sign>[+-])?\s*+(?P<count>\d++)(?:\.0*+)?\s++(?P<unit>year|month|day|hour|minute|second)s?\s*+",
    re.IGNORECASE,
)
_JULIAN = "julian"
_WHOLE_CHANGE = re.compile(r"start of (year|month|day)", re.IGNORECASE)
_BEGUN = frozenset(
    {"tsql", "snowflake", "redshift", "databricks", "bigquery", "duckdb", "clickhouse", "spark"}
)
_SUNDAY_IS_1 = frozenset({"mysql", "bigquery", "tsql", "spark", "databricks", "hive", "oracle", "sqlite"})


def date_rules(clock: Clock, dialect: str) -> tuple[Mapping[type[exp.Expr], Rule], Mapping[str, Rule]]:
    """The rules on dates of a dialect, by node and by name of a call.

    Args:
        clock: how it computes dates.
        dialect: its name; what was written for it already is left as it is, but for calls that it lacks.
    """

    def foreign(rule: Rule) -> Rule:
        return lambda node, reading: None if reading.reader == dialect else rule(node, reading)

    def part(unit: str) -> Rule:
        def take(node: exp.Expr, reading: Reading) -> exp.Expr | None:
            value = node.this if not isinstance(node, exp.Anonymous) else _only(node)
            return part_of(clock, unit, value, reading) if value is not None else None

        return take

    nodes: dict[type[exp.Expr], Rule] = {
        exp.Extract: foreign(lambda n, r: part_of(clock, unit_of(n.this), n.expression, r)),
        exp.Date: foreign(lambda n, r: _date(clock, n, r)),
        exp.TsOrDsToDate: foreign(lambda n, r: clock.date(n.this, r)),
        exp.TsOrDsToTimestamp: foreign(lambda n, r: clock.moment(n.this, r)),
        exp.TimeToStr: foreign(lambda n, r: _to_text(clock, n, r)),
        exp.ToChar: foreign(lambda n, r: _to_text(clock, n, r)),
        exp.DateAdd: foreign(lambda n, r: _moved(clock, n, r, 1)),
        exp.TsOrDsAdd: foreign(lambda n, r: _moved(clock, n, r, 1)),
        exp.DatetimeAdd: foreign(lambda n, r: _moved(clock, n, r, 1)),
        exp.TimestampAdd: foreign(lambda n, r: _moved(clock, n, r, 1)),
        exp.DateSub: foreign(lambda n, r: _moved(clock, n, r, -1)),
        exp.DatetimeSub: foreign(lambda n, r: _moved(clock, n, r, -1)),
        exp.TimestampSub: foreign(lambda n, r: _moved(clock, n, r, -1)),
        exp.Add: foreign(lambda n, r: _summed(clock, n, r)),
        exp.Sub: lambda n, r: _summed(clock, n, r),
        exp.DateDiff: foreign(lambda n, r: _difference(clock, n, r)),
        exp.DatetimeDiff: foreign(lambda n, r: _difference(clock, n, r)),
        exp.TsOrDsDiff: foreign(lambda n, r: _difference(clock, n, r)),
        exp.TimestampDiff: lambda n, r: clock.passed(unit_of(n.args.get("unit")), n.this, n.expression, r),
        exp.DateTrunc: foreign(lambda n, r: clock.truncated(n.this, unit_of(n.args.get("unit")), r)),
        exp.TimestampTrunc: foreign(lambda n, r: clock.truncated(n.this, unit_of(n.args.get("unit")), r)),
        exp.LastDay: lambda n, r: clock.last_day(n.this, r),
        exp.TimeToUnix: part("EPOCH"),
        exp.UnixToTime: lambda n, r: clock.from_epoch(n.this),
        exp.Dayname: foreign(lambda n, r: clock.text(n.this, "%A", r)),
        exp.Monthname: foreign(lambda n, r: clock.text(n.this, "%B", r)),
        exp.CurrentDatetime: lambda n, r: clock.now(),
        exp.Year: part("YEAR"), exp.Month: part("MONTH"), exp.Day: part("DAY"), exp.DayOfMonth: part("DAY"),
        exp.Hour: part("HOUR"), exp.Minute: part("MINUTE"), exp.Second: part("SECOND"),
        exp.Quarter: part("QUARTER"), exp.Week: part("WEEK"), exp.WeekOfYear: part("WEEK"),
        exp.DayOfWeek: part("DAYOFWEEK"), exp.DayOfWeekIso: part("ISODOW"), exp.DayOfYear: part("DOY"),
    }  # fmt: skip
    names: dict[str, Rule] = {
        "DATE": foreign(lambda n, r: _modified(clock, n, r, "date")),
        "DATETIME": foreign(lambda n, r: _modified(clock, n, r, "time")),
        "TIME": foreign(lambda n, r: _clock_time(clock, n, r)),
        "JULIANDAY": lambda n, r: _julian(clock, n, r),
        "UNIXEPOCH": part("EPOCH"), "UNIX_TIMESTAMP": part("EPOCH"),
        "FROM_UNIXTIME": lambda n, r: clock.from_epoch(n.expressions[0]) if len(n.expressions) == 1 else None,
        "NOW": foreign(lambda n, r: clock.now() if not n.expressions else None),
        "GETDATE": lambda n, r: clock.now(), "SYSDATE": foreign(lambda n, r: clock.now()),
        "CURDATE": lambda n, r: exp.CurrentDate(), "TODAY": lambda n, r: exp.CurrentDate(),
        "YEAR": part("YEAR"), "MONTH": part("MONTH"), "DAY": part("DAY"), "DAYOFMONTH": part("DAY"),
        "WEEKDAY": lambda n, r: _weekday(clock, n, r), "ADD_MONTHS": lambda n, r: _months(clock, n, r),
        "AGE": foreign(lambda n, r: None),
        "DATE_PART": foreign(
            lambda n, r: part_of(clock, unit_of(n.expressions[0]), n.expressions[1], r)
            if len(n.expressions) == 2
            else None
        ),
    }  # fmt: skip
    return nodes, names


def part_of(clock: Clock, unit: str, value: exp.Expr, reading: Reading) -> exp.Expr | None:
    """A part of a date, or of the time between two."""
    bare = value.this if isinstance(value, exp.Paren) else value
    if isinstance(bare, exp.Anonymous) and str(bare.this).upper() == "AGE" and bare.expressions:
        later = bare.expressions[0] if len(bare.expressions) == 2 else exp.CurrentDate()
        return _of_age(clock, unit, later, bare.expressions[-1], reading)
    if isinstance(bare, exp.Sub) and {kind(bare.this), kind(bare.expression)} <= MOMENTS and unit != "YEAR":
        days = clock.days(bare.this, bare.expression, reading)
        if unit == "EPOCH":
            return exp.Paren(this=exp.Mul(this=days, expression=number(86400)))
        return days if unit == "DAY" else None
    if kind(value) in NUMBERS and unit == "YEAR" and not isinstance(value, exp.Column):
        return None
    if unit == "DAYOFWEEK":
        found = clock.part("DOW", value, reading)
        if found is None or reading.reader not in _SUNDAY_IS_1:
            return found
        return exp.Paren(this=exp.Add(this=found, expression=number(1)))
    return clock.part(unit, value, reading)


def _of_age(clock: Clock, unit: str, later: exp.Expr, earlier: exp.Expr, reading: Reading) -> exp.Expr | None:
    if unit == "YEAR":
        return clock.passed("YEAR", later, earlier, reading)
    if unit == "MONTH":
        months = clock.passed("MONTH", later, earlier, reading)
        return exp.Paren(this=exp.Mod(this=months, expression=number(12))) if months is not None else None
    return None


def _only(node: exp.Anonymous) -> exp.Expr | None:
    return node.expressions[0] if len(node.expressions) == 1 else None


def _date(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = [part for part in (node.this, *node.expressions) if part is not None]
    if len(parts) == 3 and all(integer(part) is not None for part in parts):
        return exp.DateFromParts(year=parts[0].copy(), month=parts[1].copy(), day=parts[2].copy())
    return _changed(clock, parts, "date", reading)


def _modified(clock: Clock, node: exp.Expr, reading: Reading, kind_: str) -> exp.Expr | None:
    """SQLite's `DATE(d, '+1 month', 'start of month')`."""
    return _changed(clock, list(node.expressions), kind_, reading)


def _changed(clock: Clock, parts: list[exp.Expr], wanted: str, reading: Reading) -> exp.Expr | None:
    if not parts:
        return exp.CurrentDate() if wanted == "date" else clock.now()
    value, *changes = parts
    as_wanted: Callable[[exp.Expr, Reading], exp.Expr] = clock.date if wanted == "date" else clock.time
    if any((string(change) or "").lower() == "unixepoch" for change in changes):
        moment: exp.Expr = clock.from_epoch(value)
    else:
        moment = as_wanted(value, reading)
    for change in changes:
        said = (string(change) or "").strip().lower()
        if said in ("localtime", "utc", "unixepoch", "auto", "subsec"):
            continue
        match = _MODIFIER.fullmatch(said)
        whole = _WHOLE_CHANGE.fullmatch(said)
        found: exp.Expr | None = None
        if match is not None:
            sign = -1 if match["sign"] == "-" else 1
            found = clock.shifted(moment, number(int(match["count"])), match["unit"].upper(), sign, reading)
        elif whole is not None:
            found = clock.truncated(moment, whole[1].upper(), reading)
        else:
            amount = _amount(change)
            if amount is not None:
                found = clock.shifted(moment, amount[0], amount[1], amount[2], reading)
        if found is None:
            return None
        moment = found
    return clock.date(moment, reading) if wanted == "date" else moment


def _amount(change: exp.Expr) -> tuple[exp.Expr, str, int] | None:
    """`'-' || n || ' days'`: the amount, the unit, the sign."""
    while isinstance(change, exp.Paren):
        change = change.this
    parts = list(change.flatten()) if isinstance(change, exp.DPipe) else list(change.expressions)
    parts = [part.this if isinstance(part, exp.Cast) else part for part in parts]
    if not parts or not isinstance(change, exp.DPipe | exp.Concat):
        return None
    unit = unit_of((string(parts[-1]) or "").strip())
    sign = (string(parts[0]) or "").strip()
    if unit not in UNITS or len(parts) != (3 if sign in ("+", "-") else 2):
        return None
    return parts[-2], unit, -1 if sign == "-" else 1


def _clock_time(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return clock.text(node.expressions[0], "%H:%M:%S", reading) if len(node.expressions) == 1 else None


def _julian(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = list(node.expressions)
    value = parts[0] if len(parts) == 1 else _changed(clock, parts, "time", reading)
    if value is None:
        return None
    found = marked(clock.julian(value, reading), "real")
    found.meta[_JULIAN] = value.copy()
    return found


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren) and _JULIAN not in node.meta:
        node = node.this
    return node


def _summed(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`date + interval`, `date - 7`, the difference of two dates or of two Julian days."""
    left, right = _bare(node.this), _bare(node.expression)
    sign = -1 if isinstance(node, exp.Sub) else 1
    if sign == -1 and _JULIAN in left.meta and _JULIAN in right.meta:
        days = clock.days(left.meta[_JULIAN], right.meta[_JULIAN], reading)
        return marked(exp.Paren(this=days) if isinstance(days, exp.Binary) else days, "real")
    if reading.reader == reading.schema.dialect:
        return None
    parts, base = interval(right), left
    if parts is None and sign == 1 and (parts := interval(left)) is not None:
        base = right
    if parts is not None:
        found: exp.Expr | None = base
        for amount, unit in parts:
            found = clock.shifted(found, amount, unit, sign, reading) if found is not None else None
        return found
    known = kind(left)
    if known in MOMENTS and kind(right) == "int" and reading.reader != "sqlite":
        return clock.shifted(left, right, "DAY", sign, reading)
    if sign == -1 and known in MOMENTS and kind(right) in MOMENTS and reading.reader != "sqlite":
        if isinstance(node.parent, exp.Extract) or isinstance(
            getattr(node.parent, "parent", None), exp.Extract
        ):
            return None
        whole = known == kind(right) == "date"
        return clock.whole_days(left, right, reading) if whole else clock.days(left, right, reading)
    return None


def _moved(clock: Clock, node: exp.Expr, reading: Reading, sign: int) -> exp.Expr | None:
    amount = node.expression
    parts = interval(amount) if amount is not None else None
    if parts is None and amount is not None:
        parts = [(amount, unit_of(node.args.get("unit")) or "DAY")]
    found: exp.Expr | None = node.this
    for count, unit in parts or ():
        found = clock.shifted(found, count, unit, sign, reading) if found is not None else None
    return found if parts else None


def _months(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    if len(node.expressions) != 2:
        return None
    return clock.shifted(node.expressions[0], node.expressions[1], "MONTH", 1, reading)


def _weekday(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """MySQL's WEEKDAY: 0 is Monday."""
    found = clock.part("ISODOW", node.expressions[0], reading) if len(node.expressions) == 1 else None
    return exp.Paren(this=exp.Sub(this=found, expression=number(1))) if found is not None else None


def _difference(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    said = unit_of(string(node.this) or "")
    ends = node.args.get("unit")
    if said in UNITS and isinstance(ends, exp.Expr) and node.expression is not None:
        # DATE_DIFF('day', start, end), read as a dialect's that has the unit elsewhere.
        return clock.begun(said, ends, node.expression, reading)
    unit = unit_of(node.args.get("unit")) or "DAY"
    begun = node.args.get("unit") is None or node.args.get("date_part_boundary") or reading.reader in _BEGUN
    count = clock.begun if begun else clock.passed
    return count(unit, node.this, node.expression, reading)


def _to_text(clock: Clock, node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """STRFTIME, DATE_FORMAT, TO_CHAR with a format that is known."""
    form = string(node.args.get("format"))
    if form is None or node.this is None:
        return None
    if isinstance(node, exp.TimeToStr) and reading.reader in ("postgres", "oracle", "snowflake", "redshift"):
        form = _read_anew(form, reading.reader)
    if isinstance(node, exp.ToChar) or (
        form is not None and "%" not in form and reading.reader == "postgres"
    ):
        form = of_to_char(form) if form is not None else None
    if form is None or (isinstance(node, exp.ToChar) and kind(node.this) in NUMBERS):
        return None
    value = node.this
    if kind(value) in NUMBERS and not is_now(value):
        return None
    found = clock.text(value, form, reading)
    if found is not None and _DIGITS.match(form):
        found.meta[DIGITS] = True
    return found


_DIGITS = re.compile(r"(?:%[YmdHMSjws])+\Z")


def _read_anew(form: str, reader: str) -> str | None:
    """sqlglot reads PostgreSQL's patterns by halves ("Day" as "D" and "ay"): put back, and read anew."""
    from sqlglot.time import format_time

    dialect = sqlglot_dialect(reader)
    return of_to_char(format_time(form, dialect.INVERSE_TIME_MAPPING, dialect.INVERSE_TIME_TRIE) or form)
