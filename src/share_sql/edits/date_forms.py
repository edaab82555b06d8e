"""Days and moments in a form that sorts otherwise than the column's, or is equal to none of its values."""

from __future__ import annotations

import re
from functools import partial

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.dates import days, is_iso_day
from share_sql.edits.day_literals import stores_days
from share_sql.edits.edit import Edit
from share_sql.edits.operands import (
    EQUAL,
    ORDERED,
    Compared,
    compared,
    equals,
    operand,
    text,
    texts,
    with_constants,
)
from share_sql.edits.stored import MOMENTS, matches, moment_of
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?")


def date_forms(draft: Examined) -> Steps[list[Edit]]:
    """For each moment that is compared, and each day that is compared by order: the column's form."""
    for found in compared(draft):
        spelled = texts(found)
        if spelled is None:
            continue
        if isinstance(found.node, (*EQUAL, *ORDERED, exp.Between)) and all(map(_MOMENT.fullmatch, spelled)):
            edit = yield from _moments(draft, found, spelled)
        elif isinstance(found.node, (*ORDERED, exp.Between)) and not all(map(is_iso_day, spelled)):
            edit = yield from _in_order(draft, found, spelled)
        else:
            continue
        if edit is not None:
            return [edit]
    return []


def _in_order(draft: Examined, found: Compared, spelled: list[str]) -> Steps[Edit | None]:
    """`d < '01/31/2023'` where days are stored as 2023-01-31: as text, the two have no order."""
    meant = [days(each) for each in spelled]
    if any(len(each) != 1 for each in meant):
        return None
    read = operand(draft, found.operand)
    if read is None or not (yield from stores_days(read)):
        return None
    if read.is_dated and draft.runs and not dialect_of(read.dialect).lenient_types:
        return None  # the database read it as a day
    new = [text(each[0].isoformat()) for each in meant]
    shown = ", ".join(each.sql() for each in new)
    message = f"{read.title} writes days as {shown}; in another form they sort otherwise"
    return Edit("literal-date", message, with_constants(draft, found, new))


def _moments(draft: Examined, found: Compared, spelled: list[str]) -> Steps[Edit | None]:
    """A moment in another form than the column's: `2023-01-05 10:30:00` beside `2023-01-05T10:30:00Z`."""
    read = operand(draft, found.operand)
    if read is None:
        return None
    if isinstance(found.node, EQUAL):
        constant = found.constants[0]
        if (yield from read.holds(lambda value: equals(value, constant))) is not False:
            return None
        dialect = read.dialect
        same = yield from read.values(
            1, lambda value: equals(moment_of(value, dialect), moment_of(constant.copy(), dialect))
        )
        if not same:
            return None
        new = [text(str(same[0]))]
    else:
        sign = "T" if " " in spelled[0] else " "
        own, other = MOMENTS[sign], MOMENTS[" " if sign == "T" else "T"]
        if (yield from read.holds(partial(matches, form=own, dialect=read.dialect))) is not True:
            return None
        if (yield from read.holds(partial(matches, form=other, dialect=read.dialect))) is not False:
            return None
        new = [text(moment.replace("T" if sign == " " else " ", sign)) for moment in spelled]
    shown = ", ".join(each.sql() for each in new)
    message = f"{read.title} writes moments in another form: {shown}"
    return Edit("literal-date", message, with_constants(draft, found, new))
