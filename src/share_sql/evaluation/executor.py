"""Queries on one database file for evaluation: each text once, the cache asked first."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError, DatabaseMissing, QueryTimeout
from share_sql.evaluation.results import MACHINE_BOUND, Outcome, ResultCache, outcome_of

HELD_ROWS = 10_000
"""A larger result is not kept in memory for the next case."""


def file_signature(path: str) -> str | None:
    """What distinguishes one state of a database file from another: its place, size and times, and its logs'.

    It changes when the file is written to, and is None where there is no file. The file is not opened: that
    would start the database's process for nothing where the cache knows all answers, and closing a SQLite
    file drops the locks that this process holds on it.
    """
    try:
        parts: list[object] = [str(Path(path).absolute())]
    except FileNotFoundError:  # a relative path in a working folder that is gone
        return None
    for ending in ("", "-wal", "-journal"):
        try:
            found = os.stat(path + ending)
        except (OSError, ValueError):  # ValueError: what no file can be called
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
        self, path: str, limits: Limits, cache: ResultCache | None, open_database: Callable[[str], Database]
    ) -> None:
        self.path = path
        self.fingerprint = file_signature(path)
        """The file's signature now; None where there is no file."""
        self.steady = True
        """False once a result of the case came from here that another run might not give: late, too large,
        slow, or from a database that cannot be read."""
        self._limits = limits
        self._cache = cache if self.fingerprint else None
        self._open = open_database
        self._stack = ExitStack()
        self._held: dict[str, Outcome] = {}

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin_case(self) -> None:
        """Forget what belongs to the last case alone: whether it was steady, and its large results."""
        self.steady = True
        self._held = {sql: found for sql, found in self._held.items() if len(found.rows) <= HELD_ROWS}

    def run(self, sql: str) -> Outcome:
        """The outcome of a query; errors come as outcomes."""
        if sql not in self._held:
            self._held[sql] = self._fetch(sql)
        outcome = self._held[sql]
        if outcome.kind in MACHINE_BOUND or self._is_slow(outcome):
            self.steady = False
        return outcome

    def changed(self) -> bool:
        """Whether the file was written to since this was created; its results are then of no one state."""
        return file_signature(self.path) != self.fingerprint

    def _is_slow(self, outcome: Outcome) -> bool:
        """Whether its time is near the limit, so that BIRD's limit may be passed on another run."""
        return outcome.seconds > self._limits.seconds / 4

    def _fetch(self, sql: str) -> Outcome:
        outcome = self._cache.get(f"{self.fingerprint}\0{sql}") if self._cache else None
        if outcome is None or self._is_slow(outcome):
            outcome = self._query(sql)
            if self._cache:
                self._cache.put(f"{self.fingerprint}\0{sql}", outcome)
        return outcome

    @cached_property
    def _database(self) -> Database:
        if self.fingerprint is None:
            raise DatabaseMissing(f"no database file {self.path}; check --databases")
        return self._stack.enter_context(self._open(self.path))

    def _query(self, sql: str) -> Outcome:
        if not sql.strip():
            return Outcome(error="there is no SQL", kind="QueryError")
        try:
            return outcome_of(self._database.query(sql, self._limits))
        except DatabaseError as error:
            seconds = self._limits.seconds if isinstance(error, QueryTimeout) else 0.0
            return Outcome(error=str(error), kind=type(error).__name__, seconds=seconds)
