"""Window functions in WHERE or HAVING: they have no value there yet; only in drafts that fail.

Windows are computed after WHERE, GROUP BY and HAVING (sqlite.org/windowfunctions.html). The query is put
into FROM, with the window as a column, and the condition is asked of that.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.aggregates import clause_of, conjuncts, named_items
from share_sql.edits.edit import Edit, plain_item, put
from share_sql.query.examined import Examined
from share_sql.query.named import identifier


def windows(draft: Examined) -> Iterator[Edit]:
    """Propose the query with its windows computed first; only for drafts that do not run."""
    if draft.runs:
        return
    for select in draft.tree.find_all(exp.Select):
        for key, kind in (("where", exp.Where), ("having", exp.Having)):
            parts = conjuncts(select.args.get(key))
            late = [part for part in parts if part.find(exp.Window) or named_items(draft, part, exp.Window)]
            new = _wrapped(draft, select, key, kind, parts, late) if late else None
            if new is not None:
                shown = draft.text(late[0])[:80]
                message = f"{shown} has no value before the rows are there; it is asked of the finished rows"
                yield Edit("window-where", message, new if select is draft.tree else put(draft, select, new))


def _wrapped(
    draft: Examined,
    tree: exp.Select,
    key: str,
    kind: type[exp.Expr],
    parts: list[exp.Expr],
    late: list[exp.Expr],
) -> exp.Select | None:
    """The query around the rows with their windows; None where `*` would give more columns than before."""
    inner = tree.copy()
    star = any(item.is_star for item in tree.expressions)
    inner.set(key, clause_of(kind, [part for part in parts if part not in late]))
    taken = {item.alias_or_name.lower() for item in tree.expressions if item.alias_or_name}
    names: list[str] = []
    for at, item in enumerate(list(inner.expressions)):
        if item.is_star:
            continue
        name = item.alias_or_name
        if not name or name.lower() in {other.lower() for other in names}:
            name = _free(f"column_{at + 1}", taken)
            item.replace(exp.alias_(plain_item(item).copy(), name))
        names.append(name)
    asked = [_asked(draft, part, inner, taken) for part in late]
    order, limit, offset = (inner.args.get(name) for name in ("order", "limit", "offset"))
    if order is not None:
        order = order.copy()
        for column in list(order.find_all(exp.Column)):
            if column.table or column.name.lower() not in {name.lower() for name in names}:
                column.replace(_kept(column, inner, taken))
    if star and len(inner.expressions) > len(tree.expressions):
        return None
    for name in ("order", "limit", "offset", "distinct"):
        inner.set(name, None)
    with_ = inner.args.get("with_")
    inner.set("with_", None)
    plain = [exp.column(identifier(name, draft.schema.dialect)) for name in names]
    outer = exp.Select(
        expressions=[exp.Star()] if star else plain,
        from_=exp.From(this=inner.subquery("computed")),
        where=clause_of(exp.Where, asked),
    )
    for name, value in (("with_", with_), ("order", order), ("limit", limit), ("offset", offset)):
        outer.set(name, value)
    if tree.args.get("distinct") is not None:
        outer.set("distinct", exp.Distinct())
    return outer


def _free(name: str, taken: set[str]) -> str:
    while name.lower() in taken:
        name += "_"
    taken.add(name.lower())
    return name


def _asked(draft: Examined, part: exp.Expr, inner: exp.Select, taken: set[str]) -> exp.Expr:
    """A condition as it is asked of the finished rows: windows and columns by the names they get there."""
    aliases = {id(column) for column, _ in named_items(draft, part, exp.Window)}
    is_alias = [id(column) in aliases for column in part.find_all(exp.Column)]
    holder = exp.Paren(this=part.copy())
    copies = list(holder.find_all(exp.Column))
    for column, named in zip(copies, is_alias, strict=True):
        if not named and column.find_ancestor(exp.Window) is None:
            column.replace(_kept(column, inner, taken))
    for window in list(holder.find_all(exp.Window)):
        window.replace(_kept(window, inner, taken))
    this: exp.Expr = holder.this
    return this


def _kept(value: exp.Expr, inner: exp.Select, taken: set[str]) -> exp.Expr:
    """The name under which the inner query gives a value; selected along where it is not yet."""
    for item in inner.expressions:
        if plain_item(item).sql().lower() == value.sql().lower() and item.alias_or_name:
            return exp.column(item.alias_or_name)
    name = _free(f"value_{len(inner.expressions) + 1}", taken)
    inner.set("expressions", [*inner.expressions, exp.alias_(value.copy(), name)])
    return exp.column(name)
