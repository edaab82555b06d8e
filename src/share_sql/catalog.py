"""The databases an assistant may use: by name, with schema, column meanings and value index."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.errors import DatabaseMissing, SchemaError

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.schema.model import ColumnName, Schema
    from share_sql.schema.values import ValueIndex


@dataclass(frozen=True)
class Registration:
    """What is known of a database before it is opened."""

    where: str
    """Path or URL."""
    declared: Schema | None = None
    """Schema from a `tables.json`; completed from the live database."""
    meanings: Mapping[ColumnName, str] | None = None
    """Column meanings."""


class OpenDatabase:
    """A database in use: connection, schema and, once asked for, its value index."""

    def __init__(self, database: Database, schema: Schema, cache: Path | None) -> None:
        self.database = database
        self.schema = schema
        self._cache = cache
        self._lock = threading.Lock()

    @cached_property
    def _values(self) -> ValueIndex:
        from share_sql.schema.values import ValueIndex

        return ValueIndex.open(self.database, self.schema, self._cache)

    @property
    def values(self) -> ValueIndex:
        """The value index; built, or found in the cache folder, on first use."""
        with self._lock:
            return self._values

    def close(self) -> None:
        """Give connection and index back."""
        if "_values" in self.__dict__:
            self._values.close()
        self.database.close()


class Catalog:
    """Names databases and opens them when a case needs one.

    At most `max_open` idle databases stay open; the one unused longest is closed first.

    Args:
        cache: folder for value indexes; None for the user's cache folder.
        max_open: databases kept open.
    """

    def __init__(self, cache: Path | None = None, max_open: int = 12) -> None:
        self._cache = cache
        self._max_open = max_open
        self._known: dict[str, Registration] = {}
        self._open: dict[str, OpenDatabase] = {}
        self._users: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        where: str | Path,
        declared: Schema | None = None,
        meanings: Mapping[ColumnName, str] | None = None,
    ) -> None:
        """Register a database under a name; a second call with the name replaces the first."""
        self._known[name] = Registration(str(where), declared, meanings)

    @property
    def names(self) -> tuple[str, ...]:
        """Registered names, in order of registration."""
        return tuple(self._known)

    def fingerprint(self, name: str) -> str:
        """The fingerprint that a database of this name, path or URL has now; its schema is not read.

        Raises:
            DatabaseMissing, DatabaseUnreadable: as `use`.
            QueryError: it cannot be read.
        """
        from share_sql.database.open import open_database

        with open_database(self._registered(name).where, name=name) as database:
            return database.fingerprint()

    @contextmanager
    def use(self, name: str) -> Iterator[OpenDatabase]:
        """Open (or reuse) the database of this name, path or URL for the length of the block.

        Raises:
            DatabaseMissing: the name is not registered and no such file exists.
            DatabaseUnreadable: it cannot be opened or read.
            SchemaError: it holds no tables.
        """
        opened = self.acquire(name)
        try:
            yield opened
        finally:
            for surplus in self.release(name):
                surplus.close()

    def acquire(self, name: str) -> OpenDatabase:
        """As `use`, for callers that cannot keep a block; `release` follows. It may wait for the database.

        Raises:
            DatabaseMissing, DatabaseUnreadable, SchemaError: as `use`.
        """
        with self._lock:
            self._users[name] = self._users.get(name, 0) + 1
            guard = self._locks.setdefault(name, threading.Lock())
        try:
            with guard:
                with self._lock:
                    opened = self._open.pop(name, None)
                opened = opened or self._open_now(name)
                with self._lock:
                    self._open[name] = opened  # last in order: used most recently
            return opened
        except BaseException:
            for surplus in self.release(name):
                surplus.close()
            raise

    def acquire_open(self, name: str) -> OpenDatabase | None:
        """As `acquire`, without waiting; None, with nothing to release, where it is not open yet."""
        with self._lock:
            opened = self._open.pop(name, None)
            if opened is not None:
                self._open[name] = opened
                self._users[name] = self._users.get(name, 0) + 1
            return opened

    def release(self, name: str) -> list[OpenDatabase]:
        """Give a database back; the databases that are idle and too many are the caller's to close."""
        with self._lock:
            self._users[name] -= 1
            idle = [key for key in self._open if not self._users.get(key)]
            surplus = idle[: max(0, len(self._open) - self._max_open)]
            return [self._open.pop(key) for key in surplus]

    def _registered(self, name: str) -> Registration:
        known = self._known.get(name)
        if known is None:
            if not name.strip():
                raise DatabaseMissing("the case names no database; set its `database` field")
            known = Registration(name)
        return known

    def _open_now(self, name: str) -> OpenDatabase:
        from share_sql.database.open import open_database
        from share_sql.schema.introspect import introspect, merge
        from share_sql.schema.meanings import with_meanings

        known = self._registered(name)
        database = open_database(known.where, name=name)
        try:
            schema = introspect(database)
            if known.declared is not None:
                schema = merge(schema, known.declared)
            if not schema.tables:
                raise SchemaError(f"the database {name} holds no tables; check that it is the right file")
            if known.meanings:
                schema = with_meanings(schema, known.meanings)
        except BaseException:
            database.close()
            raise
        return OpenDatabase(database, schema, self._cache)

    def close(self) -> None:
        """Close every database."""
        with self._lock:
            closing = list(self._open.values())
            self._open.clear()
        for opened in closing:
            opened.close()
