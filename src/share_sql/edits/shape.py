"""Single edits of how rows are grouped, ordered, cut, joined and combined."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, changed, edited, put
from share_sql.edits.likely import column_of, other_columns, scope_of
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Scope

_SUPERLATIVE = re.compile(
    r"\b(?:most|least|fewest|highest|lowest|largest|smallest|biggest|oldest|youngest|longest|shortest|"
    r"greatest|earliest|latest|maximum|minimum|top|first|last|best|worst|newest|cheapest)\b",
    re.IGNORECASE,
)


def shape_edits(draft: Examined) -> Iterator[Edit]:
    """Edits of ORDER BY, LIMIT, GROUP BY, joins and set operations."""
    yield from _order(draft)
    yield from _group(draft)
    yield from _extreme(draft)
    yield from _sets(draft)
    yield from _joins(draft)


def _order(draft: Examined) -> Iterator[Edit]:
    for select in list(draft.tree.find_all(exp.Select))[:3]:
        order, limit = select.args.get("order"), select.args.get("limit")
        if order is None:
            continue
        key = order.expressions[0]
        new = edited(draft, key, lambda old: exp.Ordered(this=old.this, desc=not old.args.get("desc")))
        yield Edit("order-direction", f"{draft.text(key.this)[:60]} is sorted the other way", new)
        if limit is not None:
            yield Edit("limit-drop", "all rows are given, not the first only", put(draft, limit, None))
        elif _SUPERLATIVE.search(draft.question) and isinstance(draft.tree, exp.Select):
            yield Edit("limit-add", "only the first row is given", draft.tree.limit(1))
        column = key.this
        bound = draft.binding.names.get(id(column))
        scope = scope_of(draft, select)
        if bound is not None and bound.key is not None and scope is not None:
            for other in other_columns(draft, scope, like=bound.key, most=3):
                new = put(draft, column, other)
                yield Edit("order-column", f"it is sorted by {other.sql()}, not {column.sql()}", new)


def _group(draft: Examined) -> Iterator[Edit]:
    for select in list(draft.tree.find_all(exp.Select))[:2]:
        scope = scope_of(draft, select)
        group = select.args.get("group")
        if scope is None:
            continue
        if group is None:
            yield from _grouped(draft, select, scope)
            continue
        if isinstance(draft.tree, exp.Select) and select is draft.tree and not select.args.get("having"):
            yield Edit("group-drop", "it is no longer grouped", put(draft, group, None))
        if len(group.expressions) != 1:
            continue
        key = group.expressions[0]
        bound = draft.binding.names.get(id(key))
        if bound is None or bound.source is None or bound.source.table is None or bound.key is None:
            continue
        table = bound.source.table
        others = [
            column_of(bound.source, column.name, draft.schema.dialect)
            for column in table.columns
            if column.primary_key
        ]
        others += [item for item in select.expressions if isinstance(item, exp.Column)]
        for other in others[:3]:
            if other.name.lower() != key.name.lower():
                new = put(draft, key, other)
                yield Edit("group-key", f"it is grouped by {other.sql()}, not {key.sql()}", new)


def _grouped(draft: Examined, select: exp.Select, scope: Scope) -> Iterator[Edit]:
    """Grouping where a plain column is selected beside an aggregate."""
    plain = [item for item in select.expressions if isinstance(item, exp.Column)]
    if plain and any(item.find(exp.AggFunc) for item in select.expressions) and scope.sources:
        group = exp.Group(expressions=[plain[0].copy()])
        new = edited(draft, select, lambda old: old.set("group", group))
        yield Edit("group-add", f"it is grouped by {plain[0].sql()}", new)


def _extreme(draft: Examined) -> Iterator[Edit]:
    """`ORDER BY x DESC LIMIT 1` and `x = (SELECT MAX(x) …)`: one row, or all that tie."""
    tree = draft.tree
    if not isinstance(tree, exp.Select):
        return
    order, limit, where = tree.args.get("order"), tree.args.get("limit"), tree.args.get("where")
    if order is not None and limit is not None and len(order.expressions) == 1:
        key = order.expressions[0]
        if (
            isinstance(key.this, exp.Column)
            and limit.expression is not None
            and limit.expression.sql() == "1"
            and tree.args.get("group") is None
        ):
            extreme = (exp.Max if key.args.get("desc") else exp.Min)(this=key.this.copy())
            inner = changed(tree, expressions=[extreme], order=None, limit=None, distinct=None)
            outer = changed(tree, order=None, limit=None)
            outer = outer.where(exp.EQ(this=key.this.copy(), expression=exp.Subquery(this=inner)), copy=False)
            yield Edit("ties", "all rows that share the extreme are given, not one", outer)
    for equal in list(where.find_all(exp.EQ))[:2] if where is not None else ():
        subquery = equal.expression
        inner_select = subquery.this if isinstance(subquery, exp.Subquery) else None
        if not isinstance(inner_select, exp.Select) or len(inner_select.expressions) != 1:
            continue
        value = inner_select.expressions[0]
        if isinstance(value, exp.Max | exp.Min) and order is None and limit is None and equal.parent is where:
            by = exp.Ordered(this=equal.this.copy(), desc=isinstance(value, exp.Max))
            new = changed(tree, where=inner_select.args.get("where")).order_by(by).limit(1)
            yield Edit("ties", "one row with the extreme is given, not all that share it", new)


def _sets(draft: Examined) -> Iterator[Edit]:
    """Two values of one column: both, or either."""
    tree = draft.tree
    if isinstance(tree, exp.Intersect | exp.Union):
        other = exp.Union if isinstance(tree, exp.Intersect) else exp.Intersect
        new = other(this=tree.this.copy(), expression=tree.expression.copy(), distinct=True)
        names = (other.__name__.upper(), type(tree).__name__.upper())
        yield Edit("set-operation", f"{names[0]} in place of {names[1]}", new)
    if not isinstance(tree, exp.Select):
        return
    where = tree.args.get("where")
    for either in list(where.find_all(exp.Or, exp.In))[:2] if where is not None else ():
        if isinstance(either, exp.Or):
            parts = list(either.flatten())
            equal = all(isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) for part in parts)
            pair = parts if equal and len({part.this.sql().lower() for part in parts}) == 1 else []
        else:
            values = either.expressions if isinstance(either.this, exp.Column) else []
            pair = [exp.EQ(this=either.this.copy(), expression=value.copy()) for value in values]
        if len(pair) == 2 and tree.args.get("limit") is None:
            halves = [put(draft, either, part) for part in pair]
            if all(isinstance(half, exp.Select) for half in halves):
                new = exp.Intersect(this=halves[0], expression=halves[1], distinct=True)
                yield Edit("set-operation", "both values must be there, not one of them", new)


def _joins(draft: Examined) -> Iterator[Edit]:
    """A table fewer, where nothing of it is used but its key; and rows without a partner kept."""
    for scope in draft.binding.scopes[:2]:
        if len(scope.sources) < 2 or not isinstance(scope.select, exp.Select):
            continue
        joins = scope.select.args.get("joins") or []
        for join in joins:
            source = next((found for found in scope.sources if found.node is join.this), None)
            if source is None:
                continue
            uses = [b for b in draft.binding.names.values() if b.source is source]
            if all(bound.node.find_ancestor(exp.Join) is join for bound in uses):
                new = put(draft, join, None)
                yield Edit("join-drop", f"{source.title} is no longer joined", new)
        if joins and len(joins) == 1 and not joins[0].side and joins[0].args.get("on") is not None:
            new = put(draft, joins[0], changed(joins[0], side="LEFT", kind=None))
            yield Edit("join-left", "rows without a partner are kept", new)
