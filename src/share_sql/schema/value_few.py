"""Value indexes of a few columns of a large schema on a server, read when they are asked for.

Reading every column of thousands of tables takes many seconds, and most questions are about columns that a
query names. Part of `values`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.dialects import dialect_of
from share_sql.schema.model import ColumnName, ColumnSet
from share_sql.schema.value_scan import ScannedColumn, scan
from share_sql.schema.value_sql import Size, sizes
from share_sql.schema.value_store import MemoryStore
from share_sql.schema.values import ValueIndex

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.schema.model import Schema

MANY_COLUMNS = 1_000
"""A schema with no more columns than this is indexed as a whole."""
FEW_COLUMNS = 64
"""Columns that are read for one question at most."""
_MOST_VALUES = 1_000_000
"""Values that are kept; beyond, what was read is forgotten."""


class FewColumns:
    """Indexes of those columns of a database that were asked for."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._schema = schema
        self._sizes: dict[tuple[object, object], Size] | None = None
        self._read: dict[ColumnName, ScannedColumn] = {}
        self._indexes: dict[ColumnSet, ValueIndex] = {}

    @classmethod
    def fits(cls, database: Database, schema: Schema) -> bool:
        """Whether the database is a server's, with so many columns that reading all takes long."""
        many = sum(len(table.columns) for table in schema.tables) > MANY_COLUMNS
        return many and dialect_of(database.dialect).roles

    def index(self, columns: ColumnSet) -> ValueIndex | None:
        """The index of some columns; None where they are too many.

        Raises:
            DatabaseError: the database cannot be read.
        """
        columns = self._named(columns)
        if len(columns) > FEW_COLUMNS:
            return None
        if columns not in self._indexes:
            self._scan(columns - self._read.keys())
            read = [self._read[name] for name in sorted(columns) if name in self._read]
            self._indexes[columns] = ValueIndex(MemoryStore(read))
        return self._indexes[columns]

    def _scan(self, columns: ColumnSet) -> None:
        if not columns:
            return
        if sum(len(column.values) for column in self._read.values()) > _MOST_VALUES:
            self._read.clear()
            self._indexes.clear()
        if self._sizes is None:
            self._sizes = sizes(self._database)
        tables = tuple(
            replace(
                table,
                columns=tuple(each for each in table.columns if ColumnName(table.name, each.name) in columns),
            )
            for table in map(self._schema.table, sorted({name.table for name in columns}))
            if table is not None
        )
        for column in scan(
            self._database, replace(self._schema, tables=tables, foreign_keys=()), self._sizes
        ):
            self._read[ColumnName(column.table, column.column)] = column

    def _named(self, columns: ColumnSet) -> ColumnSet:
        """Columns as the schema spells them, `*` written out; without those that it does not have."""
        names = set()
        for name in columns:
            table = self._schema.table(name.table)
            if table is None:
                continue
            found = table.columns if name.column == "*" else (table.column(name.column),)
            names |= {ColumnName(table.name, column.name) for column in found if column is not None}
        return frozenset(names)
