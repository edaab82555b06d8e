"""The databases an assistant may use: by name, with schema, column meanings and value index."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.database.address import dialect_at, shown
from share_sql.errors import DatabaseMissing, SchemaError

if TYPE_CHECKING:
    from share_sql.database.base import Database, Limits
    from share_sql.schema.model import ColumnName, ColumnSet, Schema, ValueMatch
    from share_sql.schema.value_few import FewColumns
    from share_sql.schema.values import ValueIndex


REFRESH_SECONDS = 10.0
"""How old the schema and the value index of a database that changes may be."""
REFRESH_SHARE = 0.05
"""The share of time that may go into reading them afresh: what takes a minute to read may be twenty old."""
_OPENING = 64
"""Databases that may be opened at once."""


@dataclass(frozen=True)
class Registration:
    """What is known of a database before it is opened."""

    where: str
    """Path or URL."""
    declared: Schema | None = None
    """Schema from a `tables.json`; completed from the live database."""
    meanings: Mapping[ColumnName, str] | None = None
    """Column meanings."""
    namespaces: tuple[str, ...] | None = None
    """The namespaces whose tables are seen; None: those that `introspect` takes by itself."""
    limits: Limits | None = None
    """Bounds that no query of a case on it may exceed; None: the stages' own alone."""
    cache: Path | None = None
    """Where its value index is kept; None: where the catalog keeps them."""


class OpenDatabase:
    """A database in use: connection, schema and, once asked for, its value index."""

    def __init__(
        self,
        name: str,
        database: Database,
        schema: Schema,
        cache: Path | None,
        fingerprint: str,
        limits: Limits | None = None,
        spent: float = 0.0,
    ) -> None:
        self.name = name
        """As the catalog knows it: a URL is without its password."""
        self.limits = limits
        """Bounds that no query of a case may exceed."""
        self.database = database
        self.schema = schema
        self.fingerprint = fingerprint
        """The database's, when it was opened."""
        self.state = state_of(database, schema, fingerprint)
        """What a case on it is said to have been done on; see `state_of`."""
        self.moved = False
        """Whether it was written to since: then the value index may lack what is there now."""
        self.users = 0
        """How many use it; the catalog counts."""
        self.spent = spent
        """Seconds that its schema took to read, and its value index to find or build."""
        self.turn = threading.Semaphore(database.parallel)
        """Held by whoever asks the database: it answers so many at a time."""
        self.indexing = threading.Semaphore()
        """Held by whoever asks for values before there is an index of them: one builds it."""
        self._cache = cache
        self._few: FewColumns | None = None
        self._lock = threading.Lock()

    @cached_property
    def _values(self) -> ValueIndex:
        from share_sql.schema.values import ValueIndex

        began = time.monotonic()
        index = ValueIndex.open(self.database, self.schema, self._cache)
        self.spent += time.monotonic() - began
        return index

    def look_up(self, text: str, columns: ColumnSet | None, limit: int) -> tuple[ValueMatch, ...]:
        """The stored values nearest to a text, best first; of columns that the index holds in part, the
        database itself is asked for the text.

        Returns:
            Matches as `ValueIndex.lookup` gives them. None at all where the index does not have the text, and
            the database cannot say in time whether such a column has it: then nothing is known.

        Raises:
            DatabaseError: the database cannot be asked.
        """
        from share_sql.schema.value_probe import with_unindexed

        index = (columns is not None and self._index_of(columns)) or self.values
        matches = index.lookup(text, columns=columns, limit=limit)
        if columns is None or not (unsure := columns if self.moved else index.partial(columns)):
            return matches
        return with_unindexed(self.database, self.schema, text, unsure, matches)[:limit]

    def _index_of(self, columns: ColumnSet) -> ValueIndex | None:
        """An index of these columns alone, where that of all is not there and takes long to build."""
        from share_sql.schema.value_few import FewColumns
        from share_sql.schema.values import ValueIndex

        with self._lock:
            if "_values" in self.__dict__:
                return None
            if self._few is None:
                if not FewColumns.fits(self.database, self.schema):
                    return None
                found = ValueIndex.find(self.database, self.schema, self._cache)
                if found is not None:
                    self.__dict__["_values"] = found
                    return None
                self._few = FewColumns(self.database, self.schema)
            return self._few.index(columns)

    @property
    def indexed(self) -> bool:
        """Whether the value index is there."""
        return "_values" in self.__dict__

    @property
    def values(self) -> ValueIndex:
        """The value index; built, or found in the cache folder, on first use and after damage."""
        with self._lock:
            if self.indexed and self._values.damaged:
                self._values.close()
                del self._values
            return self._values

    def close(self) -> None:
        """Give connection and index back; may be called twice."""
        if self.indexed:
            self._values.close()
        self.database.close()


def state_of(database: Database, schema: Schema, fingerprint: str) -> str:
    """What a case on a database is said to have been done on, so that it can be told when to do it again.

    Of a file that is its content. A server's content changes all the time, and its schema stands for it:
    nobody wants a run done again for each row that somebody adds.
    """
    if not database.live:
        return fingerprint
    columns = [(table.name, column.name, column.type) for table, column in schema.columns()]
    said = repr((database.name, columns, schema.foreign_keys))
    return "schema-" + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


class Catalog:
    """Names databases and opens them when a case needs one. Safe for threads.

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
        self._seen: set[str] = set()
        self._refreshed: dict[str, float] = {}
        self.restless: set[str] = set()
        """Names of databases that changed again and again while a case was under way."""
        self._lock = threading.Lock()
        # One database is opened by one thread, others beside it; a lock a name would be kept for ever.
        self._opening = tuple(threading.Lock() for _ in range(_OPENING))

    def add(
        self,
        name: str,
        where: str | Path,
        declared: Schema | None = None,
        meanings: Mapping[ColumnName, str] | None = None,
        *,
        namespaces: Iterable[str] | None = None,
        limits: Limits | None = None,
        cache: Path | None = None,
    ) -> None:
        """Register a database under a name; a second call with the name replaces the first.

        Args:
            name: what cases call it; a URL is known by what it is without its password as well.
            where: path or URL.
            declared: its schema from a `tables.json`.
            meanings: its column meanings.
            namespaces: see tables of these alone.
            limits: no query of a case on it may take more time, rows or bytes.
            cache: where its value index is kept, so that it can be deleted with the database; None for the
                catalog's folder.
        """
        only = tuple(namespaces) if namespaces is not None else None
        self._known[shown(name)] = Registration(str(where), declared, meanings, only, limits, cache)

    def remove(self, name: str) -> None:
        """Forget a registered database; who uses it now may go on, and the last one's `release` closes it.

        Raises:
            DatabaseMissing: no database of this name is registered.
        """
        name = shown(name)
        with self._lock:
            if self._known.pop(name, None) is None:
                raise DatabaseMissing(f"there is no database {name!r} to forget")
            opened = self._open.pop(name, None)
            self._seen.discard(name)
            self._refreshed.pop(name, None)
            self.restless.discard(name)
        if opened is not None and not opened.users:
            opened.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Registered names, in order of registration; URLs without their passwords."""
        return tuple(self._known)

    def registration(self, name: str) -> Registration | None:
        """What was registered under a name; None for one that stands for itself, a path or a URL."""
        return self._known.get(shown(name))

    def dialect(self, name: str) -> str:
        """sqlglot's name of the dialect of the database of this name, path or URL; it is not opened."""
        return dialect_at(self._registered(name).where).name

    def fingerprint(self, name: str) -> str:
        """The state that a database of this name, path or URL is in now (`OpenDatabase.state`).

        Raises:
            DatabaseMissing, DatabaseUnreadable: as `use`.
            QueryError, SchemaError: it cannot be read.
        """
        from share_sql.database.open import open_database

        known = self._registered(name)
        with open_database(known.where, name=shown(name)) as database:
            if not database.live:
                return database.fingerprint()
            return state_of(database, self._schema(database, known), "")

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
            self.release(opened)

    def acquire(self, name: str) -> OpenDatabase:
        """As `use`, for callers that cannot keep a block; `release` follows. It may wait for the database.

        Raises:
            DatabaseMissing, DatabaseUnreadable, SchemaError: as `use`.
        """
        named = shown(name) in self._known
        known = self._registered(name)
        name = shown(name)
        opened = self._take(name)
        if opened is not None:
            return opened
        with self._opening[hash(name) % _OPENING]:
            opened = self._take(name)
            if opened is None:
                opened = self._open_now(name, known)
                opened.users = 1
                with self._lock:
                    # Where it was forgotten meanwhile, it is this caller's alone.
                    if not named or self._known.get(name) is known:
                        self._open[name] = opened
                        self._seen.add(name)
        return opened

    def _take(self, name: str) -> OpenDatabase | None:
        """The database where it is open, with one user more."""
        with self._lock:
            opened = self._open.pop(name, None)
            if opened is not None:
                self._open[name] = opened  # last in order: used most recently
                opened.users += 1
            return opened

    def release(self, opened: OpenDatabase, *, broken: bool = False) -> None:
        """Give a database back, and close those that are idle and too many.

        Args:
            opened: from `acquire`.
            broken: it failed; whoever asks for its name next gets it opened afresh.
        """
        with self._lock:
            opened.users -= 1
            if broken and self._open.get(opened.name) is opened:
                del self._open[opened.name]
            idle = [name for name, each in self._open.items() if not each.users]
            closing = [self._open.pop(name) for name in idle[: max(0, len(self._open) - self._max_open)]]
            if not opened.users and self._open.get(opened.name) is not opened and opened not in closing:
                closing.append(opened)
        for each in closing:
            each.close()

    def seen(self, name: str) -> bool:
        """Whether a database of this name was open before."""
        return shown(name) in self._seen

    def outdated(self, name: str) -> bool:
        """Whether a database that has changed since it was opened is to be opened afresh: not more often than
        every `REFRESH_SECONDS`, nor than `REFRESH_SHARE` allows, since one that is written to all the time
        would be indexed for each case."""
        now = time.monotonic()
        name = shown(name)
        with self._lock:
            opened = self._open.get(name)
            pause = max(REFRESH_SECONDS, opened.spent / REFRESH_SHARE if opened is not None else 0.0)
            if now - self._refreshed.get(name, -pause) < pause:
                return False
            self._refreshed[name] = now
            return True

    def _registered(self, name: str) -> Registration:
        known = self._known.get(shown(name))
        if known is None:
            if not name.strip():
                raise DatabaseMissing("the case names no database; set its `database` field")
            known = Registration(name)
        return known

    def _open_now(self, name: str, known: Registration) -> OpenDatabase:
        from share_sql.database.open import open_database

        began = time.monotonic()
        database = open_database(known.where, name=name)
        try:
            fingerprint = database.fingerprint()  # first, so that a change from now on shows
            schema = self._schema(database, known)
        except BaseException:
            database.close()
            raise
        spent = time.monotonic() - began
        cache = known.cache or self._cache
        return OpenDatabase(name, database, schema, cache, fingerprint, known.limits, spent)

    @staticmethod
    def _schema(database: Database, known: Registration) -> Schema:
        """The schema of an open database, completed with what was registered of it."""
        from share_sql.schema.introspect import introspect, merge
        from share_sql.schema.meanings import with_meanings

        schema = introspect(database, known.namespaces)
        if known.declared is not None:
            schema = merge(schema, known.declared)
        if not schema.tables:
            raise SchemaError(f"the database {database.name} holds no tables; check that it is the right one")
        return with_meanings(schema, known.meanings) if known.meanings else schema

    def close(self) -> None:
        """Close every database, those in use too: their queries end. May be called twice."""
        with self._lock:
            closing = list(self._open.values())
            self._open.clear()
        for opened in closing:
            opened.close()
