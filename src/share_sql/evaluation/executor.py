"""Queries on one database file for evaluation: each text once, the cache asked first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError, DatabaseMissing, QueryTimeout
from share_sql.evaluation.metrics import Options
from share_sql.evaluation.results import LIMITS, Outcome, ResultCache, outcome_of

HELD_ROWS = 10_000
"""A larger result is not held in memory for the next case."""


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
        self._fingerprint: str | None = None
        self._fault: Outcome | None = None
        self._held: dict[str, Outcome] = {}

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, sql: str) -> Outcome:
        """The outcome of a query; errors come as outcomes."""
        if sql in self._held:
            return self._held[sql]
        database = self._connect()
        if database is None:
            assert self._fault is not None
            return self._fault
        outcome = self._cache.get(self._fingerprint, sql) if self._cache and self._fingerprint else None
        # A cached time decides BIRD's limit only where it is near: then the query is run again.
        if outcome is None or outcome.seconds > self._limits.seconds / 4:
            outcome = self._query(database, sql)
            if self._cache is not None and self._fingerprint is not None:
                self._cache.put(self._fingerprint, sql, outcome)
        if len(outcome.rows) <= HELD_ROWS:
            self._held[sql] = outcome
        return outcome

    def changed(self) -> bool:
        """Whether the file was written to since it was opened; its results are then not to be kept."""
        if self._database is None or self._fingerprint is None:
            return False
        try:
            return self._database.fingerprint() != self._fingerprint
        except DatabaseError:
            return True

    def _connect(self) -> Database | None:
        if self._database is None and self._fault is None:
            try:
                if not Path(self.path).is_file():
                    raise DatabaseMissing(f"no database file {self.path}; check --databases")
                self._database = self._stack.enter_context(self._open(self.path))
                self._fingerprint = self._database.fingerprint() if self._cache is not None else None
            except DatabaseError as error:
                self._fault = Outcome(error=str(error), kind=type(error).__name__)
        return self._database

    def _query(self, database: Database, sql: str) -> Outcome:
        if not sql.strip():
            return Outcome(error="there is no SQL", kind="QueryError")
        try:
            return outcome_of(database.query(sql, self._limits))
        except DatabaseError as error:
            seconds = self._limits.seconds if isinstance(error, QueryTimeout) else 0.0
            return Outcome(error=str(error), kind=type(error).__name__, seconds=seconds)
