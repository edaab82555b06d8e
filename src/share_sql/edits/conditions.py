"""Changes of what rows must fulfil: conditions that exclude each other, and guesses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from sqlglot import exp

from share_sql.edits.edit import Edit, changed, plain_item, put
from share_sql.edits.likely import other_columns
from share_sql.query.examined import Examined


def contradictions(draft: Examined) -> Iterator[Edit]:
    """`x = a AND x = b` (or `x < a AND x > b`, a <= b) becomes an INTERSECT of the two: "both A and B".

    Only where the two stand in the WHERE of a plain query without grouping or limit and its result is
    abnormal: what is selected, not the row, must then meet both.
    """
    tree = draft.tree
    if not isinstance(tree, exp.Select) or not draft.is_abnormal:
        return
    if any(tree.args.get(key) for key in ("group", "having", "order", "limit", "with_")):
        return
    where = tree.args.get("where")
    if where is None or any(item.find(exp.AggFunc) for item in tree.expressions):
        return
    conjuncts = _parts(where)
    ranges = [(part, allowed) for part in conjuncts if (allowed := _range(part)) is not None]
    for (first, one), (second, other) in combinations(ranges, 2):
        if one.column == other.column and _exclude(one, other):
            sides = []
            for left_out in (second, first):
                kept = exp.and_(*(part for part in conjuncts if part is not left_out))
                sides.append(changed(tree, where=exp.Where(this=kept)))
            new = exp.Intersect(this=sides[0], expression=sides[1], distinct=True)
            shown = f"{draft.text(first)} and {draft.text(second)}"
            yield Edit("contradiction", f"no row meets both {shown}; the two sets are intersected", new)
            return


def _exclude(a: _Range, b: _Range) -> bool:
    """Whether two conditions on one column cannot both hold."""
    return _below(a.greatest, b.least) or _below(b.greatest, a.least)


def _below(first: float | str | None, second: float | str | None) -> bool:
    """Whether one bound lies below the other; bounds of different kinds cannot be compared."""
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
    value: float | str = constant.this if constant.is_string else float(constant.this)
    name = column.sql().lower()
    if isinstance(node, exp.EQ):
        return _Range(name, value, value)
    return _Range(name, None, value) if isinstance(node, exp.LT | exp.LTE) else _Range(name, value, None)


OPERATORS: Mapping[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.GT: (exp.GTE, exp.LT),
    exp.GTE: (exp.GT, exp.LTE),
    exp.LT: (exp.LTE, exp.GT),
    exp.LTE: (exp.LT, exp.GTE),
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
}
"""What may stand in an operator's place; for inequalities the other strictness, then the other direction."""
_COMPARED = (*OPERATORS, exp.Like, exp.In, exp.Between)


def condition_edits(draft: Examined) -> Iterator[Edit]:
    """Edits of WHERE and HAVING, in the whole query."""
    clauses = list(draft.tree.find_all(exp.Where, exp.Having))[:4]
    for clause in clauses:
        yield from _columns(draft, clause)
    for clause in clauses:
        yield from _dropped(draft, clause)
        yield from _operators(draft, clause)
        yield from _joined(draft, clause)
    yield from _not_null(draft)


def _parts(clause: exp.Expr) -> list[exp.Expr]:
    """What AND joins in a clause."""
    this = clause.this
    return list(this.flatten()) if isinstance(this, exp.And) else [this]


def _dropped(draft: Examined, clause: exp.Expr) -> Iterator[Edit]:
    parts = _parts(clause)
    shown = "WHERE" if isinstance(clause, exp.Where) else "HAVING"
    for at, part in enumerate(parts[:5]):
        kept = [other.copy() for place, other in enumerate(parts) if place != at]
        left = type(clause)(this=exp.and_(*kept, copy=False)) if kept else None
        text = draft.text(part)[:80]
        yield Edit("condition-drop", f"{shown} no longer asks for {text}", put(draft, clause, left))


def _operators(draft: Examined, clause: exp.Expr) -> Iterator[Edit]:
    for node in list(clause.find_all(*OPERATORS))[:5]:
        if node.find_ancestor(exp.Where, exp.Having) is not clause or _is_join(node):
            continue
        for other in OPERATORS[type(node)]:
            if other in (exp.EQ, exp.NEQ) and isinstance(node.expression, exp.Query | exp.Subquery):
                continue
            new = put(draft, node, over(node, other))
            yield Edit("operator", f"{draft.text(node)[:60]} is compared the other way", new)
    for like in list(clause.find_all(exp.Like))[:2]:
        pattern = like.expression
        if isinstance(pattern, exp.Literal) and "_" not in pattern.this:
            bare = exp.Literal.string(str(pattern.this).strip("%"))
            if "%" not in bare.this:
                new = put(draft, like, exp.EQ(this=like.this.copy(), expression=bare))
                yield Edit("like-equal", f"it asks for exactly {bare.sql()}", new)
    for equal in list(clause.find_all(exp.EQ))[:3]:
        value = equal.expression
        if isinstance(value, exp.Literal) and value.is_string and len(value.this) > 2:
            pattern = exp.Literal.string(f"%{value.this}%")
            new = put(draft, equal, exp.Like(this=equal.this.copy(), expression=pattern))
            yield Edit("like-equal", f"it asks for what holds {value.sql()}", new)


def over(node: exp.Expr, operator: type[exp.Expr]) -> exp.Expr:
    """The same two sides with another operator between them."""
    return operator(this=node.this.copy(), expression=node.expression.copy())


def _is_join(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _columns(draft: Examined, clause: exp.Expr) -> Iterator[Edit]:
    """A condition on another column."""
    for column in list(clause.find_all(exp.Column))[:5]:
        parent = column.parent
        bound = draft.binding.names.get(id(column))
        if bound is None or bound.key is None:
            continue
        if parent is None or not isinstance(parent, _COMPARED) or _is_join(parent):
            continue
        if bound.scope.select is not column.find_ancestor(exp.Select):
            continue
        for other in other_columns(draft, bound.scope, like=bound.key, most=3):
            new = put(draft, column, other)
            yield Edit("condition-column", f"{other.sql()} is compared in place of {column.sql()}", new)


def _joined(draft: Examined, clause: exp.Expr) -> Iterator[Edit]:
    """OR for AND and AND for OR, between two conditions."""
    for node in list(clause.find_all(exp.And, exp.Or))[:2]:
        other = exp.Or if isinstance(node, exp.And) else exp.And
        new = put(draft, node, over(node, other))
        yield Edit("and-or", f"{other.__name__.upper()} joins its conditions", new)


def _not_null(draft: Examined) -> Iterator[Edit]:
    """The sort key or the output column must not be NULL."""
    tree = draft.tree
    if not isinstance(tree, exp.Select):
        return
    order = tree.args.get("order")
    keys = [key.this for key in order.expressions] if order is not None else list(tree.expressions[:1])
    for key in keys[:1]:
        value = plain_item(key)
        if isinstance(value, exp.Column) and id(value) in draft.binding.names:
            condition = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
            yield Edit("not-null", f"rows without {value.sql()} are left out", tree.where(condition))
