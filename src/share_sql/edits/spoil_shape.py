"""The inverses of repairs of conditions, aggregates and groups, for `edits.spoil`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from share_sql.edits.aggregates import clause_of, conjuncts, own_aggregates
from share_sql.edits.edit import changed, plain_item
from share_sql.edits.right import Right


def _counted_condition(right: Right) -> exp.Query | None:
    """The rows that meet a condition are counted among all."""
    tree = right.tree
    where = tree.args.get("where")
    if (
        not isinstance(tree, exp.Select)
        or where is None
        or tree.args.get("group")
        or len(tree.expressions) != 1
    ):
        return None
    count = tree.expressions[0]
    if not isinstance(count, exp.Count) or not isinstance(count.this, exp.Star) or where.find(exp.Query):
        return None
    one, zero = exp.Literal.number(1), exp.Literal.number(0)
    case = exp.Case(ifs=[exp.If(this=where.this.copy(), true=one)], default=zero)
    return changed(tree, where=None, expressions=[exp.Count(this=case)])


def _alone(right: Right) -> exp.Query | None:
    """The second value of a list, or of two comparisons, stands alone beside OR."""
    for node in right.tree.find_all(exp.In, exp.Or):
        if isinstance(node, exp.Or):
            first, second = node.this, node.expression
            same = isinstance(first, exp.EQ) and isinstance(second, exp.EQ) and first.this == second.this
            values = [first.expression, second.expression] if same else []
            column = first.this if same else None
        else:
            values, column = list(node.expressions), node.this
        if (
            len(values) == 2
            and all(isinstance(value, exp.Literal) for value in values)
            and column is not None
        ):
            either = exp.Or(
                this=exp.EQ(this=column.copy(), expression=values[0].copy()), expression=values[1].copy()
            )
            holder = node.parent
            new: exp.Expr = exp.Paren(this=either) if isinstance(holder, exp.Not) else either
            return right.put([(node, new)])
    return None


def _moved(
    source: str, target: str, kind: type[exp.Expr], stands: Callable[[exp.Select], bool]
) -> Callable[[Right], exp.Query | None]:
    """The conditions of one clause stand in another."""

    def spoil(right: Right) -> exp.Query | None:
        tree = right.tree
        if not isinstance(tree, exp.Select) or not tree.args.get(source) or not stands(tree):
            return None
        parts = [*conjuncts(tree.args.get(target)), *conjuncts(tree.args.get(source))]
        return changed(tree, **{source: None, target: clause_of(kind, parts)})

    return spoil


def _is_plain(tree: exp.Select) -> bool:
    return tree.args.get("group") is None and not any(own_aggregates(item) for item in tree.expressions)


def _ungrouped(right: Right) -> exp.Query | None:
    """GROUP BY is left out beside an aggregate."""
    tree = right.tree
    if (
        not isinstance(tree, exp.Select)
        or tree.args.get("group") is None
        or tree.args.get("having") is not None
    ):
        return None
    values = [plain_item(item) for item in tree.expressions]
    mixed = any(own_aggregates(value) for value in values) and any(isinstance(v, exp.Column) for v in values)
    return changed(tree, group=None) if mixed else None


def _count_among_keys(right: Right) -> exp.Query | None:
    group = right.tree.args.get("group")
    if group is None:
        return None
    keys = [*(key.copy() for key in group.expressions), exp.Count(this=exp.Star())]
    return changed(right.tree, group=exp.Group(expressions=keys))


def _limited(right: Right) -> exp.Query | None:
    tree = right.tree
    free = (
        isinstance(tree, exp.Select)
        and tree.args.get("from_")
        and not tree.args.get("limit")
        and not tree.args.get("order")
    )
    return tree.limit(right.rng.choice((5, 10, 100))) if free else None


def _half_key(right: Right) -> exp.Query | None:
    """One of two equalities of a join is left out."""
    for join in right.tree.find_all(exp.Join):
        on = join.args.get("on")
        if isinstance(on, exp.And):
            return right.put([(on, [on.this.copy(), on.expression.copy()])])
    return None


def _with_nulls(right: Right) -> exp.Query | None:
    """Rows without a value are not left out."""
    tree = right.tree
    parts = conjuncts(tree.args.get("where"))
    kept = [part for part in parts if not (isinstance(part, exp.Not) and isinstance(part.this, exp.Is))]
    return changed(tree, where=clause_of(exp.Where, kept)) if len(kept) < len(parts) else None


SHAPES: Mapping[str, Callable[[Right], exp.Query | None]] = {
    "count-condition": _counted_condition,
    "bare-alternative": _alone,
    "aggregate-where": _moved("having", "where", exp.Where, lambda tree: tree.args.get("group") is not None),
    "having-ungrouped": _moved("where", "having", exp.Having, _is_plain),
    "group-aggregate": _count_among_keys,
    "group-missing": _ungrouped,
    "half-key": _half_key,
    "limit-unasked": _limited,
    "null-extreme": _with_nulls,
}
"""By the kind that mends."""
