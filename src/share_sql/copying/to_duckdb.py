"""A copy in a DuckDB file: one transaction.

DuckDB makes foreign keys with the table or never, and checks each as its row comes. So tables are made in the
order of their keys, and keys that go round in circles are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from share_sql.copying.plan import Kind, PlannedTable
from share_sql.copying.read import Value
from share_sql.copying.target import listed
from share_sql.errors import DatabaseUnreadable

_TYPES: Mapping[Kind, str] = MappingProxyType({
    "integer": "BIGINT", "real": "DOUBLE", "text": "VARCHAR", "blob": "BLOB", "date": "DATE",
    "moment": "TIMESTAMP",
})  # fmt: skip


class DuckdbTarget:
    """A DuckDB file that is being written; see `target.Target`."""

    longest_name = 1_000_000
    takes_nul = True

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises DatabaseUnreadable."""
        import duckdb

        self.failures: tuple[type[Exception], ...] = (duckdb.Error,)
        self._path = path
        self._is_new = not path.exists()
        try:
            self._connection: Any = duckdb.connect(str(path))
            self._connection.execute("BEGIN")
        except duckdb.Error as error:
            raise DatabaseUnreadable(f"{path} cannot be written: {' '.join(str(error).split())}") from None

    def name_size(self, name: str) -> int:
        """Characters."""
        return len(name)

    def taken(self, names: Sequence[str]) -> list[str]:
        """In the schema in which tables are made."""
        rows = self._connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
            "AND table_catalog = current_database()"
        ).fetchall()
        there = {str(name).lower() for (name,) in rows}
        return [name for name in names if name.lower() in there]

    def drop(self, names: Sequence[str]) -> None:
        """Those that others refer to go last."""
        rows = self._connection.execute(
            "SELECT table_name, referenced_table FROM duckdb_constraints() "
            "WHERE constraint_type = 'FOREIGN KEY' AND database_name = current_database()"
        ).fetchall()
        links = {(str(one).lower(), str(other).lower()) for one, other in rows if one != other}
        left = [name.lower() for name in names]
        while left:
            free = [name for name in left if not any(other == name and one in left for one, other in links)]
            for name in free or left:  # DuckDB says what is in the way
                self._connection.execute(f"DROP TABLE {listed([name])}")
            left = [name for name in left if name not in free]

    def fitted(self, tables: tuple[PlannedTable, ...], notes: list[str]) -> tuple[PlannedTable, ...]:
        """In the order of their keys, without those that go round in circles."""
        left = list(tables)
        ordered: list[PlannedTable] = []
        there: set[str] = set()
        while left:
            ready = [
                table for table in left
                if all(key.to_table in there for key in table.foreign_keys)
            ]  # fmt: skip
            if not ready:  # break the circle at the first table
                first = left[0]
                kept = tuple(key for key in first.foreign_keys if key.to_table in there)
                notes.extend(
                    f"{first.name}: the foreign key to {key.to_table} is left out, it goes round in a circle"
                    for key in first.foreign_keys
                    if key not in kept
                )
                left[0] = replace(first, foreign_keys=kept)
                ready = [left[0]]
            ordered += ready
            there |= {table.name for table in ready}
            left = [table for table in left if table.name not in there]
        return tuple(ordered)

    def make(self, table: PlannedTable) -> None:
        """With all keys."""
        parts = [
            f"{listed([column.name])} {_TYPES[column.kind]}{' NOT NULL' if column.not_null else ''}"
            for column in table.columns
        ]
        if table.primary_key:
            parts.append(f"PRIMARY KEY ({listed(table.primary_key)})")
        parts += [f"UNIQUE ({listed(columns)})" for columns in table.unique]
        parts += [
            f"FOREIGN KEY ({listed(key.columns)}) "
            f"REFERENCES {listed([key.to_table])} ({listed(key.to_columns)})"
            for key in table.foreign_keys
        ]
        self._connection.execute(f"CREATE TABLE {listed([table.name])} ({', '.join(parts)})")

    def write(self, table: PlannedTable, batches: Iterable[list[tuple[Value, ...]]]) -> int:
        """A list of values a column: one statement takes a batch."""
        count = 0
        marks = ", ".join(f"unnest(?::{_TYPES[column.kind]}[])" for column in table.columns)
        sql = f"INSERT INTO {listed([table.name])} SELECT {marks}"
        for batch in batches:
            self._connection.execute(sql, [list(values) for values in zip(*batch, strict=True)])
            count += len(batch)
        return count

    def keys(self, table: PlannedTable, notes: list[str]) -> None:
        """They are there."""

    def links(self, table: PlannedTable, notes: list[str]) -> None:
        """They are there."""

    def commit(self) -> None:
        """Commit, and write it all into the file."""
        self._connection.execute("COMMIT")
        self._connection.execute("CHECKPOINT")

    def undo(self, made: Sequence[str]) -> None:
        """Roll back; a new file goes."""
        self._connection.execute("ROLLBACK")
        self.close()
        if self._is_new:
            for path in (self._path, Path(f"{self._path}.wal")):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()
