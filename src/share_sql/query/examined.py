"""A query as the evidence and the repairs see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from share_sql.sql.names import resolve_tree
from share_sql.sql.resolution import Resolution

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.database.base import QueryResult
    from share_sql.errors import QueryError
    from share_sql.judgement.weights import Weights
    from share_sql.schema.model import Schema

UNBOUND = frozenset({"unknown", "ambiguous", "unknown-source"})
"""States of a column reference that keep a query from running."""


@dataclass(eq=False)
class BoundQuery:
    """A parsed query, its names bound, with the question it is to answer and what running it gave."""

    tree: exp.Query
    """The parsed query; passes copy it before they change it."""
    schema: Schema
    question: str
    evidence: str
    outcome: QueryResult | QueryError | None = None
    """What running it gave; None where there is no database (static use)."""
    weights: Weights | None = None
    """Calibrated weights; None while calibrating what does not need them."""
    binding: Resolution = field(init=False)

    def __post_init__(self) -> None:
        self.binding = resolve_tree(self.tree, self.schema)

    @property
    def faults(self) -> int:
        """How many names do not bind."""
        binding = self.binding
        return len(binding.unknown_sources) + len(binding.unknown_columns) + len(binding.ambiguous)
