"""What a change to a query is: a new tree, with its kind and its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from share_sql.query.examined import Examined
from share_sql.requests import Steps


@dataclass(frozen=True, eq=False)
class Edit:
    """One proposed change."""

    kind: str
    """Name of its kind, a row of `edits.table`; the judge's weights are kept by kind."""
    message: str
    """One line: what is wrong and what it is changed to."""
    tree: exp.Query
    """The whole query after the change; the draft's own tree is untouched."""


Look: TypeAlias = Callable[[Examined], Iterable[Edit]]
"""Finds changes of one family by looking at the query alone."""
Probe: TypeAlias = Callable[[Examined], Steps[list[Edit]]]
"""The same, with questions to the database on the way."""


def edited(draft: Examined, node: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Query:
    """Copy the query and apply `change` to the copy of `node`.

    `change` edits in place and returns None, or returns the replacement.
    """
    path = _path(node, draft.tree)
    copy: exp.Query = draft.tree.copy()
    target: exp.Expr = copy
    for key, index in path:
        value = target.args[key]
        target = value if index is None else value[index]
    new = change(target)
    if new is not None and new is not target:
        # No pass replaces the whole query this way: it would build the tree itself.
        assert target is not copy
        target.replace(new)
    return copy


def put(draft: Examined, node: exp.Expr, new: exp.Expr | None) -> exp.Query:
    """Copy the query with a copy of `new` in the place of `node`; None takes it out."""
    if new is None:
        return edited(draft, node, _take_out)
    return edited(draft, node, lambda _: new.copy())


def _take_out(node: exp.Expr) -> None:
    node.pop()


def _path(node: exp.Expr, root: exp.Expr) -> list[tuple[str, int | None]]:
    path: list[tuple[str, int | None]] = []
    while node is not root:
        assert node.parent is not None
        assert node.arg_key is not None
        path.append((node.arg_key, node.index))
        node = node.parent
    return path[::-1]


def plain_item(item: exp.Expr) -> exp.Expr:
    """An item of a select list without its alias."""
    return item.this if isinstance(item, exp.Alias) else item


def without_items(tree: exp.Select, places: Iterable[int]) -> exp.Select:
    """A copy of a SELECT without some of its output columns.

    Where a dropped column's alias is used in GROUP BY, HAVING or ORDER BY, its value is put there.
    """
    gone = set(places)
    new = tree.copy()
    new.set("expressions", [kept for at, kept in enumerate(new.expressions) if at not in gone])
    for at in sorted(gone):
        item = tree.expressions[at]
        clauses = [new.args.get(key) for key in ("group", "having", "order")] if item.alias else []
        for clause in clauses:
            for column in list(clause.find_all(exp.Column)) if clause is not None else ():
                if not column.table and column.name.lower() == item.alias.lower():
                    column.replace(plain_item(item).copy())
    return new
