"""What resolving a query's names gives: its linked columns, and what each name in it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from share_sql.schema.model import ColumnName, ColumnSet

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.sql.scopes import Bound, Cte, Scope, Source


@dataclass(frozen=True)
class Resolution:
    """What a query's names stand for."""

    columns: ColumnSet
    """The linked columns, as the schema spells them. `table.*` stands for a star in a select list, and
    for a table from which no column is read (`SELECT count(*) FROM table`), so that it is not lost."""
    tables: tuple[str, ...]
    """The schema tables read, in order of first appearance."""
    unknown_tables: tuple[str, ...] = ()
    """Tables that the schema has not, as written. Their columns are not reported as unknown."""
    unknown_sources: tuple[Source, ...] = ()
    """The places in the query that name them."""
    unknown_columns: tuple[Bound, ...] = ()
    """Column names that nothing in scope has."""
    ambiguous: tuple[Bound, ...] = ()
    """Column names that several sources in one scope have."""
    outputs: tuple[tuple[str, ColumnName | None], ...] = ()
    """The result's columns: name (empty where it is an unnamed expression) and the schema column that
    it is a plain copy of, if any."""
    scopes: tuple[Scope, ...] = field(default=(), repr=False, compare=False)
    """One for each SELECT that is read, each before those inside it."""
    arms: dict[int, Scope] = field(default_factory=dict, repr=False, compare=False)
    """The scope of each SELECT and each VALUES that stands for one, by `id()` of its node in `tree`."""
    sources: dict[int, Source] = field(default_factory=dict, repr=False, compare=False)
    """What each item of a FROM clause, and the table in `x IN table`, stands for, by `id()` of its node."""
    ctes: dict[int, Cte] = field(default_factory=dict, repr=False, compare=False)
    """The common table expressions, by `id()` of the node of their query."""
    names: dict[int, Bound] = field(default_factory=dict, repr=False, compare=False)
    """Each column reference, by `id()` of its `exp.Column` node in `tree`."""
    unread: dict[int, Bound] = field(default_factory=dict, repr=False, compare=False)
    """The same for common table expressions that nothing reads, which have no part in the rest."""
    tree: exp.Query | None = field(default=None, repr=False, compare=False)
    """The tree that was resolved."""

    def correlated(self, query: exp.Expr) -> bool:
        """Whether a query of `tree`, or one inside it, refers to a query around it."""
        while True:
            scope = self.arms.get(id(query))
            if scope is not None:
                return scope.correlated
            right = query.args.get("expression")
            if right is not None and self.correlated(right):
                return True
            inner = query.args.get("this")
            if inner is None or isinstance(inner, str):
                return False
            query = inner

    def origin(self, node: exp.Expr) -> ColumnName | None:
        """The schema column that a column node of `tree` stands for; None for computed ones."""
        name = self.names.get(id(node))
        return name.origin if name is not None else None
