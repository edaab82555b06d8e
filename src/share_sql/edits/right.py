"""A right query with what is drawn from to make it wrong, for `edits.spoil`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from sqlglot import exp

from share_sql.edits.edit import put
from share_sql.query.examined import Examined
from share_sql.schema.model import ColumnName
from share_sql.sql.scopes import Bound

Literals: TypeAlias = Mapping[ColumnName, Sequence["str | int | float"]]
"""Constants that queries compare each column with, to draw others from."""

_T = TypeVar("_T")
New: TypeAlias = "exp.Expr | Sequence[exp.Expr] | None"
"""What may stand in a node's place: one node, or one of several; None takes the node out."""


@dataclass(frozen=True)
class Right:
    """A right query with what is drawn from to make it wrong."""

    query: Examined
    """The query, its names bound."""
    rng: random.Random
    """Draws."""
    literals: Literals
    """Other constants by column."""

    @property
    def tree(self) -> exp.Query:
        """The query's tree."""
        return self.query.tree

    def columns(self, stands: Callable[[Bound], object] = bool) -> list[Bound]:
        """The columns of schema tables that stand where the test asks for them."""
        return [bound for bound in self.query.binding.names.values() if bound.key and stands(bound)]

    def own(self, clause: str = "") -> list[exp.Column]:
        """The columns that a query of one SELECT uses, where it has no such clause."""
        is_free = isinstance(self.tree, exp.Select) and self.tree.args.get(clause) is None
        return [b.node for b in self.columns(lambda b: b.scope.select is self.tree)] if is_free else []

    def pick(self, options: Sequence[_T]) -> _T | None:
        """Draw one; None where there is none."""
        return self.rng.choice(options) if options else None

    def put(self, places: Iterable[tuple[exp.Expr, New]]) -> exp.Query | None:
        """Draw a place, then what stands there; None where there is nothing to draw."""
        place = self.pick(list(places))
        if place is None or place[1] == []:
            return None
        node, new = place
        return put(self.query, node, self.rng.choice(new) if isinstance(new, Sequence) else new)


Spoil: TypeAlias = Callable[[Right], "exp.Query | None"]
"""Makes one kind of wrong query; None where the right one gives it nothing to work on."""


def each(new: Callable[[exp.Expr], New], *kinds: type[exp.Expr]) -> Spoil:
    """Change one of the nodes of some kinds for which there is something new; [] says that there is not."""
    return lambda right: right.put((n, f) for n in right.tree.find_all(*kinds) if (f := new(n)) != [])
