"""What a repair is: one edit of the query's tree, with its kind and its reason."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from share_sql.evidence.bind import Binding, bind
from share_sql.stages.stage import Request, Response

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.database.base import QueryResult
    from share_sql.errors import QueryError
    from share_sql.evidence.weights import Weights
    from share_sql.schema.model import Schema


UNBOUND = frozenset({"unknown", "ambiguous", "unknown-source"})
"""States of a column reference that keep a query from running."""


@dataclass(eq=False)
class Draft:
    """A query under repair."""

    tree: exp.Query
    """The parsed query; passes copy it before they change it."""
    schema: Schema
    question: str
    evidence: str
    outcome: QueryResult | QueryError | None = None
    """What running it gave; None where there is no database (static use)."""
    weights: Weights | None = None
    """Calibrated weights; None while calibrating what does not need them."""
    binding: Binding = field(init=False)

    def __post_init__(self) -> None:
        self.binding = bind(self.tree, self.schema)

    @property
    def faults(self) -> int:
        """How many names do not bind."""
        unbound = sum(bound.status in UNBOUND for bound in self.binding.columns)
        return unbound + len(self.binding.unknown_tables)


@dataclass(frozen=True, eq=False)
class Edit:
    """One proposed change."""

    kind: str
    """Stable name of the kind of fault it mends; the judge's weights are kept by kind."""
    message: str
    """One line: what is wrong and what it is changed to."""
    tree: exp.Query
    """The whole query after the change; the draft's own tree is untouched."""


Pass: TypeAlias = Callable[[Draft], Generator[Request, Response, Iterable[Edit]]]
"""A pass looks for one family of faults. It may yield Query and Lookup requests."""


def edited(draft: Draft, node: exp.Expr, change: Callable[[exp.Expr], exp.Expr | None]) -> exp.Query:
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


def _path(node: exp.Expr, root: exp.Expr) -> list[tuple[str, int | None]]:
    path: list[tuple[str, int | None]] = []
    while node is not root:
        assert node.parent is not None
        assert node.arg_key is not None
        path.append((node.arg_key, node.index))
        node = node.parent
    return path[::-1]
