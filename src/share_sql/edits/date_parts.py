"""A year or a month compared with a column of whole dates: `d = '2023'`, `d > 2020`, `d LIKE '2023-01'`."""

from __future__ import annotations

import re

from sqlglot import exp

from share_sql.edits.day_literals import stores_days
from share_sql.edits.edit import Edit, put
from share_sql.edits.operands import EQUAL, ORDERED, Compared, Operand, compared, like_equal, operand, text
from share_sql.edits.stored import part_of
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_EQUAL = (*EQUAL, exp.In, exp.Like)
_COMPARED = (*_EQUAL, *ORDERED, exp.Between)
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTH = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])")


def date_parts(draft: Examined) -> Steps[list[Edit]]:
    """For each year or month that whole dates are compared with: that part of the dates.

    No date is equal to a year. As texts, all dates of 2020 are greater than 2020, so that `>` lets that year
    in and `<=` leaves it out. In a column of type DATE that is read as numeric, as SQLite does, every date is
    greater than every year. An inequality is changed where the question names the year.
    """
    for found in compared(draft):
        spelled = [c.name for c in found.constants if isinstance(c, exp.Literal)]
        if len(spelled) < len(found.constants) or not isinstance(found.node, _COMPARED):
            continue
        form = "%Y" if all(map(_YEAR.fullmatch, spelled)) else "%Y-%m"
        if form == "%Y-%m" and not all(map(_MONTH.fullmatch, spelled)):
            continue
        read = operand(draft, found.operand)
        if read is None or read.bound is None or read.bound.node is not found.operand:
            continue
        part = part_of(found.operand.copy(), form, read.dialect)
        new = _of_part(found, part, spelled)
        if (yield from _differs(draft, read, found, new)):
            message = f"{read.title} stores whole dates; {draft.text(part)} is compared with {spelled[-1]}"
            return [Edit("date-part", message, put(draft, found.node, new))]
    return []


def _differs(draft: Examined, read: Operand, found: Compared, new: exp.Expr) -> Steps[bool]:
    """Whether all values are dates and the two comparisons part some of them."""
    if read.is_dated and not draft.runs:
        return True  # the database refuses to read a part of a day as one
    if isinstance(found.node, _EQUAL):
        if not (yield from read.stores_none(found.constants)):
            return False
    elif found.constants[-1].name not in draft.question:
        return False
    own, other = exp.Paren(this=found.node.copy()), exp.Paren(this=new.copy())
    if (yield from read.holds(lambda _: exp.NEQ(this=own, expression=other))) is not True:
        return False
    return (yield from stores_days(read))


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
