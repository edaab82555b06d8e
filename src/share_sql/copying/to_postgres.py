"""A copy in PostgreSQL: one transaction, rows by COPY, keys once all rows are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from share_sql.copying.plan import Kind, PlannedTable
from share_sql.copying.read import Value
from share_sql.copying.target import listed
from share_sql.database.address import address_of
from share_sql.errors import DatabaseUnreadable

_TYPES: Mapping[Kind, str] = MappingProxyType({
    "integer": "bigint", "real": "double precision", "text": "text", "blob": "bytea", "date": "date",
    "moment": "timestamp",
})  # fmt: skip


class PostgresTarget:
    """A PostgreSQL database that is being written; see `target.Target`."""

    longest_name = 63
    takes_nul = False

    def __init__(self, url: str, shown: str) -> None:
        """Connect. Raises DatabaseUnreadable."""
        import psycopg

        self.failures: tuple[type[Exception], ...] = (psycopg.Error,)
        # What is no URL is refused without a word of it; the driver's message may quote it.
        address_of(url, "PostgreSQL")
        try:
            self._connection: psycopg.Connection[Any] = psycopg.connect(
                url, connect_timeout=10, application_name="share"
            )
        except psycopg.Error as error:
            raise DatabaseUnreadable(f"{shown}: {' '.join(str(error).split())}") from None

    def name_size(self, name: str) -> int:
        """Bytes."""
        return len(name.encode())

    def taken(self, names: Sequence[str]) -> list[str]:
        """In the schema in which tables are made."""
        rows = self._connection.execute(
            "SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
            "ON n.oid = c.relnamespace WHERE c.relname = ANY(%s) AND n.nspname = pg_catalog.current_schema() "
            "ORDER BY 1",
            (list(names),),
        )
        return [name for (name,) in rows]

    def drop(self, names: Sequence[str]) -> None:
        """In one statement, so that keys between them are no hindrance."""
        self._run(f"DROP TABLE {listed(names)}")

    def fitted(self, tables: tuple[PlannedTable, ...], notes: list[str]) -> tuple[PlannedTable, ...]:
        """As they are."""
        return tables

    def make(self, table: PlannedTable) -> None:
        """Without keys, which are quicker made once the rows are there."""
        parts = [
            f"{listed([column.name])} {_TYPES[column.kind]}{' NOT NULL' if column.not_null else ''}"
            for column in table.columns
        ]
        self._run(f"CREATE TABLE {listed([table.name])} ({', '.join(parts)})")

    def write(self, table: PlannedTable, batches: Iterable[list[tuple[Value, ...]]]) -> int:
        """By COPY."""
        count = 0
        names = listed(column.name for column in table.columns)
        sql = f"COPY {listed([table.name])} ({names}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            for batch in batches:
                for row in batch:
                    copy.write_row(row)
                count += len(batch)
        return count

    def keys(self, table: PlannedTable, notes: list[str]) -> None:
        """Each by itself: one that cannot be made is left out."""
        if table.primary_key:
            self._add(table, f"PRIMARY KEY ({listed(table.primary_key)})", notes)
        for columns in table.unique:
            self._add(table, f"UNIQUE ({listed(columns)})", notes)

    def links(self, table: PlannedTable, notes: list[str]) -> None:
        """Likewise."""
        for key in table.foreign_keys:
            target = f"{listed([key.to_table])} ({listed(key.to_columns)})"
            self._add(table, f"FOREIGN KEY ({listed(key.columns)}) REFERENCES {target}", notes)

    def commit(self) -> None:
        """Commit, and count the rows for the planner."""
        self._connection.commit()
        self._connection.autocommit = True
        self._run("ANALYZE")

    def undo(self, made: Sequence[str]) -> None:
        """Roll back."""
        self._connection.rollback()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _add(self, table: PlannedTable, constraint: str, notes: list[str]) -> None:
        import psycopg

        try:
            with self._connection.transaction():
                self._run(f"ALTER TABLE {listed([table.name])} ADD {constraint}")
        except (psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.OperationalError) as error:
            if self._connection.closed:
                raise
            notes.append(f"{table.name}: {constraint} is left out, {' '.join(str(error).split())}")

    def _run(self, sql: str) -> None:
        self._connection.execute(sql.encode())
