"""Aggregates where SQL has none: in WHERE, inside each other, as keys of groups; only in drafts that fail.

WHERE is read before rows are grouped, so no aggregate has a value there, nor has the name of one
(sqlite.org/lang_select.html). `edits.windows` does the same for window functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, edited, plain_item, put
from share_sql.edits.likely import column_of, scope_of
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Bound

_EXTREMES = (exp.Max, exp.Min)


def aggregates(draft: Examined) -> Iterator[Edit]:
    """Propose where each misplaced aggregate belongs; only for drafts that do not run."""
    if draft.runs:
        return
    for select in draft.tree.find_all(exp.Select):
        yield from _in_where(draft, select)
        yield from _having_alone(draft, select)
        yield from _nested(draft, select)
        yield from _in_group(draft, select)


def own_aggregates(node: exp.Expr) -> list[exp.AggFunc]:
    """The aggregates of an expression, not those of queries in it or of windows."""
    return [
        found for found in node.find_all(exp.AggFunc) if not _is_window(found) and _is_within(found, node)
    ]


def _is_window(found: exp.Expr) -> bool:
    around = found.parent
    while isinstance(around, exp.Filter | exp.IgnoreNulls):
        around = around.parent
    return isinstance(around, exp.Window)


def _is_within(found: exp.Expr, node: exp.Expr) -> bool:
    """Whether no query stands between a node and what it stands in."""
    while found is not node and found.parent is not None:
        found = found.parent
        if isinstance(found, exp.Query) and found is not node:
            return False
    return True


def named_items(draft: Examined, node: exp.Expr, kind: type[exp.Expr]) -> list[tuple[exp.Column, exp.Expr]]:
    """Names in an expression that stand for a result column in which there is such a node."""
    found = []
    for column in node.find_all(exp.Column):
        bound = draft.binding.names.get(id(column))
        item = bound.result.item if bound is not None and bound.result is not None else None
        value = plain_item(item) if item is not None else None
        if (
            value is not None
            and _is_within(column, node)
            and any(_is_within(f, value) for f in value.find_all(kind))
        ):
            found.append((column, value))
    return found


def conjuncts(clause: exp.Expr | None) -> list[exp.Expr]:
    """What AND joins in a WHERE or HAVING; nothing where there is none."""
    if clause is None:
        return []
    this = clause.this.unnest()
    return [part.unnest() for part in this.flatten()] if isinstance(this, exp.And) else [this]


def clause_of(kind: type[exp.Expr], parts: list[exp.Expr]) -> exp.Expr | None:
    """A WHERE or HAVING of copies of conditions; None where there are none."""
    copies = [exp.Paren(this=part.copy()) if isinstance(part, exp.Or) else part.copy() for part in parts]
    return kind(this=exp.and_(*copies, copy=False, wrap=False)) if copies else None


# ---------------------------------------------------------------------- in WHERE


def _in_where(draft: Examined, select: exp.Select) -> Iterator[Edit]:
    parts = conjuncts(select.args.get("where"))
    of_groups = [
        part
        for part in parts
        if own_aggregates(part)
        or any(not v.find(exp.Window) for _, v in named_items(draft, part, exp.AggFunc))
    ]
    if not of_groups:
        return
    rest = [part for part in parts if part not in of_groups]
    shown = draft.text(of_groups[0])[:80]
    compared = [part for part in of_groups if not _is_of_group(part, select)]
    bare = dialect_of(draft.schema.dialect).bare_extremes
    if select.args.get("group") is not None and not (any(map(_averages, compared)) if bare else compared):
        # Beside a group's extreme SQLite gives the columns of its row (sqlite.org/lang_select.html#bareagg).
        message = f"{shown} is about groups, not rows; it stands in HAVING"
        yield Edit("aggregate-where", message, _moved(draft, select, rest, of_groups))
        return
    if compared:
        message = f"{shown} has no value for a row; it is computed in a query of its own"
        yield Edit("aggregate-where", message, _computed(draft, select, of_groups, rest))
        return
    keys = _keys(draft, select)
    if keys:
        by = ", ".join(key.sql() for key in keys)
        message = f"{shown} is about groups; it is grouped by {by} and the condition stands in HAVING"
        yield Edit("aggregate-where", message, _moved(draft, select, rest, of_groups, keys))


def _moved(
    draft: Examined,
    select: exp.Select,
    rest: list[exp.Expr],
    of_groups: list[exp.Expr],
    keys: list[exp.Column] | None = None,
) -> exp.Query:
    having = clause_of(exp.Having, [*conjuncts(select.args.get("having")), *of_groups])

    def change(old: exp.Expr) -> None:
        old.set("where", clause_of(exp.Where, rest))
        old.set("having", having)
        if keys:
            old.set("group", exp.Group(expressions=keys))

    return edited(draft, select, change)


def _averages(part: exp.Expr) -> bool:
    """Whether a condition asks for more than the extreme of a group."""
    return not all(isinstance(found, _EXTREMES) for found in own_aggregates(part))


def _is_of_group(part: exp.Expr, select: exp.Select) -> bool:
    """Whether a condition compares aggregates with constants, keys of groups or other aggregates only.
    `x = MAX(x)` compares a row with all of them."""
    group = select.args.get("group")
    keys = {key.name.lower() for key in group.expressions} if group is not None else set()
    aliases = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
    inside = {id(column) for found in own_aggregates(part) for column in found.find_all(exp.Column)}
    return all(
        id(column) in inside
        or column.name.lower() in keys
        or (not column.table and column.name.lower() in aliases)
        for column in part.find_all(exp.Column)
    )


def _computed(
    draft: Examined, select: exp.Select, of_groups: list[exp.Expr], rest: list[exp.Expr]
) -> exp.Query:
    """Each aggregate of the conditions becomes a query. The extreme is that of the rows that are left; an
    average is that of the whole table."""
    copies = [part.copy() for part in of_groups]
    for copy, own in zip(copies, of_groups, strict=True):
        # Both lists are in the same order.
        for found, original in zip(own_aggregates(copy), own_aggregates(own), strict=True):
            query = exp.Select(expressions=[found.copy()])
            table = _table_of(draft, original)
            if isinstance(found, _EXTREMES) or table is None:
                query.set("from_", select.args["from_"].copy())
                query.set("joins", [join.copy() for join in select.args.get("joins") or ()])
                query.set("where", clause_of(exp.Where, rest) if isinstance(found, _EXTREMES) else None)
            else:
                query.set("from_", exp.From(this=table.copy()))
            found.replace(exp.Subquery(this=query))

    def change(old: exp.Expr) -> None:
        old.set("where", clause_of(exp.Where, [*rest, *copies]))

    return edited(draft, select, change)


def _table_of(draft: Examined, node: exp.Expr) -> exp.Expr | None:
    """The one item of FROM that an expression reads; None where there are several or none."""
    bounds = [draft.binding.names.get(id(column)) for column in node.find_all(exp.Column)]
    nodes = {id(b.source.node): b.source.node for b in bounds if b is not None and b.source is not None}
    found = list(nodes.values())
    return found[0] if len(found) == 1 and isinstance(found[0], exp.Table) else None


def _keys(draft: Examined, select: exp.Select) -> list[exp.Column]:
    """What to group by: the plain columns selected; of one joined table its key, which tells names apart."""
    values = [plain_item(item) for item in select.expressions]
    plain = [value for value in values if isinstance(value, exp.Column) and not value.is_star]
    if not plain:
        return []
    bounds = [bound for value in plain if (bound := draft.binding.names.get(id(value))) is not None]
    key = _own_key(draft, select, bounds)
    return [key] if key is not None else [value.copy() for value in plain]


def _own_key(draft: Examined, select: exp.Select, bounds: list[Bound]) -> exp.Column | None:
    scope = scope_of(draft, select)
    source = bounds[0].source if bounds else None
    if scope is None or source is None or source.table is None or len(scope.sources) < 2:
        return None
    one = all(bound.source is source for bound in bounds)
    return (
        column_of(source, source.table.primary_key[0], draft.schema.dialect)
        if one and len(source.table.primary_key) == 1
        else None
    )


# ---------------------------------------------------------------------- HAVING without GROUP BY


def _having_alone(draft: Examined, select: exp.Select) -> Iterator[Edit]:
    parts = conjuncts(select.args.get("having"))
    if not parts or select.args.get("group") is not None:
        return
    of_groups = [part for part in parts if own_aggregates(part)]
    plain = [part for part in parts if part not in of_groups]
    if not of_groups and not any(own_aggregates(plain_item(item)) for item in select.expressions):
        rows = [*conjuncts(select.args.get("where")), *plain]
        message = f"{draft.text(plain[0])[:80]} is about rows; it stands in WHERE"
        yield Edit("having-ungrouped", message, _moved_to_where(draft, select, rows))
        return
    keys = _keys(draft, select)
    if of_groups and keys and all(_is_of_group(part, select) for part in of_groups):
        by = ", ".join(key.sql() for key in keys)
        rows = [*conjuncts(select.args.get("where")), *plain]

        def change(old: exp.Expr) -> None:
            old.set("group", exp.Group(expressions=keys))
            old.set("where", clause_of(exp.Where, rows))
            old.set("having", clause_of(exp.Having, of_groups))

        message = f"HAVING is about groups; it is grouped by {by}"
        yield Edit("having-ungrouped", message, edited(draft, select, change))


def _moved_to_where(draft: Examined, select: exp.Select, rows: list[exp.Expr]) -> exp.Query:
    def change(old: exp.Expr) -> None:
        old.set("where", clause_of(exp.Where, rows))
        old.set("having", None)

    return edited(draft, select, change)


# ---------------------------------------------------------------------- inside each other


def _nested(draft: Examined, select: exp.Select) -> Iterator[Edit]:
    """`AVG(COUNT(*))`: the inner one is computed for each group in a query of its own."""
    outer = next((found for found in own_aggregates(select) if _inner(found) is not None), None)
    inner = _inner(outer) if outer is not None else None
    group = select.args.get("group")
    if outer is None or inner is None or group is None:
        return
    shown = draft.text(outer)
    in_having, in_order = (
        outer.find_ancestor(exp.Having, exp.Select),
        outer.find_ancestor(exp.Ordered, exp.Select),
    )
    if isinstance(in_order, exp.Ordered):
        yield Edit(
            "nested-aggregate",
            f"{shown} has no value; it is sorted by {inner.sql()}",
            put(draft, outer, inner),
        )
        return
    each = exp.Select(expressions=[exp.alias_(inner.copy(), "each_value")], **_rows_of(select))
    each.set("group", group.copy())
    over = outer.copy()
    over.this.replace(exp.column("each_value"))
    whole = exp.Select(expressions=[over], from_=exp.From(this=each.subquery("each_group")))
    message = f"{shown} has no value; {inner.sql()} is computed for each group first"
    others = [
        item for item in select.expressions if not any(_inner(f) is not None for f in own_aggregates(item))
    ]
    if isinstance(in_having, exp.Having):
        yield Edit("nested-aggregate", message, put(draft, outer, exp.Subquery(this=whole)))
    elif not others and not select.args.get("having") and len(select.expressions) == 1:

        def change(old: exp.Expr) -> exp.Expr:
            item = old.expressions[0]
            new = whole.copy()
            if isinstance(item, exp.Alias):
                new.set("expressions", [exp.alias_(plain_item(new.expressions[0]), item.alias)])
            return new

        if select is draft.tree:
            yield Edit("nested-aggregate", message, change(select))  # type: ignore[arg-type]
        else:
            yield Edit("nested-aggregate", message, edited(draft, select, change))
    elif isinstance(outer, _EXTREMES) and not select.args.get("order") and not select.args.get("limit"):
        # Which group has the most: the groups' values sorted, the first one taken.
        def sorted_groups(old: exp.Expr) -> None:
            for found in own_aggregates(old):
                within = _inner(found)
                if within is not None:
                    found.replace(within.copy())
            key = exp.Ordered(this=inner.copy(), desc=isinstance(outer, exp.Max))
            old.set("order", exp.Order(expressions=[key]))
            old.set("limit", exp.Limit(expression=exp.Literal.number(1)))

        yield Edit("nested-aggregate", message, edited(draft, select, sorted_groups))


def _inner(outer: exp.Expr) -> exp.Expr | None:
    """The aggregate that is the whole argument of another."""
    this = outer.this.unnest() if isinstance(outer.this, exp.Expr) else None
    return this if isinstance(this, exp.AggFunc) else None


def _rows_of(select: exp.Select) -> dict[str, object]:
    """FROM, JOIN and WHERE of a SELECT, copied."""
    kept: dict[str, object] = {}
    for key in ("from_", "joins", "where"):
        value = select.args.get(key)
        if isinstance(value, list):
            kept[key] = [part.copy() for part in value]
        elif value is not None:
            kept[key] = value.copy()
    return kept


# ---------------------------------------------------------------------- as keys of groups


def _in_group(draft: Examined, select: exp.Select) -> Iterator[Edit]:
    group = select.args.get("group")
    if group is None:
        return
    keys = group.expressions
    kept = [key for key in keys if not own_aggregates(key) and not named_items(draft, key, exp.AggFunc)]
    if len(kept) == len(keys):
        return
    gone = next(key for key in keys if key not in kept)
    plain = _keys(draft, select) if not kept else [key.copy() for key in kept]
    new = exp.Group(expressions=plain) if plain else None
    by = ", ".join(key.sql() for key in plain) or "nothing"
    yield Edit(
        "group-aggregate",
        f"{draft.text(gone)} has no value before rows are grouped; it is grouped by {by}",
        put(draft, group, new),
    )
