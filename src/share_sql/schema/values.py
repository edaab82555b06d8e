"""The value index: which columns store a text, and how they spell it.

Built once per database, never in the user's database: small ones are read anew into memory each time,
which takes milliseconds, larger ones are kept as a file in the cache folder. How it works:
`value_store.py`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import time
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from share_sql.dialects import dialect_of
from share_sql.errors import DatabaseUnreadable, SchemaError
from share_sql.schema.model import ColumnName, ColumnSet, ValueMatch
from share_sql.schema.value_file import build_file, find_file, sole_builder
from share_sql.schema.value_scan import SMALL, scan
from share_sql.schema.value_sql import TEXT_SQL
from share_sql.schema.value_store import FORMAT, FileStore, MemoryStore, Store, write_store
from share_sql.schema.value_text import MAX_LENGTH, clean
from share_sql.waits import waiting

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.schema.model import Schema

_log = logging.getLogger(__name__)
_QUICK = 0.3
"""Seconds; what a server takes longer for is kept in a file, be it small."""
_DAMAGE = (sqlite3.DatabaseError, TypeError, ValueError)
"""What a look-up in a damaged file raises; the last two for fields of another kind or length."""


def default_cache() -> Path:
    """Where indexes are kept: `$XDG_CACHE_HOME/share-sql/values`, or the same below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    # A relative path must be ignored (XDG Base Directory Specification).
    root = Path(base) if base and os.path.isabs(base) else Path.home() / ".cache"
    return root / "share-sql" / "values"


class ValueIndex:
    """An index of the text values of a database. Safe to use from several threads."""

    def __init__(self, store: Store, path: Path | None = None) -> None:
        """Use `open` instead. `path` is the store's file, None for one in memory."""
        self._store = store
        self.path = path
        self.damaged = False
        """Whether a look-up found the file damaged; open it again then."""
        self._lock = Lock()
        self._numbers = {
            (column.table.lower(), column.column.lower()): number
            for number, column in enumerate(store.columns)
        }

    @classmethod
    def open(cls, database: Database, schema: Schema, cache: Path | None = None) -> ValueIndex:
        """Open the index of a database; build it where there is none, or a damaged or outdated one.

        Texts longer than 200 characters, blobs, numbers, dates and views are left out; of one column at most
        200,000 distinct texts are kept, and of a large table of a server a sample is read. `complete` and
        `partial` say what that means for a column.

        Args:
            database: an open connection. Not used after this call.
            schema: its schema, which says which columns to read.
            cache: the folder for index files; `default_cache()` by default. Where it cannot be
                written (no rights, a full disk), a large database's index is kept in memory, with a warning
                in the log.

        Returns:
            The index; close it after use.

        Raises:
            SchemaError: the database is of a dialect whose values cannot be indexed yet.
            DatabaseError: the database cannot be read.
        """
        if database.dialect not in TEXT_SQL:
            raise SchemaError(f"values of {database.name} cannot be indexed: dialect {database.dialect}")
        folder = cache or default_cache()
        key = _key(database, schema)
        found = find_file(folder, key)
        if found is not None:
            return cls(*found)
        with waiting(f"indexing the values of {database.name}"):
            return cls._build(database, schema, folder, key)

    @classmethod
    def find(cls, database: Database, schema: Schema, cache: Path | None = None) -> ValueIndex | None:
        """As `open`, where the index is in the cache folder already; else None. Raises DatabaseError."""
        found = find_file(cache or default_cache(), _key(database, schema))
        return None if found is None else cls(*found)

    @classmethod
    def _build(cls, database: Database, schema: Schema, folder: Path, key: str) -> ValueIndex:
        began = time.monotonic()
        columns = scan(database, schema)
        small, size = [], 0
        for column in columns:
            small.append(column)
            size += len(column.values)
            if size > SMALL:
                break
        else:
            if time.monotonic() - began < _QUICK or not dialect_of(database.dialect).roles:
                return cls(MemoryStore(small))
        try:
            everything = chain(small, columns)
            with sole_builder(folder, key):
                found = find_file(folder, key)  # another process may have built it meanwhile
                return cls(
                    *(
                        found
                        or build_file(folder, key, lambda connection: write_store(connection, everything))
                    )
                )
        except (OSError, sqlite3.Error) as error:
            message = "%s: the value index is kept in memory, %s cannot be written: %s"
            _log.warning(message, database.name, folder, error)
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        # The disk for temporary files may be the full one.
        connection.execute("PRAGMA temp_store = MEMORY")
        write_store(connection, scan(database, schema))
        return cls(FileStore(connection))

    def lookup(self, text: str, columns: ColumnSet | None = None, limit: int = 10) -> tuple[ValueMatch, ...]:
        """Find stored values that are spelled like a text, or nearly.

        Args:
            text: the text; of a longer one than 200 characters the beginning counts.
            columns: look only in these (`table.*` is the whole table); None for all.
            limit: how many matches at most.

        Returns:
            Matches, best first: exact spelling, then the same letters and digits in another case,
            spacing or punctuation, then by likeness, at least 40 of 100. The same value in several columns is
            several matches.

        Raises:
            DatabaseUnreadable: the index file was damaged since it was opened.
        """
        text = clean(text)[:MAX_LENGTH]
        numbers = self._wanted(columns)
        if limit < 1 or numbers == []:
            return ()
        with self._lock:
            try:
                same = self._store.same(text, numbers, 20 * limit)
                near = self._store.near(text, numbers, limit)
            except _DAMAGE as error:
                raise self._damaged(error) from error
        from rapidfuzz import fuzz

        case = text.casefold()
        scores = {(number, value): score for number, value, score in near}
        ranks = {hit: (hit[1] != text, False) for hit in same}
        for hit in same:
            scores[hit] = fuzz.ratio(case, hit[1].casefold())
        best = sorted(scores, key=lambda hit: (ranks.get(hit, (True, True)), -scores[hit], hit[1], hit[0]))
        names = self._store.columns
        return tuple(
            ValueMatch(names[number].table, names[number].column, value, round(scores[number, value], 2))
            for number, value in islice(best, limit)
        )

    def holds(self, table: str, column: str, text: str) -> bool:
        """Whether the column stores exactly this text. False may mean "not known": see `complete`.

        Raises:
            DatabaseUnreadable: the index file was damaged since it was opened.
        """
        number = self._numbers.get((table.lower(), column.lower()))
        if number is None:
            return False
        with self._lock:
            try:
                return self._store.holds(number, clean(text))
            except _DAMAGE as error:
                raise self._damaged(error) from error

    def complete(self, table: str, column: str) -> bool:
        """Whether every text of at most 200 characters that the column stores is in the index, and it
        stores no number, so that a text that `holds` denies is not there. False for unknown columns."""
        number = self._numbers.get((table.lower(), column.lower()))
        return number is not None and self._store.columns[number].complete

    def partial(self, columns: ColumnSet) -> ColumnSet:
        """Those of some columns that store texts which may not be in the index: what is not found in them may
        be there all the same."""
        numbers = self._wanted(columns) or []
        stored = [self._store.columns[number] for number in numbers]
        return frozenset(ColumnName(each.table, each.column) for each in stored if each.part)

    @property
    def size(self) -> int:
        """How many values are in the index, over all columns."""
        return sum(column.size for column in self._store.columns)

    def columns(self) -> ColumnSet:
        """The columns that have values in the index."""
        return frozenset(
            ColumnName(column.table, column.column) for column in self._store.columns if column.size
        )

    def close(self) -> None:
        """Close the index's file. May be called twice."""
        with self._lock:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wanted(self, columns: ColumnSet | None) -> list[int] | None:
        if columns is None:
            return None
        numbers: set[int] = set()
        for name in columns:
            if name.column == "*":
                numbers.update(at for (table, _), at in self._numbers.items() if table == name.table.lower())
            elif (number := self._numbers.get((name.table.lower(), name.column.lower()))) is not None:
                numbers.add(number)
        return sorted(numbers)

    def _damaged(self, error: Exception) -> DatabaseUnreadable:
        if self.path is not None and not self.damaged:
            # Out of the way, so that the next `open` builds it anew.
            with suppress(OSError):
                self.path.unlink()
        self.damaged = True
        return DatabaseUnreadable(
            f"the value index {self.path} is damaged ({error}); open it again to rebuild it"
        )


def _key(database: Database, schema: Schema) -> str:
    """The file's name: another content, schema or format is another file."""
    digest = hashlib.sha256(f"{FORMAT}\0{database.fingerprint()}".encode())
    for table, column in schema.columns():
        digest.update(f"\0{table.name}\0{column.name}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]
