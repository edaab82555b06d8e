"""A copy in MySQL or MariaDB: rows by INSERT of many, foreign keys once all rows are there.

MySQL commits with each CREATE TABLE, so a copy that fails is taken back by dropping what it made. Texts have
the database's own collation, which for the most part takes capitals and small letters as the same; where that
would make two keys the same, those columns have a binary one. Columns in keys are VARCHAR: TEXT may not be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from share_sql.copying.plan import Kind, PlannedTable
from share_sql.copying.read import Value
from share_sql.copying.target import listed
from share_sql.database.address import address_of
from share_sql.errors import DatabaseUnreadable, UsageError

_TYPES: Mapping[Kind, str] = MappingProxyType({
    "integer": "bigint", "real": "double", "text": "text", "blob": "longblob", "date": "date",
    "moment": "datetime",
})  # fmt: skip
_OPTIONS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key")
_KEY_CHARACTERS = 768
"""InnoDB's keys have 3,072 bytes at most, and a character takes up to four."""
_TEXT_CHARACTERS = 16_383
"""TEXT has 65,535 bytes."""


class MysqlTarget:
    """A MySQL or MariaDB database that is being written; see `target.Target`."""

    longest_name = 64
    takes_nul = True

    def __init__(
        self, url: str, shown: str, same: Callable[[PlannedTable, Sequence[str]], bool] | None = None
    ) -> None:
        """Connect. `same` says whether keys in columns of a table differ in case or accents alone.

        Raises DatabaseUnreadable.
        """
        import pymysql

        self.failures: tuple[type[Exception], ...] = (pymysql.MySQLError,)
        self._same = same
        self._infinite: Counter[str] = Counter()
        self._binary: set[tuple[str, str]] = set()
        where = address_of(url, "MySQL")
        if not where.database:
            raise DatabaseUnreadable(
                f"{shown} names no database; give mysql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
        options = {name: where.options[name] for name in _OPTIONS if name in where.options}
        try:
            self._connection: Any = pymysql.connect(
                host=where.host or "localhost", port=where.port or 3306, user=where.user,
                password=where.password, database=where.database, charset="utf8mb4", autocommit=False,
                connect_timeout=10, local_infile=False, **options,
            )  # fmt: skip
        except pymysql.MySQLError as error:
            raise DatabaseUnreadable(f"{shown}: {error.args[-1]}") from None
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@character_set_database")
            # Elsewhere not every text can be stored.
            self._charset = "" if cursor.fetchone() == ("utf8mb4",) else " DEFAULT CHARACTER SET utf8mb4"
            # Others take texts as the same that differ in spaces at their ends.
            cursor.execute(
                "SELECT collation_name FROM information_schema.collations "
                "WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')"
            )
            self._collation = str((cursor.fetchone() or ("utf8mb4_bin",))[0])

    def name_size(self, name: str) -> int:
        """Characters."""
        return len(name)

    def taken(self, names: Sequence[str]) -> list[str]:
        """In the database of the connection."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = database()")
            there = {str(name).lower() for (name,) in cursor.fetchall()}
        return [name for name in names if name.lower() in there]

    def drop(self, names: Sequence[str]) -> None:
        """Keys between them are no hindrance; those of other tables are."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, referenced_table_name FROM information_schema.key_column_usage "
                "WHERE referenced_table_schema = database()"
            )
            dropped = {name.lower() for name in names}
            for table, target in cursor.fetchall():
                if target.lower() in dropped and table.lower() not in dropped:
                    raise UsageError(
                        f"{target} cannot be replaced: {table} refers to it; drop one of the two"
                    )
        self._run("SET foreign_key_checks = 0")
        self._run(f"DROP TABLE {_listed(names)}")
        self._run("SET foreign_key_checks = 1")

    def fitted(self, tables: tuple[PlannedTable, ...], notes: list[str]) -> tuple[PlannedTable, ...]:
        """Without keys that are too long."""
        fit = []
        for table in tables:
            if table.primary_key and self._is_long(table, table.primary_key):
                notes.append(f"{table.name}: the primary key is left out, it is too long for this database")
                table = replace(table, primary_key=())
            fit.append(table)
        by_name = {table.name: table for table in fit}
        kept = []
        for table in fit:
            keys = []
            for key in table.foreign_keys:
                target = by_name[key.to_table]
                is_key = key.to_columns in target.unique or set(key.to_columns) == set(target.primary_key)
                if (
                    is_key
                    and not self._is_long(table, key.columns)
                    and not self._is_long(target, key.to_columns)
                ):
                    keys.append(key)
                else:
                    notes.append(
                        f"{table.name}: the foreign key to {key.to_table} is left out, it is too long for "
                        "this database"
                    )
            unique = tuple(columns for columns in table.unique if not self._is_long(table, columns))
            kept.append(replace(table, foreign_keys=tuple(keys), unique=unique))
        self._tell_apart(kept, notes)
        return tuple(kept)

    def make(self, table: PlannedTable) -> None:
        """With its primary key."""
        keyed = {*table.primary_key, *(name for columns in table.unique for name in columns)}
        keyed |= {name for key in table.foreign_keys for name in key.columns}
        parts = []
        for column in table.columns:
            kind = _TYPES[column.kind]
            if column.kind == "text" and column.name in keyed:
                kind = f"varchar({max(1, column.longest)})"
            elif column.kind == "text" and column.longest > _TEXT_CHARACTERS:
                kind = "longtext"
            elif column.kind == "blob" and column.name in keyed:
                kind = f"varbinary({max(1, column.longest)})"
            if (table.name, column.name) in self._binary:
                kind += f" CHARACTER SET utf8mb4 COLLATE {self._collation}"
            parts.append(f"{_listed([column.name])} {kind}{' NOT NULL' if column.not_null else ' NULL'}")
        if table.primary_key:
            parts.append(f"PRIMARY KEY ({_listed(table.primary_key)})")
        parts += [f"UNIQUE ({_listed(columns)})" for columns in table.unique]
        self._run(f"CREATE TABLE {_listed([table.name])} ({', '.join(parts)}) ENGINE = InnoDB{self._charset}")

    def write(self, table: PlannedTable, batches: Iterable[list[tuple[Value, ...]]]) -> int:
        """Many rows in a statement."""
        count = 0
        marks = ", ".join(["%s"] * len(table.columns))
        sql = f"INSERT INTO {_listed([table.name])} VALUES ({marks})"  # noqa: S608 (quoted names)
        reals = [at for at, column in enumerate(table.columns) if column.kind == "real"]
        # PyMySQL reads % in a statement as a mark.
        sql = sql.replace(_listed([table.name]), _listed([table.name]).replace("%", "%%"))
        with self._connection.cursor() as cursor:
            for batch in batches:
                cursor.executemany(
                    sql, [self._finite(row, reals, table) for row in batch] if reals else batch
                )
                count += len(batch)
        return count

    def keys(self, table: PlannedTable, notes: list[str]) -> None:
        """They are there."""
        notes += [f"{where}: {count:,} infinite numbers are NULL" for where, count in self._infinite.items()]
        self._infinite.clear()

    def links(self, table: PlannedTable, notes: list[str]) -> None:
        """Each by itself: one that cannot be made is left out."""
        import pymysql

        for key in table.foreign_keys:
            target = f"{_listed([key.to_table])} ({_listed(key.to_columns)})"
            constraint = f"FOREIGN KEY ({_listed(key.columns)}) REFERENCES {target}"
            try:
                self._run(f"ALTER TABLE {_listed([table.name])} ADD {constraint}")
            except (pymysql.IntegrityError, pymysql.OperationalError, pymysql.InternalError) as error:
                if not self._connection.open:
                    raise
                notes.append(f"{table.name}: {constraint} is left out, {error.args[-1]}")

    def commit(self) -> None:
        """Commit."""
        self._connection.commit()

    def undo(self, made: Sequence[str]) -> None:
        """Drop what was made."""
        if made:
            self._connection.rollback()
            self.drop(made)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection.open:
            self._connection.close()

    def _finite(self, row: tuple[Value, ...], reals: Sequence[int], table: PlannedTable) -> tuple[Value, ...]:
        """MySQL's numbers know no infinity."""
        values = list(row)
        for at in reals:
            value = values[at]
            if isinstance(value, float) and not math.isfinite(value):
                values[at] = None
                self._infinite[f"{table.name}.{table.columns[at].name}"] += 1
        return tuple(values)

    def _run(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def _is_long(self, table: PlannedTable, names: Sequence[str]) -> bool:
        columns = [table.column(name) for name in names]
        return sum(each.longest for each in columns if each.kind in ("text", "blob")) > _KEY_CHARACTERS

    def _tell_apart(self, tables: Sequence[PlannedTable], notes: list[str]) -> None:
        """Give keys that differ in case alone a collation that tells them apart, and what refers to them."""
        by_name = {table.name: table for table in tables}
        for table in tables:
            for columns in filter(None, (table.primary_key, *table.unique)):
                texts = [name for name in columns if table.column(name).kind == "text"]
                if texts and self._same is not None and self._same(table, columns):
                    self._binary |= {(table.name, name) for name in texts}
                    said = "differ in case, accents or spaces at the end alone: they have a binary collation"
                    notes.append(f"{table.name}: keys in ({', '.join(columns)}) {said}")
        size = -1
        while size != len(self._binary):  # a key may refer to one that refers to another
            size = len(self._binary)
            for table in by_name.values():
                for key in table.foreign_keys:
                    for own, other in zip(key.columns, key.to_columns, strict=True):
                        pair = {(table.name, own), (key.to_table, other)}
                        self._binary |= pair if pair & self._binary else set()


def _listed(names: Iterable[str]) -> str:
    return listed(names, "`")
