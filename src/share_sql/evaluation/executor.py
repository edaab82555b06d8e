"""Queries on one database file for evaluation: each text once, the cache asked first."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError, DatabaseMissing, QueryTimeout
from share_sql.evaluation.cases import Options
from share_sql.evaluation.results import LIMITS, MACHINE_BOUND, Outcome, ResultCache, outcome_of

HELD_ROWS = 10_000
"""A larger result is not kept in memory for the next case."""


def file_signature(path: str) -> str | None:
    """What distinguishes one state of a database file from another: its place, size and times, and its logs'.

    The file is not opened: that would start the database's process for nothing where the cache knows all
    answers, and closing a SQLite file drops the locks that this process holds on it.

    Args:
        path: the database file.

    Returns:
        A text that changes when the file is written to; None where there is no file.
    """
    parts: list[object] = [str(Path(path).absolute())]
    for ending in ("", "-wal", "-journal"):
        try:
            found = os.stat(path + ending)
        except OSError:
            if not ending:
                return None
            continue
        times = (found.st_mtime_ns, found.st_ctime_ns)
        parts.append((ending, found.st_dev, found.st_ino, found.st_size, *times))
    return repr(parts)


class Executor:
    """Runs queries on one database file, each text once, the cache asked first.

    The connection is opened at the first query that the cache cannot answer. Used as a context manager.
    """

    def __init__(
        self,
        path: str,
        options: Options,
        cache: ResultCache | None,
        open_database: Callable[[str], Database],
    ) -> None:
        self.path = path
        self._limits = Limits(options.seconds, LIMITS.rows, LIMITS.bytes)
        self._cache = cache
        self._open = open_database
        self._stack = ExitStack()
        self._database: Database | None = None
        self._fingerprint = file_signature(path)
        self._fault: Outcome | None = None
        self._held: dict[str, Outcome] = {}
        self.steady = True
        """False once a result came from here that another run might not give: late, too large, slow, or
        from a database that cannot be read. Whoever keeps verdicts sets it back."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, sql: str) -> Outcome:
        """The outcome of a query; errors come as outcomes."""
        outcome = self._held.get(sql) or self._fetch(sql)
        if outcome.kind in MACHINE_BOUND or outcome.seconds > self._limits.seconds / 4:
            self.steady = False
        return outcome

    def fingerprint(self) -> str | None:
        """The file's signature when this was created; None where there was no file."""
        return self._fingerprint

    def _fetch(self, sql: str) -> Outcome:
        outcome = self._cache.get(self._fingerprint, sql) if self._cache and self._fingerprint else None
        # A cached time decides BIRD's limit only where it is near: then the query is run again.
        if outcome is None or outcome.seconds > self._limits.seconds / 4:
            outcome = self._query(sql)
            if self._cache is not None and self._fingerprint is not None:
                self._cache.put(self._fingerprint, sql, outcome)
        if len(outcome.rows) <= HELD_ROWS:
            self._held[sql] = outcome
        return outcome

    def changed(self) -> bool:
        """Whether the file was written to since this was created; its results are then of no one state."""
        return file_signature(self.path) != self._fingerprint

    def _connect(self) -> Database | None:
        if self._database is None and self._fault is None:
            try:
                if self._fingerprint is None:
                    raise DatabaseMissing(f"no database file {self.path}; check --databases")
                self._database = self._stack.enter_context(self._open(self.path))
            except DatabaseError as error:
                self._fault = Outcome(error=str(error), kind=type(error).__name__)
        return self._database

    def _query(self, sql: str) -> Outcome:
        if not sql.strip():
            return Outcome(error="there is no SQL", kind="QueryError")
        database = self._connect()
        if database is None:
            assert self._fault is not None
            return self._fault
        try:
            return outcome_of(database.query(sql, self._limits))
        except DatabaseError as error:
            seconds = self._limits.seconds if isinstance(error, QueryTimeout) else 0.0
            return Outcome(error=str(error), kind=type(error).__name__, seconds=seconds)
