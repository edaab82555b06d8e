"""Conditions that no row can meet at once, where the question means two sets: "both A and B"."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import NamedTuple

from sqlglot import exp

from share_sql.edits.edit import Edit
from share_sql.query.examined import BoundQuery
from share_sql.query.outcome import is_abnormal
from share_sql.stages.stage import Request, Response


def contradictions(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """`x = a AND x = b` (or `x < a AND x > b`, a <= b) becomes an INTERSECT of the two.

    Only where the two stand in the WHERE of a plain query without grouping or limit and its result is
    abnormal: what is selected, not the row, must then meet both.
    """
    yield from ()
    tree = draft.tree
    if not isinstance(tree, exp.Select) or not is_abnormal(draft.outcome):
        return []
    if any(tree.args.get(key) for key in ("group", "having", "order", "limit", "with_")):
        return []
    if any(item.find(exp.AggFunc) for item in tree.expressions):
        return []
    where = tree.args.get("where")
    if where is None:
        return []
    conjuncts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    for i, first in enumerate(conjuncts):
        for second in conjuncts[i + 1 :]:
            if _exclude(first, second):
                sides = []
                for left_out in (second, first):
                    side = tree.copy()
                    kept = [part.copy() for part in conjuncts if part is not left_out]
                    side.set("where", exp.Where(this=exp.and_(*kept)))
                    sides.append(side)
                new = exp.Intersect(this=sides[0], expression=sides[1], distinct=True)
                shown = f"{first.sql(dialect='sqlite')} and {second.sql(dialect='sqlite')}"
                return [
                    Edit("contradiction", f"no row meets both {shown}; the two sets are intersected", new)
                ]
    return []


def _exclude(first: exp.Expr, second: exp.Expr) -> bool:
    """Whether two conditions on one column cannot both hold."""
    a, b = _range(first), _range(second)
    if a is None or b is None or a.column != b.column:
        return False
    return _below(a.greatest, b.least) or _below(b.greatest, a.least)


def _below(first: float | str | None, second: float | str | None) -> bool:
    """Whether one bound lies below the other; bounds of different kinds cannot be told."""
    if isinstance(first, float) and isinstance(second, float):
        return first < second
    return isinstance(first, str) and isinstance(second, str) and first < second


class _Range(NamedTuple):
    """What a comparison with a constant allows."""

    column: str
    least: float | str | None
    greatest: float | str | None


def _range(node: exp.Expr) -> _Range | None:
    """The values of one column that a comparison with a constant allows; bounds count as allowed."""
    if not isinstance(node, exp.EQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        return None
    column, constant = node.this, node.expression
    if not isinstance(column, exp.Column) or not isinstance(constant, exp.Literal):
        return None
    value: float | str = str(constant.this)
    if not constant.is_string:
        value = float(constant.this)
    name = column.sql(dialect="sqlite").lower()
    if isinstance(node, exp.EQ):
        return _Range(name, value, value)
    return _Range(name, None, value) if isinstance(node, exp.LT | exp.LTE) else _Range(name, value, None)
