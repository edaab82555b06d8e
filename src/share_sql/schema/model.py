"""A database's schema as data: tables, columns, keys, meanings.

Names are spelled as in the database; look-ups ignore case, as SQL does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

_WORD = re.compile(r"\w+")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _by_spelling(named: Sequence[_N]) -> dict[str, _N]:
    """By name, and by name in small letters, where the spelling itself goes first: some databases tell
    "Order" from "order"."""
    return {each.name.lower(): each for each in named} | {each.name: each for each in named}


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    """Name as the database spells it."""
    type: str = ""
    """Declared type as the database spells it (`INTEGER`, `varchar(20)`); empty where unknown."""
    nullable: bool = True
    primary_key: bool = False
    meaning: str | None = None
    """Description for people and models, in words; None where there is none."""
    allowed: tuple[str, ...] = ()
    """The values that an enumerated type or a check lets in, as text; empty where none is declared."""


@dataclass(frozen=True)
class Table:
    """One table or view."""

    name: str
    """Name as the database spells it; with its namespace before it, `sales.order`, where the name alone is
    not enough to read it. No two tables of a schema have the same."""
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    """Names of the key's columns, in key order."""
    is_view: bool = False
    namespace: str | None = None
    """The namespace (PostgreSQL and DuckDB: schema) it lies in; None where there is none to name."""

    @property
    def own(self) -> str:
        """Its name without a namespace."""
        prefix = f"{self.namespace}."
        return self.name.removeprefix(prefix) if self.namespace is not None else self.name

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return _by_spelling(self.columns)

    def column(self, name: str) -> Column | None:
        """The column of this name: of this very spelling, else case ignored; None where there is none."""
        return self._by_name.get(name) or self._by_name.get(name.lower())


@dataclass(frozen=True)
class ForeignKey:
    """`table.column` refers to `to_table.to_column`; a compound key is several, one a column pair."""

    table: str
    column: str
    to_table: str
    to_column: str
    group: int | None = None
    """Same number: parts of one compound key; None for a single-column key."""


@dataclass(frozen=True)
class Schema:
    """A database's tables and how they hang together."""

    name: str
    """The database's name (`db_id`)."""
    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    dialect: str = "sqlite"
    """sqlglot's name of the SQL dialect."""

    @cached_property
    def _by_name(self) -> Mapping[str, Table]:
        return _by_spelling(self.tables)

    @cached_property
    def key_pairs(self) -> frozenset[frozenset[tuple[str, str]]]:
        """The foreign keys as pairs of (table, column), whichever way round."""
        return frozenset(
            frozenset(((key.table, key.column), (key.to_table, key.to_column))) for key in self.foreign_keys
        )

    @cached_property
    def _owners(self) -> Mapping[str, tuple[Table, ...]]:
        owners: dict[str, list[Table]] = {}
        for table in self.tables:
            for column in table.columns:
                owners.setdefault(column.name.lower(), []).append(table)
        return {name: tuple(tables) for name, tables in owners.items()}

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tables and columns, in capitals; tables' without a namespace."""
        return frozenset(
            name.upper()
            for table in self.tables
            for name in (table.own, *(column.name for column in table.columns))
        )

    @cached_property
    def places(self) -> Mapping[tuple[str, str], int]:
        """The number of each column, by its table's name and its own, in schema order."""
        return {(table.name, column.name): at for at, (table, column) in enumerate(self.columns())}

    @cached_property
    def words(self) -> frozenset[str]:
        """The words in those names."""
        return frozenset(word for name in self.names for word in _WORD.findall(name))

    def table(self, name: str) -> Table | None:
        """The table of this name: of this very spelling, else case ignored; None where there is none."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def column(self, table: str, column: str) -> Column | None:
        """The column of this table, looked up as `table` does; None where either is missing."""
        found = self.table(table)
        return found.column(column) if found else None

    def tables_with(self, column: str) -> tuple[Table, ...]:
        """All tables that have a column of this name, in schema order."""
        return self._owners.get(column.lower(), ())

    def columns(self) -> Iterator[tuple[Table, Column]]:
        """Every column with its table, in schema order."""
        for table in self.tables:
            for column in table.columns:
                yield table, column


class SameSchema:
    """Wraps a schema so that a cache looks it up by identity: hashing a whole schema is slow."""

    __slots__ = ("schema",)

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameSchema) and self.schema is other.schema


@dataclass(frozen=True, order=True)
class ColumnName:
    """A column by name, as schema lists and linking speak of it."""

    table: str
    column: str
    """Column name, or `*`."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


ColumnSet = frozenset[ColumnName]
"""A set of columns, e.g. the draft's linked columns or an augmented schema."""


@dataclass(frozen=True)
class ValueMatch:
    """A stored value that is near a text."""

    table: str
    column: str
    value: str
    """As stored."""
    score: float
    """Likeness 0 to 100 (rapidfuzz ratio over case-folded text); 100 with equal spelling means stored so."""
