"""Days compared with what stores days with times, or written without quotes."""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from collections.abc import Iterator
from datetime import date
from functools import partial

from sqlglot import exp

from share_sql.edits.dates import days, is_iso_day
from share_sql.edits.edit import Edit, put
from share_sql.edits.operands import (
    EQUAL,
    ORDERED,
    Compared,
    Operand,
    compared,
    equals,
    like_equal,
    operand,
    text,
    texts,
)  # fmt: skip
from share_sql.edits.stored import ISO_DAY, TIME_AFTER, after, day_of, first, is_text, matches
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_INCLUDING = re.compile(
    r"\b(?:through|thru|until|till|to|and|inclusive|including|up to|by|no later than|on or before)\b"
)
_DAY_FUNCTIONS = frozenset({"DATE", "DATETIME", "JULIANDAY", "STRFTIME", "UNIXEPOCH"})


def unquoted_days(draft: Examined) -> Steps[list[Edit]]:
    """`d > 2023-01-05` compares with the number 2017: the day is quoted where dates are stored."""
    for node, day in _differences(draft):
        place: exp.Expr = node
        while isinstance(place.parent, exp.Paren):
            place = place.parent
        parent = place.parent
        new = text(day.isoformat())
        if isinstance(parent, exp.Date | exp.Cast | exp.TsOrDsToDate | exp.TsOrDsToTimestamp) or (
            isinstance(parent, exp.Anonymous) and str(parent.this).upper() in _DAY_FUNCTIONS
        ):
            if isinstance(node, exp.Literal):
                continue
            proved = True  # a function of dates is given a number that nobody wrote
        else:
            beside = _beside(place)
            read = operand(draft, beside) if beside is not None else None
            proved = read is not None and (yield from stores_days(read))
        if proved:
            message = f"{draft.text(node)} without quotes is a number; the day {new.sql()} is meant"
            return [Edit("date-unquoted", message, put(draft, place, new))]
    return []


def _differences(draft: Examined) -> Iterator[tuple[exp.Expr, date]]:
    """Numbers that are written as a day: 2023-01-05, 2023/01/05, 13/01/2023, 20230105."""
    for node in draft.tree.find_all(exp.Sub, exp.Div, exp.Literal):
        if isinstance(node, exp.Literal):
            spelled = "" if node.is_string or len(node.this) != 8 else str(node.this)
        else:
            first = node.this
            parts = [first.this, first.expression, node.expression] if type(first) is type(node) else []
            if not parts or not all(isinstance(p, exp.Literal) and p.is_int for p in parts):
                continue
            spelled = ("-" if isinstance(node, exp.Sub) else "/").join(str(part.this) for part in parts)
        found = [day for day in days(spelled) if 1900 <= day.year <= 2100] if spelled else []
        if len(found) == 1:
            yield node, found[0]


def _beside(node: exp.Expr) -> exp.Expr | None:
    """What a constant is compared with."""
    parent = node.parent
    if isinstance(parent, (*EQUAL, *ORDERED)):
        other: exp.Expr = parent.expression if parent.this is node else parent.this
        return other
    return parent.this if isinstance(parent, exp.Between | exp.In) and parent.this is not node else None


def stores_days(read: Operand) -> Steps[bool]:
    """Whether the values are days in ISO 8601, as text or by their type, and nothing else."""
    if read.is_dated:
        return True
    if (yield from read.holds(partial(matches, form=ISO_DAY, dialect=read.dialect))) is not True:
        return False
    return (yield from read.holds(partial(_is_no_day, dialect=read.dialect))) is False


def _is_no_day(value: exp.Expr, dialect: str) -> exp.Expr:
    given = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    filled = exp.NEQ(this=value.copy(), expression=text(""))
    return exp.and_(given, filled, exp.Not(this=matches(value, ISO_DAY, dialect)))


def days_of_moments(draft: Examined) -> Steps[list[Edit]]:
    """`d = '2023-01-05'` where times are stored too: the day of `d` is compared.

    The same for a last day whose rows `d <= '2023-01-31'` loses, where the question asks for that day.
    """
    for found in compared(draft):
        spelled = texts(found)
        if spelled is None:
            continue
        if isinstance(found.node, (*EQUAL, exp.In, exp.Like)) and all(map(days, spelled)):
            edit = yield from _same_day(draft, found, spelled)
        elif all(map(is_iso_day, spelled)) and _has_last_day(found):
            edit = yield from _until(draft, found, spelled[-1])
        else:
            continue
        if edit is not None:
            return [edit]
    return []


def _same_day(draft: Examined, found: Compared, spelled: list[str]) -> Steps[Edit | None]:
    read = operand(draft, found.operand)
    if read is None or isinstance(found.operand, exp.Date) or (read.is_dated and not read.has_moments):
        return None
    if not (yield from read.stores_none(found.constants)):
        return None
    iso, as_written = [], []
    for day in spelled:
        held = yield from _begun(read, [day] if is_iso_day(day) else [d.isoformat() for d in days(day)])
        iso += held if len(held) == 1 else []
        as_written += yield from _begun(read, [day])
    if len(iso) == len(spelled):
        whole = yield from _day_of(draft, read, found.operand)
        new = [text(day) for day in iso]
    elif len(as_written) == len(spelled) and len({len(day) for day in spelled}) == 1:
        begun = first(found.operand.copy(), len(spelled[0]), read.dialect)
        whole, new = begun, [text(day) for day in spelled]
    else:
        return None
    tree = put(draft, found.node, _compared_again(found, whole, new))
    message = f"{read.title} stores days with times, and none is equal to a day; its day is compared"
    return Edit("date-of-time", message, tree)


def _begun(read: Operand, spelled: list[str]) -> Steps[list[str]]:
    """Those days that some value begins with, a time after it."""
    found: list[str] = []
    for day in spelled:
        found += [day] if (yield from read.holds(partial(_begins, day=day, read=read))) else []
    return found


def _compared_again(found: Compared, whole: exp.Expr, new: list[exp.Literal]) -> exp.Expr:
    """The comparison of another operand with other constants."""
    node = found.node.copy()
    if isinstance(node, exp.In):
        node.set("this", whole)
        node.set("expressions", new)
    elif isinstance(node, exp.Like):
        node = like_equal(node)(this=whole, expression=new[0])
    else:
        is_left = found.node.this is found.constants[0]
        node.set("this", new[0] if is_left else whole)
        node.set("expression", whole if is_left else new[0])
    return node


def _begins(value: exp.Expr, day: str, read: Operand) -> exp.Expr:
    """Text that is this day with a time after it, or a moment of it."""
    dialect = read.dialect
    if read.has_moments:
        return equals(day_of(value, dialect), text(day))
    return exp.and_(
        equals(first(value.copy(), len(day), dialect), text(day)),
        matches(after(value.copy(), len(day), dialect), TIME_AFTER, dialect),
    )


def _day_of(draft: Examined, read: Operand, node: exp.Expr) -> Steps[exp.Expr]:
    """The day of a moment, or its first ten characters where a time zone would move it, or it is text that
    the database does not compare with days."""
    dialect = read.dialect

    def moved(value: exp.Expr) -> exp.Expr:
        return exp.NEQ(this=day_of(value.copy(), dialect), expression=first(value.copy(), 10, dialect))

    is_moved = False if read.has_moments else (yield from read.holds(moved))
    return first(node.copy(), 10, dialect) if is_moved is not False else day_of(node.copy(), dialect)


# -------------------------------------------------------------------- last days of a period


def _has_last_day(found: Compared) -> bool:
    """Whether a comparison lets in the days up to its last constant, that one included."""
    node = found.node
    is_left = node.this is found.constants[0]
    return isinstance(node, exp.Between | (exp.GTE if is_left else exp.LTE))


def _until(draft: Examined, found: Compared, last: str) -> Steps[Edit | None]:
    """Rows of the last day with a time are greater than the day itself."""
    if not asks_for_last_day(f"{draft.question}\n{draft.evidence}", date.fromisoformat(last)):
        return None
    read = operand(draft, found.operand)
    if read is None:
        return None

    def lost(value: exp.Expr) -> exp.Expr:
        known = is_text(value.copy(), read.dialect)
        later = exp.GT(this=value.copy(), expression=text(last))
        parts = [*([known] if known is not None else ()), _begins(value.copy(), last, read), later]
        return exp.and_(*parts)

    if (yield from read.holds(lost)) is not True:
        return None
    whole = yield from _day_of(draft, read, found.operand)
    message = f"{read.title} stores times: rows of {last} itself are lost, which the question asks for"
    return Edit("date-last-day", message, put(draft, found.operand, whole))


def asks_for_last_day(asked: str, last: date) -> bool:
    """Whether a question asks for a period that ends with this day, the day included.

    It does where it names the month, quarter or year that ends with it, or the day itself after a word such
    as "through", "to" or "until".
    """
    words = asked.lower()
    month, year = month_name[last.month].lower(), str(last.year)
    ends_month = last.day == monthrange(last.year, last.month)[1]
    if re.search(r"(?<!on or )\b(?:before|earlier than|prior to)\b", words):
        return False
    if _names_day(words, last):
        return _INCLUDING.search(words) is not None
    if not ends_month or not re.search(rf"(?<!\d){year}(?!\d)", words):
        return False
    if re.search(rf"\b(?:{month}|{month[:3]})\b|(?<!\d){year}-{last.month:02}(?![\d-])", words):
        return True
    if last.month % 3 == 0 and re.search(r"\bquarter\b|\bq[1-4]\b", words):
        return True
    months = "|".join(name.lower() for name in month_name if name)
    return last.month == 12 and re.search(rf"\b(?:{months})\b|\d-\d", words) is None


def _names_day(words: str, last: date) -> bool:
    month = month_name[last.month].lower()
    day = rf"0?{last.day}(?:st|nd|rd|th)?"
    month = f"(?:{month}|{month[:3]})"
    named = rf"\b{month}\.?\s+(?:the\s+)?{day}(?!\d)|(?<!\d){day}\s+(?:of\s+)?{month}\b"
    return bool(re.search(named, words)) or any(
        last in days(found) for found in re.findall(r"(?<!\d)\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d)", words)
    )
