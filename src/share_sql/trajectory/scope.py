"""What a name means at a place in SQL: sources, scopes, and the rules by which SQLite looks names up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from share_sql.schema.model import Table

ROWID_NAMES = frozenset(("rowid", "oid", "_rowid_"))
"""Names of a table's row number, unless it has a column of that name."""


@dataclass(slots=True)
class Source:
    """One member of a FROM clause."""

    name: str
    """What the SQL calls it: its alias, else its table's name."""
    qualifier: str
    """What the trajectory calls it in front of a column."""
    table: Table | None
    """The schema's table; None for derived tables, functions and unknown tables."""
    columns: tuple[str, ...] | None
    """Output columns in order; None where they are not known."""
    by_name: dict[str, str] = field(default_factory=dict)
    """Lower-case column name to its spelling; filled for sources other than the schema's tables."""

    def column(self, name: str) -> str | None:
        """The column's spelling; None where the source has no such column."""
        if self.table is not None:
            column = self.table.column(name)
            return column.name if column else None
        return self.by_name.get(name.lower())


def derived(name: str, columns: tuple[str, ...] | None) -> Source:
    """A source with these output columns."""
    return Source(name, name, None, columns, {c.lower(): c for c in columns or ()})


@dataclass(slots=True)
class Scope:
    """The names visible in one SELECT; `parent` is the query around it."""

    parent: Scope | None
    sources: list[Source] = field(default_factory=list)
    aliases: dict[str, Any] = field(default_factory=dict)
    """Lower-case output name to its expression in the SQL's tree."""
    ctes: dict[str, Cte] = field(default_factory=dict)
    windows: dict[str, Any] = field(default_factory=dict)
    correlated: bool = False
    """True where something in it, or in a query within it, refers to a query around it."""
    expanding: set[str] = field(default_factory=set)
    """Aliases being expanded, so that one that names itself ends."""
    merged: bool = False
    """True where USING or NATURAL merges columns."""
    either: bool = False
    """True where they do so in a RIGHT or FULL join: a merged column is then neither side's own."""

    def outwards(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def cte(self, name: str) -> Cte | None:
        """The nearest common table expression of this name."""
        key = name.lower()
        for scope in self.outwards():
            if key in scope.ctes:
                return scope.ctes[key]
        return None

    def source(self, name: str, column: str = "") -> Source | None:
        """The nearest source of this name; marks every scope it looks out of as correlated.

        Where a query gives one alias twice, SQLite takes the one that has the column.
        """
        key = name.lower()
        for scope in self.outwards():
            found = [source for source in scope.sources if source.name.lower() == key]
            if found:
                self.mark(scope)
                having = [source for source in found if source.column(column) is not None]
                return (having or found)[0]
        return None

    def owner(self, column: str) -> Source | None:
        """The nearest source that has this column, by its own name or as a row number."""
        for scope in self.outwards():
            for source in scope.sources:
                if source.column(column) is not None:
                    self.mark(scope)
                    return source
        return None

    def mark(self, owner: Scope) -> None:
        """Mark this scope and those between it and the owner as correlated."""
        for scope in self.outwards():
            if scope is owner:
                return
            scope.correlated = True

    def taken(self) -> set[str]:
        """Qualifiers in use around this scope, lower case."""
        outer = self.parent.outwards() if self.parent else ()
        return {source.qualifier.lower() for scope in outer for source in scope.sources}


@dataclass(slots=True)
class Cte:
    """A common table expression: the step that holds it and its output columns."""

    step: str
    columns: tuple[str, ...] | None
