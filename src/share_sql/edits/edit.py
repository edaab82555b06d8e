"""What a change to a query is: a new tree, with its kind and its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

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
    made: exp.Query | Callable[[], exp.Query]
    """The whole query after the change, or what makes it: of many changes only those tried are made."""
    certain: bool = False
    """The fault is one whatever the data are: that zero comes out does not speak against its mend."""

    @cached_property
    def tree(self) -> exp.Query:
        """The whole query after the change; the draft's own tree is untouched."""
        return self.made if isinstance(self.made, exp.Query) else self.made()


Look: TypeAlias = Callable[[Examined], Iterable[Edit]]
"""Finds changes of one family by looking at the query alone."""
Probe: TypeAlias = Callable[[Examined], Steps[list[Edit]]]
"""The same, with questions to the database on the way."""
Node = TypeVar("Node", bound=exp.Expr)
"""Some kind of node."""


def edited(draft: Examined, node: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Query:
    """Copy the query and apply `change` to the copy of `node`.

    `change` edits in place and returns None, or returns the replacement.
    """
    copy: exp.Query = draft.tree.copy()
    target = twin(node, draft.tree, copy)
    new = change(target)
    if new is not None and new is not target:
        # No pass replaces the whole query this way: it would build the tree itself.
        assert target is not copy
        target.replace(new)
    return copy


def put(draft: Examined, node: exp.Expr, new: exp.Expr | None) -> exp.Query:
    """Copy the query with a copy of `new` in the place of `node`; None takes it out."""
    return edited(draft, node, lambda old: old.pop() if new is None else new.copy())


def twin(node: exp.Expr, root: exp.Expr, copy: exp.Expr) -> exp.Expr:
    """The node that stands in a copy of the tree `root` where `node` stands in the tree."""
    path: list[tuple[str, int | None]] = []
    while node is not root:
        assert node.parent is not None
        assert node.arg_key is not None
        path.append((node.arg_key, node.index))
        node = node.parent
    for key, index in reversed(path):
        value = copy.args[key]
        copy = value if index is None else value[index]
    return copy


def with_columns(tree: exp.Query) -> tuple[exp.Query, list[tuple[exp.Column, exp.Column]]]:
    """A copy of a tree, and each column of the tree with its copy."""
    copy = tree.copy()
    return copy, list(zip(list(tree.find_all(exp.Column)), list(copy.find_all(exp.Column)), strict=True))


def changed(node: Node, **args: object) -> Node:
    """A copy of a node with other arguments, which are copied too."""
    new = node.copy()
    for key, value in args.items():
        if isinstance(value, list):
            new.set(key, [part.copy() for part in value])
        else:
            new.set(key, value.copy() if isinstance(value, exp.Expr) else value)
    return new


def plain_item(item: exp.Expr) -> exp.Expr:
    """An item of a select list without its alias."""
    return item.this if isinstance(item, exp.Alias) else item


def without_items(tree: exp.Select, places: Iterable[int]) -> exp.Select:
    """A copy of a SELECT without some of its output columns.

    Where a dropped column's alias is used in GROUP BY, HAVING or ORDER BY, its value is put there.
    """
    gone = set(places)
    new = changed(tree, expressions=[kept for at, kept in enumerate(tree.expressions) if at not in gone])
    for at in sorted(gone):
        item = tree.expressions[at]
        clauses = [new.args.get(key) for key in ("group", "having", "order")] if item.alias else []
        for clause in clauses:
            for column in list(clause.find_all(exp.Column)) if clause is not None else ():
                if not column.table and column.name.lower() == item.alias.lower():
                    column.replace(plain_item(item).copy())
    return new
