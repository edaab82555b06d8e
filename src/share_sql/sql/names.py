"""Which tables and columns a query reads: linked columns, by resolving each name in its scope.

Names are resolved as SQLite resolves them (sqlite.org/lang_select.html and resolve.c's rules): aliases,
nested queries and correlation, CTEs (recursive, forward references), output columns of derived tables,
USING and NATURAL, result aliases in WHERE, GROUP BY, HAVING and ORDER BY, `rowid`, and double-quoted
names that are no column and therefore text. What SQLite would refuse is reported, not guessed.

The work is in `resolver.py`; here are its results.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from share_sql.schema.model import ColumnName, ColumnSet, Schema

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.sql.scopes import Bound, Scope, Source


@dataclass(frozen=True)
class LiteralUse:
    """A comparison of a schema column with a constant."""

    table: str
    """The column's own table, through aliases and derived tables, as the schema spells it."""
    column: str
    op: str
    """`=`, `!=`, `<`, `<=`, `>`, `>=`, `is`, `is not`, `[not] like`, `[not] glob`, `[not] in`,
    `[not] between`; read from the column's side (`5 < x` is `>`). IN and BETWEEN give one use a constant."""
    value: str | int | float
    """The constant; text without its quotes."""
    node: exp.Expr | None = field(default=None, repr=False, compare=False)
    """The constant's place in the tree, for repairs."""


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
    literals: tuple[LiteralUse, ...] = ()
    outputs: tuple[tuple[str, ColumnName | None], ...] = ()
    """The result's columns: name (empty where it is an unnamed expression) and the schema column that
    it is a plain copy of, if any."""
    scopes: tuple[Scope, ...] = field(default=(), repr=False, compare=False)
    """One for each SELECT that is read, each before those inside it."""
    names: dict[int, Bound] = field(default_factory=dict, repr=False, compare=False)
    """Each column reference, by `id()` of its `exp.Column` node in `tree`."""
    tree: exp.Query | None = field(default=None, repr=False, compare=False)
    """The tree that was resolved."""

    def origin(self, node: exp.Expr) -> ColumnName | None:
        """The schema column that a column node of `tree` stands for; None for computed ones."""
        name = self.names.get(id(node))
        return name.origin if name is not None else None


def linked_columns(sql: str, schema: Schema) -> ColumnSet:
    """The schema columns that a query reads.

    Args:
        sql: one SELECT.
        schema: the database's schema.

    Returns:
        The columns, as the schema spells them; see `Resolution.columns` for stars.

    Raises:
        SqlError: the text is not one readable SELECT.
    """
    return resolve(sql, schema).columns


def resolve(sql: str, schema: Schema) -> Resolution:
    """Parse a query and resolve every name in it.

    Args:
        sql: one SELECT.
        schema: the database's schema; its dialect decides how the text is read.

    Returns:
        The resolution; names that cannot be resolved are in it, they raise nothing.

    Raises:
        SqlError: the text is not one readable SELECT.
    """
    from share_sql.sql.text import parse_select

    return resolve_tree(parse_select(sql, schema.dialect), schema, sql)


def resolve_tree(tree: exp.Query, schema: Schema, text: str | None = None) -> Resolution:
    """Resolve every name in a parsed query. The tree is left as it is.

    Args:
        tree: as `sqltext.parse_select` gives it, not qualified.
        schema: the database's schema.
        text: the SQL that the tree was parsed from. With it, names in backticks or brackets, which are
            never text, are told from names in double quotes; without it all quoted names count as
            double-quoted.

    Returns:
        The resolution.
    """
    from share_sql.sql.resolver import Resolver

    return Resolver(schema, text).run(tree)
