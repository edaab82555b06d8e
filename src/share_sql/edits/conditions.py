"""Single edits of what rows must fulfil: a condition more, fewer or different."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.edits.likely import other_columns, scope_of
from share_sql.query.examined import BoundQuery

_OPERATORS: dict[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.GT: (exp.GTE, exp.LT),
    exp.GTE: (exp.GT, exp.LTE),
    exp.LT: (exp.LTE, exp.GT),
    exp.LTE: (exp.LT, exp.GTE),
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
}
_COMPARED = (*_OPERATORS, exp.Like, exp.In, exp.Between)


def condition_edits(draft: BoundQuery) -> Iterator[Edit]:
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


def _dropped(draft: BoundQuery, clause: exp.Expr) -> Iterator[Edit]:
    parts = _parts(clause)
    shown = "WHERE" if isinstance(clause, exp.Where) else "HAVING"
    for at, part in enumerate(parts[:5]):
        kept = [other.copy() for place, other in enumerate(parts) if place != at]
        left = type(clause)(this=exp.and_(*kept, copy=False)) if kept else None
        text = part.sql(dialect="sqlite")[:80]
        yield Edit("condition-drop", f"{shown} no longer asks for {text}", put(draft, clause, left))


def _operators(draft: BoundQuery, clause: exp.Expr) -> Iterator[Edit]:
    for node in list(clause.find_all(*_OPERATORS))[:5]:
        if node.find_ancestor(exp.Where, exp.Having) is not clause or _is_join(node):
            continue
        for other in _OPERATORS[type(node)]:
            if other in (exp.EQ, exp.NEQ) and isinstance(node.expression, exp.Query | exp.Subquery):
                continue
            new = put(draft, node, _over(node, other))
            yield Edit("operator", f"{node.sql(dialect='sqlite')[:60]} is compared the other way", new)
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


def _over(node: exp.Expr, operator: type[exp.Expr]) -> exp.Expr:
    """The same two sides with another operator between them."""
    return operator(this=node.this.copy(), expression=node.expression.copy())


def _is_join(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _columns(draft: BoundQuery, clause: exp.Expr) -> Iterator[Edit]:
    """A condition on another column."""
    for column in list(clause.find_all(exp.Column))[:5]:
        parent = column.parent
        bound = draft.binding.names.get(id(column))
        if bound is None or bound.key is None:
            continue
        if parent is None or not isinstance(parent, _COMPARED) or _is_join(parent):
            continue
        select = column.find_ancestor(exp.Select)
        scope = scope_of(draft, select) if select is not None else None
        if scope is None or bound.scope is not scope:
            continue
        for other in other_columns(draft, scope, like=bound.key, most=3):
            new = put(draft, column, other)
            yield Edit("condition-column", f"{other.sql()} is compared in place of {column.sql()}", new)


def _joined(draft: BoundQuery, clause: exp.Expr) -> Iterator[Edit]:
    """OR for AND and AND for OR, between two conditions."""
    for node in list(clause.find_all(exp.And, exp.Or))[:2]:
        other = exp.Or if isinstance(node, exp.And) else exp.And
        new = put(draft, node, _over(node, other))
        yield Edit("and-or", f"{other.__name__.upper()} joins its conditions", new)


def _not_null(draft: BoundQuery) -> Iterator[Edit]:
    """The sort key or the output column must not be NULL."""
    tree = draft.tree
    if not isinstance(tree, exp.Select):
        return
    order = tree.args.get("order")
    keys = [key.this for key in order.expressions] if order is not None else list(tree.expressions[:1])
    for key in keys[:1]:
        value = key.this if isinstance(key, exp.Alias) else key
        if isinstance(value, exp.Column) and id(value) in draft.binding.names:
            condition = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
            new = tree.copy().where(condition, copy=False)
            yield Edit("not-null", f"rows without {value.sql()} are left out", new)
