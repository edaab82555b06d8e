"""Results of queries for evaluation: run once, kept in a cache keyed by database and SQL."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from share_sql.database.base import QueryResult, Row, Value

MAX_CACHED_BYTES = 1 << 20
"""A larger result, as JSON, is not kept on disk: reading it back saves little."""

MACHINE_BOUND = frozenset({"QueryTimeout", "QueryTooLarge", "DatabaseUnreadable", "DatabaseMissing"})
"""Errors that may be other ones tomorrow on the same file; never kept."""

MAX_CACHE_BYTES = 1 << 29
"""When the file has grown past this it is emptied."""


@dataclass(frozen=True)
class Outcome:
    """What a query gave: rows, or an error in words."""

    rows: tuple[Row, ...] = ()
    """All rows; empty where it failed."""
    columns: tuple[str, ...] = ()
    """Names of the output columns; may repeat."""
    error: str | None = None
    """The named error's message where the query failed; None where it ran."""
    kind: str | None = None
    """The error's class name: QueryError, QueryTimeout, QueryTooLarge, …"""
    seconds: float = 0.0
    """Time in the database when it was run."""

    @property
    def ok(self) -> bool:
        """Whether there is a whole result."""
        return self.error is None


def outcome_of(result: QueryResult) -> Outcome:
    """A query's result as an outcome; one that the row cap cut counts as failed, for it is not whole."""
    if result.truncated:
        return Outcome(
            error=f"the result has more than {len(result.rows):,} rows, too many to compare",
            kind="QueryTooLarge",
            seconds=result.seconds,
        )
    return Outcome(result.rows, result.columns, seconds=result.seconds)


def default_cache_folder() -> Path:
    """Where results are kept: `$SHARE_CACHE`, else `share-sql` in the user's cache folder."""
    named = os.environ.get("SHARE_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "share-sql"


class ResultCache:
    """Outcomes on disk, in one SQLite file in a folder, which is made where it is missing.

    Safe to use from several threads and processes. A cache that cannot be read or written is no error of the
    evaluation: it goes on without, and `warning` says why.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "evaluation-results-1.sqlite"
        self.warning: str | None = None
        self._lock = threading.Lock()
        self._fresh: dict[bytes, str] = {}
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > MAX_CACHE_BYTES:
                self.path.unlink()
            # autocommit: every statement stands alone, no transaction is left open between reads
            connection = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value TEXT)")
            self._connection = connection
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def get(self, name: str) -> Outcome | None:
        """The outcome kept under a name; None where there is none."""
        stored = self.fetch(name)
        return _decode(stored) if stored is not None else None

    def put(self, name: str, outcome: Outcome) -> None:
        """Keep an outcome. Time-outs are not kept (they depend on the machine), nor large results."""
        if outcome.kind in MACHINE_BOUND or len(outcome.rows) > MAX_CACHED_BYTES // 4:
            return
        text = _encode(outcome)
        if len(text) <= MAX_CACHED_BYTES:
            self.keep(name, text)

    def fetch(self, name: str) -> str | None:
        """The text kept under a name; None where there is none."""
        key = _key(name)
        with self._lock:
            if key in self._fresh or self._connection is None:
                return self._fresh.get(key)
            try:
                row = self._connection.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error as error:
                self._give_up(error)
                return None
        return row[0] if row else None

    def keep(self, name: str, text: str) -> None:
        """Keep a text under a name; it is written when the cache is closed."""
        with self._lock:
            self._fresh[_key(name)] = text

    def close(self) -> None:
        """Write what is new, in one transaction, and close. May be called twice."""
        with self._lock:
            if self._connection is None:
                return
            try:
                if self._fresh:
                    self._connection.execute("BEGIN IMMEDIATE")
                    self._connection.executemany(
                        "INSERT OR REPLACE INTO results VALUES (?, ?)", list(self._fresh.items())
                    )
                    self._connection.execute("COMMIT")
                self._connection.close()
                self._connection = None
            except sqlite3.Error as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.warning = f"the result cache {self.path} cannot be used ({error}); going without it"
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def _encode(outcome: Outcome) -> str:
    """JSON; bytes, which it lacks, as a list of one base64 text."""
    rows = [
        [[base64.b64encode(value).decode()] if isinstance(value, bytes) else value for value in row]
        for row in outcome.rows
    ]
    return json.dumps([rows, outcome.columns, outcome.error, outcome.kind, outcome.seconds])


def _decode(text: str) -> Outcome:
    rows, columns, error, kind, seconds = json.loads(text)
    return Outcome(tuple(tuple(map(_value, row)) for row in rows), tuple(columns), error, kind, seconds)


def _value(stored: Value | list[str]) -> Value:
    return base64.b64decode(stored[0]) if isinstance(stored, list) else stored
