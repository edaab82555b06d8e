"""Columns beside GROUP BY or DISTINCT that a strict dialect refuses; only in drafts that do not run.

Where the groups stay the same, a column may be one more key: it depends on the keys, as the data show. Rows
that DISTINCT makes one are sorted by the first of them that the order meets, which an extreme says.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlglot import exp

from share_sql.edits.aggregates import own_aggregates
from share_sql.edits.edit import Edit, edited, plain_item
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.requests import Steps, query


def bare_groups(draft: Examined) -> Steps[list[Edit]]:
    """`SELECT m.name, COUNT(*) … GROUP BY m.id`: the name is one more key where each group has one."""
    if draft.runs:
        return []
    for select in draft.tree.find_all(exp.Select):
        bare = _bare(draft, select)
        if not bare or draft.binding.correlated(select) or draft.tree.args.get("with_") is not None:
            continue
        if (yield from _one_each(draft, select, bare)):
            shown = ", ".join(draft.text(column) for column in bare)
            message = f"{shown} stands beside GROUP BY; each group has one, so that it is a key too"
            return [Edit("group-bare", message, edited(draft, select, partial(_with_keys, more=bare)))]
    return []


def _with_keys(select: exp.Expr, more: list[exp.Column]) -> None:
    group = select.args["group"]
    group.set("expressions", [*group.expressions, *(column.copy() for column in more)])


def _bare(draft: Examined, select: exp.Select) -> list[exp.Column]:
    """The columns of a grouped SELECT that are neither key nor in an aggregate, each once."""
    group = select.args.get("group")
    if group is None or not group.expressions or group.args.get("rollup") or group.args.get("cube"):
        return []
    keys = [_written_out(select, key) for key in group.expressions]
    names = draft.binding.names
    known = {
        (bound.source, bound.column.lower()) for key in keys if (bound := names.get(id(key))) is not None
    }
    found: dict[tuple[object, str], exp.Column] = {}
    places = [*select.expressions, select.args.get("having"), select.args.get("order")]
    for place in places:
        for column in place.find_all(exp.Column) if place is not None else ():
            bound = names.get(id(column))
            if bound is None or bound.scope.select is not select or bound.status != "bound":
                continue
            within = column.find_ancestor(exp.AggFunc, exp.Window)
            if within is not None and within.find_ancestor(exp.Select) is select:
                continue
            name = (bound.source, bound.column.lower())
            if isinstance(column.this, exp.Star) or name in known or any(_holds(key, column) for key in keys):
                continue
            found.setdefault(name, column)
    return list(found.values())


def _written_out(select: exp.Select, key: exp.Expr) -> exp.Expr:
    """A key as an expression: what a place or an alias in the select list stands for."""
    items = select.expressions
    if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(items):
        return plain_item(items[int(key.this) - 1])
    named = [item for item in items if isinstance(item, exp.Alias) and item.alias.lower() == key.name.lower()]
    is_alias = isinstance(key, exp.Column) and not key.table and named
    return plain_item(named[0]) if is_alias and not isinstance(plain_item(named[0]), exp.Column) else key


def _holds(key: exp.Expr, column: exp.Column) -> bool:
    """Whether a column stands in an expression of the query that is a key as a whole."""
    if isinstance(key, exp.Column):
        return False
    node: exp.Expr | None = column
    while node is not None and not isinstance(node, exp.Select):
        if node == key:
            return True
        node = node.parent
    return False


def _one_each(draft: Examined, select: exp.Select, bare: list[exp.Column]) -> Steps[bool]:
    """Whether no group has several values of these columns."""
    probe = select.copy()
    probe.set("expressions", [exp.Literal.number(1)])
    for clause in ("having", "order", "limit", "offset", "distinct"):
        probe.set(clause, None)
    keys = [_written_out(select, key).copy() for key in select.args["group"].expressions]
    probe.set("group", exp.Group(expressions=keys))
    several = [
        exp.GT(
            this=exp.Count(this=exp.Distinct(expressions=[column.copy()])), expression=exp.Literal.number(1)
        )
        for column in bare
    ]
    outcome = yield from query(draft.text(probe.having(exp.or_(*several)).limit(1)))
    return not isinstance(outcome, QueryError) and not outcome.rows


def distinct_orders(draft: Examined) -> Iterator[Edit]:
    """`SELECT DISTINCT name … ORDER BY size DESC`: of equal rows the first counts, so the largest size."""
    if draft.runs:
        return
    for select in draft.tree.find_all(exp.Select):
        order = select.args.get("order")
        distinct = select.args.get("distinct")
        if (
            order is None
            or distinct is None
            or distinct.args.get("on")
            or select.args.get("group") is not None
        ):
            continue
        items = [plain_item(item) for item in select.expressions]
        aliases = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
        if any(item.is_star or own_aggregates(item) or item.find(exp.Window) for item in items):
            continue
        later = [key for key in order.expressions if not _is_selected(key.this, items, aliases)]
        # After a key that differs within equal rows, the others would be those of its row.
        if len(later) != 1 or later[0] is not order.expressions[-1]:
            continue

        def grouped(old: exp.Expr, items: list[exp.Expr] = items) -> None:
            old.set("distinct", None)
            old.set("group", exp.Group(expressions=[item.copy() for item in items]))
            last = old.args["order"].expressions[-1]
            extreme = exp.Max if last.args.get("desc") else exp.Min
            last.set("this", extreme(this=last.this.copy()))

        shown = draft.text(later[0].this)
        message = f"{shown} is not among the distinct rows; of equal rows the first one's counts"
        yield Edit("distinct-order", message, edited(draft, select, grouped))


def _is_selected(key: exp.Expr, items: list[exp.Expr], aliases: set[str]) -> bool:
    """Whether a sort key is a place in the select list, an alias there, or one of its items."""
    if isinstance(key, exp.Literal) and key.is_int:
        return True
    if not isinstance(key, exp.Column):
        return key in items
    if not key.table and key.name.lower() in aliases:
        return True
    same = [item for item in items if isinstance(item, exp.Column) and item.name.lower() == key.name.lower()]
    return any(not item.table or not key.table or item.table.lower() == key.table.lower() for item in same)
