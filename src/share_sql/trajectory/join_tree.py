"""Join trees as data: tables, the edges between them, and the equalities these stand for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class JoinEdge:
    """Two tables joined by equality of columns."""

    table: str
    """The table that refers (has the foreign key)."""
    to_table: str
    """The table referred to."""
    pairs: tuple[tuple[str, str], ...]
    """Column of `table` and column of `to_table`; several for a compound key."""
    declared: bool = True
    """False where the key is not declared but guessed: an equal name that is a primary key on one side."""

    def __str__(self) -> str:
        return " and ".join(f"{self.table}.{a} = {self.to_table}.{b}" for a, b in self.pairs)

    @cached_property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Its columns as (table, column), lower case."""
        return frozenset().union(*self.conditions)

    @cached_property
    def conditions(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its equalities as unordered pairs of (table, column), lower case."""
        return frozenset(
            frozenset(((self.table.lower(), a.lower()), (self.to_table.lower(), b.lower())))
            for a, b in self.pairs
        )


@dataclass(frozen=True)
class JoinTree:
    """Tables in the order to join them, and the edges that do it."""

    tables: tuple[str, ...]
    """Names as the schema spells them; the first is the FROM."""
    edges: tuple[JoinEdge, ...]
    """One fewer than tables; the i-th joins the (i+1)-th table to one before it."""

    @cached_property
    def conditions(self) -> frozenset[frozenset[tuple[str, str]]]:
        """All equalities, as in JoinEdge.conditions."""
        return frozenset().union(*(edge.conditions for edge in self.edges))
