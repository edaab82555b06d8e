"""Texts that functions of dates are given, where the database refuses them; only in drafts that do not run.

Where all values of a column are days in ISO 8601, what the function is to read is the day.
"""

from __future__ import annotations

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.day_literals import stores_days
from share_sql.edits.edit import Edit
from share_sql.edits.operands import ORDERED, operand
from share_sql.edits.stored import is_text_type
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_FUNCTIONS = (
    exp.Extract, exp.TimeToStr, exp.ToChar, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd,
    exp.DateSub, exp.Year, exp.Month, exp.Day, exp.DayOfWeek, exp.DayOfYear, exp.Week, exp.Quarter,
    exp.TsOrDsAdd, exp.TsOrDsDiff,
)  # fmt: skip
_NAMED = frozenset(
    {"DATE_PART", "DATE_TRUNC", "AGE", "DATE_DIFF", "DATEDIFF", "MONTHNAME", "DAYNAME", "STRFTIME"}
)
_DAYS = (exp.CurrentDate, exp.CurrentTimestamp, exp.Interval)


def text_dates(draft: Examined) -> Steps[list[Edit]]:
    """`EXTRACT(YEAR FROM day)`, `day >= CURRENT_DATE`: the text is cast to the moment that it writes."""
    if draft.runs or dialect_of(draft.schema.dialect).lenient_types:
        return []
    found: dict[int, exp.Column] = {}
    known: dict[tuple[str, str], bool] = {}
    for bound in draft.binding.names.values():
        node = bound.node
        if not _is_read_as_day(node):
            continue
        read = operand(draft, node)
        if read is None or read.column is None or not is_text_type(read.declared):
            continue
        name = (read.column.table, read.column.column)
        if name not in known:
            known[name] = yield from stores_days(read)
        if known[name]:
            found[id(node)] = node
    if not found:
        return []
    tree = draft.tree.copy()
    for own, copy in list(zip(draft.tree.walk(), tree.walk(), strict=True)):
        if id(own) in found:
            copy.replace(exp.cast(copy.copy(), "TIMESTAMP"))
    shown = ", ".join(dict.fromkeys(draft.text(node) for node in found.values()))
    return [Edit("date-as-text", f"{shown} stores days as text; it is read as a moment", tree)]


def _is_read_as_day(node: exp.Expr) -> bool:
    """Whether something stands where a day must."""
    parent = node.parent
    if isinstance(parent, exp.Paren):
        return _is_read_as_day(parent)
    if isinstance(parent, _FUNCTIONS):
        return True
    if isinstance(parent, exp.Anonymous):
        return str(parent.this).upper() in _NAMED
    if isinstance(parent, exp.Between):
        others = [parent.args["low"], parent.args["high"]]
    elif isinstance(parent, (exp.EQ, exp.NEQ, exp.Sub, exp.Add, *ORDERED)):
        others = [parent.expression if parent.this is node else parent.this]
    else:
        return False
    return any(_is_day(other) for other in others)


def _is_day(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return bool(node.to.this in exp.DataType.TEMPORAL_TYPES)
    if isinstance(node, exp.Sub | exp.Add):
        return _is_day(node.this) or _is_day(node.expression)
    return isinstance(node, (*_DAYS, exp.Date, exp.TimestampTrunc, exp.DateSub, exp.DateAdd))
