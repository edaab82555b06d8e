"""Which tables and columns a query reads: linked columns, by resolving each name in its scope.

Names are resolved as SQLite resolves them (sqlite.org/lang_select.html and resolve.c's rules): aliases,
nested queries and correlation, CTEs (recursive, forward references), output columns of derived tables,
USING and NATURAL, result aliases in WHERE, GROUP BY, HAVING and ORDER BY, `rowid`, and double-quoted
names that are no column and therefore text. What SQLite would refuse is reported, not guessed.

The work is in `resolver.py`; here are its results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from share_sql.schema.model import ColumnName, ColumnSet, Schema

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class UnknownColumn:
    """A column name that nothing in scope has."""

    table: str | None
    """The qualifier as written (a table's name or alias); None where there is none."""
    column: str
    """The name as written, without quotes."""
    scope_tables: tuple[str, ...]
    """What is in scope, the innermost query's first: schema tables by the schema's spelling, derived
    tables and CTEs by the name they have in the query (empty for a nameless one)."""
    scope_names: tuple[str, ...] = ()
    """What each of `scope_tables` is called in the query: its alias, or its own name."""
    real_table: str | None = None
    """The schema table that the qualifier stands for; None where it stands for none."""
    node: exp.Column | None = field(default=None, repr=False, compare=False)
    """The place in the tree, for repairs; None for a name in USING."""


@dataclass(frozen=True)
class AmbiguousColumn:
    """A column name that several sources in one scope have."""

    column: str
    """The name as written, without quotes."""
    tables: tuple[str, ...]
    """The sources that have it, as in `UnknownColumn.scope_tables`."""
    scope_names: tuple[str, ...] = ()
    """What each of `tables` is called in the query."""
    node: exp.Column | None = field(default=None, repr=False, compare=False)


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
    unknown_columns: tuple[UnknownColumn, ...] = ()
    ambiguous: tuple[AmbiguousColumn, ...] = ()
    literals: tuple[LiteralUse, ...] = ()
    outputs: tuple[tuple[str, ColumnName | None], ...] = ()
    """The result's columns: name (empty where it is an unnamed expression) and the schema column that
    it is a plain copy of, if any."""
    origins: Mapping[int, ColumnName] = field(default_factory=dict, repr=False, compare=False)
    """By `id()` of an `exp.Column` node of `tree`: the schema column it stands for."""
    tree: exp.Query | None = field(default=None, repr=False, compare=False)
    """The tree that was resolved."""

    def origin(self, node: exp.Expr) -> ColumnName | None:
        """The schema column that a column node of `tree` stands for; None for computed ones."""
        return self.origins.get(id(node))


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
    from share_sql.sqltext import parse_select

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
    from share_sql.schema.resolver import Resolver

    return Resolver(schema, text).run(tree)
