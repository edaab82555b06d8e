"""What a repair is: one edit of the query's tree, with its kind and its reason."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True, eq=False)
class Edit:
    """One proposed change."""

    kind: str
    """Stable name of the kind of fault it mends; the judge's weights are kept by kind."""
    message: str
    """One line: what is wrong and what it is changed to."""
    tree: exp.Query
    """The whole query after the change; the draft's own tree is untouched."""


Pass: TypeAlias = Callable[[BoundQuery], Generator[Request, Response, Iterable[Edit]]]
"""A pass looks for one family of faults. It may yield Query and Lookup requests."""


def edited(draft: BoundQuery, node: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Query:
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


def put(draft: BoundQuery, node: exp.Expr, new: exp.Expr | None) -> exp.Query:
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
