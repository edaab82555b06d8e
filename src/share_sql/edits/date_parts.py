"""A year or a month compared with a column of whole dates: `d = '2023'`, `d > 2020`, `d LIKE '2023-01'`."""

from __future__ import annotations

import re
from functools import partial

from sqlglot import exp

from share_sql.edits.day_literals import stores_days
from share_sql.edits.edit import Edit, put
from share_sql.edits.operands import EQUAL, Compared, Operand, compared, like_equal, operand, text
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTH = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])")


def date_parts(draft: Examined) -> Steps[list[Edit]]:
    """For each year or month that whole dates are compared with: that part of the dates.

    No date is equal to a year. All dates of 2020 are greater than `2020`, so that `>`, `<=` and the end of a
    BETWEEN part a year from itself; there the question must name the year.
    """
    for found in compared(draft):
        spelled = [c.name for c in found.constants if isinstance(c, exp.Literal)]
        if len(spelled) < len(found.constants) or not isinstance(found.operand, exp.Column):
            continue
        form = "%Y" if all(map(_YEAR.fullmatch, spelled)) else "%Y-%m"
        if form == "%Y-%m" and not all(map(_MONTH.fullmatch, spelled)):
            continue
        read = operand(draft, found.operand)
        if read is None or not (yield from _parted(draft, read, found, spelled)):
            continue
        part = exp.Anonymous(this="STRFTIME", expressions=[text(form), found.operand.copy()])
        message = f"{read.title} stores whole dates; {draft.text(part)} is compared with {', '.join(spelled)}"
        return [Edit("date-part", message, put(draft, found.node, _of_part(found, part, spelled)))]
    return []


def _parted(draft: Examined, read: Operand, found: Compared, spelled: list[str]) -> Steps[bool]:
    """Whether the comparison takes no date for one of the year or month, though there are some."""
    if isinstance(found.node, (*EQUAL, exp.In, exp.Like)):
        if not (yield from read.stores_none(found.constants)):
            return False
        places = spelled
    elif isinstance(found.node, exp.Between):
        places = spelled[-1:]
    else:
        is_left = found.node.this is found.constants[0]
        if not isinstance(found.node, (exp.LT, exp.GTE) if is_left else (exp.GT, exp.LTE)):
            return False
        places = spelled
    if not isinstance(found.node, (*EQUAL, exp.In, exp.Like)) and places[0] not in draft.question:
        return False
    for place in places:
        if (yield from read.holds(partial(_begins, part=place))):
            return (yield from stores_days(read))
    return False


def _begins(value: exp.Expr, part: str) -> exp.Expr:
    return exp.Glob(this=value, expression=text(f"{part}-*"))


def _of_part(found: Compared, part: exp.Expr, spelled: list[str]) -> exp.Expr:
    """The comparison of a part of the dates, with constants that are texts."""
    new = [text(each) for each in spelled]
    if isinstance(found.node, exp.In):
        return exp.In(this=part, expressions=new)
    if isinstance(found.node, exp.Between):
        return exp.Between(this=part, low=new[0], high=new[1])
    if isinstance(found.node, exp.Like):
        return like_equal(found.node)(this=part, expression=new[0])
    is_left = found.node.this is found.constants[0]
    node = found.node.copy()
    node.set("this", new[0] if is_left else part)
    node.set("expression", part if is_left else new[0])
    return node
