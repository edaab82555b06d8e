"""Single edits of what a query gives: its output columns, DISTINCT, aggregates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.edits.likely import column_of, named_share, other_columns, scope_of
from share_sql.edits.select_list import inline_alias
from share_sql.query.asked import select_features, words
from share_sql.query.examined import BoundQuery
from share_sql.sql.scopes import Scope

_COUNTED = re.compile(r"\b(?:how many|number|count|times|total)\b", re.IGNORECASE)
_OTHERS: dict[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.Max: (exp.Min,),
    exp.Min: (exp.Max,),
    exp.Sum: (exp.Avg, exp.Count),
    exp.Avg: (exp.Sum,),
    exp.Count: (exp.Sum,),
}


def output_edits(draft: BoundQuery) -> Iterator[Edit]:
    """Edits of the outermost SELECT's list, and of DISTINCT and aggregates anywhere."""
    tree = draft.tree
    if isinstance(tree, exp.Select):
        yield from _dropped(draft, tree)
        yield from _distinct(tree)
        yield from _replaced(draft, tree)
        yield from _added(draft, tree)
        if len(tree.expressions) == 2:
            turned = tree.copy()
            turned.set("expressions", turned.expressions[::-1])
            yield Edit("select-order", "its two output columns change places", turned)
    yield from _counts(draft)
    yield from _aggregates(draft)


def _dropped(draft: BoundQuery, tree: exp.Select) -> Iterator[Edit]:
    """One output column fewer, the one that is asked for least first; then two of the least asked for."""
    items = tree.expressions
    if len(items) < 2:
        return
    order = range(len(items))
    if draft.weights is not None and draft.weights.asked_features:
        scores = [draft.weights.asked(row) for row in select_features(tree, draft.question, draft.evidence)]
        order = sorted(order, key=lambda at: scores[at])  # type: ignore[assignment]
    least = list(order)
    dropped = [(at,) for at in least[:4]]
    pairs = combinations(least[:3], 2) if len(items) > 2 else ()
    for places in (*dropped, *pairs):
        new = tree.copy()
        new.set("expressions", [kept for place, kept in enumerate(new.expressions) if place not in places])
        gone = [items[at] for at in places]
        for item in gone:
            inline_alias(new, item, item.this if isinstance(item, exp.Alias) else item)
        told = " and ".join(item.sql(dialect="sqlite") for item in gone)
        yield Edit("select-drop", f"{told} {'is' if len(gone) == 1 else 'are'} no longer selected", new)


def _distinct(tree: exp.Select) -> Iterator[Edit]:
    new = tree.copy()
    if tree.args.get("distinct") is not None:
        new.set("distinct", None)
        yield Edit("distinct-drop", "repeated rows are kept", new)
    elif tree.args.get("group") is None and not all(_is_total(item) for item in tree.expressions):
        yield Edit("distinct-add", "repeated rows are dropped", new.distinct())


def _is_total(item: exp.Expr) -> bool:
    return item.find(exp.AggFunc) is not None


def _replaced(draft: BoundQuery, tree: exp.Select) -> Iterator[Edit]:
    """Another column in an output column's place, but none that the same item computes with already."""
    scope = scope_of(draft, tree)
    if scope is None:
        return
    chosen = {item.sql().lower() for item in tree.expressions}
    columns = [(item, column) for item in tree.expressions for column in item.find_all(exp.Column)]
    for item, column in columns[:6]:
        bound = draft.binding.names.get(id(column))
        if bound is None or bound.key is None or bound.scope is not scope:
            continue
        inside = column.find_ancestor(exp.AggFunc) is not None
        named = named_share(draft, column.name)
        like = bound.key if inside else None
        beside = {other.name.lower() for other in item.find_all(exp.Column) if other is not column}
        for other in other_columns(draft, scope, like=like, least=max(0.5, named), most=4):
            if other.sql().lower() in chosen or other.name.lower() in beside or _same(other, column):
                continue
            new = put(draft, column, other)
            yield Edit("select-column", f"{other.sql()} is selected in place of {column.sql()}", new)


def _same(left: exp.Column, right: exp.Column) -> bool:
    return left.name.lower() == right.name.lower() and left.table.lower() == right.table.lower()


def _added(draft: BoundQuery, tree: exp.Select) -> Iterator[Edit]:
    """One output column more: one that the question names, or a count where it asks for a number."""
    scope = scope_of(draft, tree)
    if scope is None or len(tree.expressions) > 4:
        return
    aggregated = any(_is_total(item) for item in tree.expressions)
    grouped = tree.args.get("group") is not None
    chosen = {column.name.lower() for item in tree.expressions for column in item.find_all(exp.Column)}
    if grouped and not aggregated and _COUNTED.search(draft.question):
        new = tree.copy()
        new.set("expressions", [*new.expressions, exp.Count(this=exp.Star())])
        yield Edit("select-add", "COUNT(*) is selected too", new)
    if aggregated and not grouped:
        return
    for other in other_columns(draft, scope, least=0.99, most=4):
        if other.name.lower() in chosen or not words(other.name):
            continue
        for front in (False, True):
            new = tree.copy()
            items = [other.copy(), *new.expressions] if front else [*new.expressions, other.copy()]
            new.set("expressions", items)
            yield Edit("select-add", f"{other.sql()} is selected too", new)


def _counts(draft: BoundQuery) -> Iterator[Edit]:
    """COUNT of rows, of values, of different values."""
    for count in list(draft.tree.find_all(exp.Count))[:2]:
        inner = count.this
        if isinstance(inner, exp.Distinct):
            new = put(draft, count, exp.Count(this=inner.expressions[0].copy()))
            yield Edit("count-plain", "it counts repeated values too", new)
        elif isinstance(inner, exp.Column):
            yield _different(draft, count, inner)
        elif isinstance(inner, exp.Star):
            select = count.find_ancestor(exp.Select)
            scope = scope_of(draft, select) if select is not None else None
            keys = [*_keys(scope), *other_columns(draft, scope, most=2)] if scope is not None else []
            for key in keys[:4]:
                yield _different(draft, count, key)


def _different(draft: BoundQuery, count: exp.Count, column: exp.Column) -> Edit:
    new = put(draft, count, exp.Count(this=exp.Distinct(expressions=[column.copy()])))
    return Edit("count-different", f"it counts different {column.sql()}", new)


def _keys(scope: Scope) -> list[exp.Column]:
    """The primary keys of a scope's tables, of one column each, where it has several tables."""
    if len(scope.sources) < 2:
        return []
    found = []
    for source in scope.sources:
        keys = [column.name for column in source.table.columns if column.primary_key] if source.table else []
        if len(keys) == 1:
            found.append(column_of(source, keys[0]))
    return found


def _aggregates(draft: BoundQuery) -> Iterator[Edit]:
    """Another aggregate."""
    for node in list(draft.tree.find_all(*_OTHERS))[:3]:
        if not isinstance(node.this, exp.Column):
            continue
        for other in _OTHERS[type(node)]:
            new = put(draft, node, other(this=node.this.copy()))
            yield Edit("aggregate", f"{_name(other)} in place of {_name(type(node))}", new)


def _name(function: type[exp.Expr]) -> str:
    return function.__name__.upper()
