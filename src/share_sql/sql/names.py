"""Which tables and columns a query reads: linked columns, by resolving each name in its scope.

Names are resolved as the schema's database resolves them (what differs is in `dialects`): aliases,
nested queries and correlation, CTEs (recursive, forward references), output columns of derived tables,
USING and NATURAL, result aliases in WHERE, GROUP BY, HAVING and ORDER BY, `rowid`, and double-quoted
names that are no column and therefore text. What the database would refuse is reported, not guessed.

The entry point. The results' types are in `resolution.py`, the work is in `resolver.py`, which is imported
where it is used, as sqlglot is heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from share_sql.schema.model import ColumnSet, Schema
from share_sql.sql.resolution import Resolution

if TYPE_CHECKING:
    from sqlglot import exp


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
