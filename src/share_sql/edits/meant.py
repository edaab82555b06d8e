"""What runs and means something else than is written: casts to types that a dialect lacks, sums of texts.

SQLite casts to DATE and DECIMAL by the rules of NUMERIC (sqlite.org/datatype3.html), so that '2023-01-05'
becomes 2023 and a division of whole numbers is cut. A minus between dates takes their years only; in MySQL it
takes all digits of both for numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, edited, put
from share_sql.edits.foreign.dates import ISO_DATE, ISO_TIME, days_between
from share_sql.edits.foreign.functions import added_text
from share_sql.edits.foreign.nodes import Reading, call, cast, integer, string, text
from share_sql.edits.foreign.periods import is_date_type
from share_sql.edits.stored import is_day_type
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.query.named import column_node, table_node
from share_sql.requests import Steps, query
from share_sql.schema.model import ColumnName

_DAYS = re.compile(r"\bdays?\b", re.IGNORECASE)
_YEARS = re.compile(r"\b(?:years?|age[ds]?|old(?:er|est)?|young(?:er|est)?|born)\b", re.IGNORECASE)
_DECIMALS = frozenset((exp.DType.DECIMAL, exp.DType.BIGDECIMAL))
_TODAY = (exp.CurrentDate, exp.CurrentTimestamp)
_NUMBER = re.compile(r"\s*[-+.]?\d")
_READ = 200
"""Stored values looked at to see whether a column holds dates."""


def casts_to_date(draft: Examined) -> Steps[list[Edit]]:
    """`CAST(day AS DATE) >= '2023-01-05'` compares the number 2023 with a text; the date itself is meant.

    Only where each cast is compared with a date: beside a number, the year that the cast gives is meant.
    """
    casts = [node for node in draft.tree.find_all(exp.Cast) if is_date_type(node.to)]
    if not dialect_of(draft.schema.dialect).loose_casts:
        return []
    if not casts or not draft.runs or not all(_beside_date(node) for node in casts):
        return []
    for node in casts:
        is_constant = isinstance(node.this, exp.Literal | exp.CurrentDate | exp.CurrentTimestamp)
        if not is_constant and not (yield from _holds_dates(draft, node.this)):
            return []
    shown = draft.text(casts[0].this)
    new: exp.Query = draft.tree.copy()
    for node in [node for node in new.find_all(exp.Cast) if is_date_type(node.to)]:
        node.replace(_date_itself(node))
    return [Edit("cast-date", f"a cast to a date leaves the year of {shown}; the date is compared", new)]


def _beside_date(node: exp.Cast) -> bool:
    """Whether a cast is compared with a date: in quotes, cast too, or the current one."""
    parent = node.parent
    if isinstance(parent, exp.Between):
        others = [parent.this, parent.args["low"], parent.args["high"]]
    elif isinstance(parent, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        others = [parent.this, parent.expression]
    else:
        return False
    return all(other is node or _is_date(other) for other in others)


def _is_date(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast):
        return is_date_type(node.to)
    value = string(node)
    if value is not None:
        return bool(ISO_DATE.match(value) or ISO_TIME.match(value))
    is_call = isinstance(node, exp.Anonymous) and str(node.this).upper() in ("DATE", "DATETIME")
    return is_call or isinstance(node, exp.Date | exp.CurrentDate | exp.CurrentTimestamp)


def _date_itself(node: exp.Cast) -> exp.Expr:
    """The date, without its time where it is cast to DATE."""
    if isinstance(node.this, exp.Literal):
        return node.this.copy()
    value = text("now") if isinstance(node.this, _TODAY) else node.this
    return call("DATE" if node.to.this == exp.DType.DATE else "DATETIME", value)


def _holds_dates(draft: Examined, node: exp.Expr) -> Steps[bool]:
    """Whether a column's stored values are dates as functions of dates read them."""
    bound = draft.binding.names.get(id(node))
    origin: ColumnName | None = bound.origin if bound is not None else None
    if origin is None:
        return False
    declared = draft.schema.column(origin.table, origin.column)
    if (
        declared is not None
        and not dialect_of(draft.schema.dialect).value_types
        and is_day_type(declared.type)
    ):
        return True
    name = column_node(origin.column)
    few = exp.select(name).from_(table_node(draft.schema, origin.table))
    few = few.where(exp.Not(this=exp.Is(this=name.copy(), expression=exp.Null()))).limit(_READ)
    found = yield from query(draft.text(few))
    if isinstance(found, QueryError) or not found.rows:
        return False
    values = [row[0] for row in found.rows]
    return all(
        isinstance(value, str) and (ISO_DATE.match(value) or ISO_TIME.match(value)) for value in values
    )


def casts_to_decimal(draft: Examined) -> Iterator[Edit]:
    """`CAST(won AS DECIMAL) / played` still divides whole numbers; a division with fractions is meant."""
    facts = dialect_of(draft.schema.dialect)
    for node in draft.tree.find_all(exp.Div) if facts.loose_casts else ():
        for bare in (*_factors(node.this), *_factors(node.expression)):
            if isinstance(bare, exp.Cast) and bare.to.this in _DECIMALS and not bare.to.expressions:
                shown = draft.text(node)
                message = f"a cast to a decimal number leaves whole numbers whole, and {shown} is cut"
                yield Edit("cast-decimal", message, put(draft, bare, cast(bare.this, facts.real)))
                return


def _factors(node: exp.Expr) -> Iterator[exp.Expr]:
    node = node.unnest()
    if isinstance(node, exp.Mul):
        yield from (*_factors(node.this), *_factors(node.expression))
    else:
        yield node


def texts_added(draft: Examined) -> Iterator[Edit]:
    """`first + ' ' + last` adds numbers, and a word counts as 0; the texts are to be put together, as are
    those of `first || ' ' || last` where that is OR."""
    reading = Reading("tsql", draft.schema)
    for node in draft.tree.find_all(exp.Add):
        new = added_text(node, reading)
        if new is not None:
            message = f"{draft.text(node)} adds texts as numbers; they are put together"
            yield Edit("text-addition", message, put(draft, node, new))
    if dialect_of(draft.schema.dialect).pipes_or:
        yield from _texts_in_or(draft)


def _texts_in_or(draft: Examined) -> Iterator[Edit]:
    """`SELECT first || ' ' || last` where || is OR: of columns and texts that is no condition."""
    for select in draft.tree.find_all(exp.Select):
        for item in select.expressions:
            value = item.unalias()
            if not isinstance(value, exp.Or):
                continue
            parts = [part.unnest() for part in value.flatten()]
            columns = [part for part in parts if isinstance(part, exp.Column)]
            others = [part for part in parts if not isinstance(part, exp.Column)]
            if columns and others and all(part.is_string and not _NUMBER.match(part.name) for part in others):
                together = exp.Concat(expressions=[part.copy() for part in parts], safe=True, coalesce=False)
                message = f"{draft.text(value)} is a condition here, 0 or 1; the texts are put together"
                yield Edit("text-addition", message, put(draft, value, together))


def date_arithmetic(draft: Examined) -> Steps[list[Edit]]:
    """`CURRENT_DATE - 7` and `returned - lent` reckon with years alone; days are meant.

    The difference of two dates is taken for days only where the question speaks of days, and of no years.
    """
    facts = dialect_of(draft.schema.dialect)
    if not draft.runs or not facts.dates_as_numbers:
        return []
    words = f"{draft.question} {draft.evidence}"
    edits = []
    new: exp.Expr
    for node in draft.tree.find_all(exp.Sub, exp.Add):
        left, right = node.this.unnest(), node.expression.unnest()
        days = integer(right)
        if isinstance(left, _TODAY) and days is not None:
            compared = _compared_with(node)
            if compared is None or not (yield from _holds_dates(draft, compared)):
                continue
            sign = -1 if isinstance(node, exp.Sub) else 1
            new = _moved(left, sign * days) if facts.loose_casts else _shifted(node, days)
        elif isinstance(node, exp.Sub) and _DAYS.search(words) and not _YEARS.search(words):
            for side in (left, right):
                if not isinstance(side, _TODAY) and not (yield from _holds_dates(draft, side)):
                    break
            else:
                between = exp.DateDiff(this=left.copy(), expression=right.copy())
                new = days_between(left, right, whole=False) if facts.loose_casts else between
                edits.append(_day_edit(draft, node, new))
            continue
        else:
            continue
        edits.append(_day_edit(draft, node, new))
    return edits


def _moved(today: exp.Expr, days: int) -> exp.Expr:
    """The day that lies some days from today, as modifiers of DATE say it."""
    return call("DATE" if isinstance(today, exp.CurrentDate) else "DATETIME", "now", f"{days:+d} days")


def _shifted(node: exp.Expr, days: int) -> exp.Expr:
    """The same, by an interval."""
    how = exp.DateSub if isinstance(node, exp.Sub) else exp.DateAdd
    return how(this=node.this.copy(), expression=exp.convert(days), unit=exp.var("DAY"))


def _compared_with(node: exp.Expr) -> exp.Expr | None:
    """The other side of the comparison that an operation stands in."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        node, parent = parent, parent.parent
    if isinstance(parent, exp.Between):
        tested: exp.Expr = parent.this
        return tested if tested is not node else None
    if isinstance(parent, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        other: exp.Expr = parent.expression if parent.this is node else parent.this
        return other
    return None


def _day_edit(draft: Examined, node: exp.Expr, new: exp.Expr) -> Edit:
    message = f"{draft.text(node)} reckons with the years of dates; it is {draft.text(new)} in days"
    return Edit("date-arithmetic", message, edited(draft, node, lambda _: new))
