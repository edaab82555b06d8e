"""Queries on one database for evaluation: each text once, the cache asked first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from share_sql.database.address import file_of, shown
from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError, DatabaseMissing, QueryTimeout, SchemaError
from share_sql.evaluation.results import MACHINE_BOUND, Outcome, ResultCache, outcome_of

HELD_ROWS = 10_000
"""A larger result is not kept in memory for the next case."""


SIDE_FILES = ("-wal", "-journal", ".wal")
"""What the names of files end in that hold a part of the database beside it."""


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
    for ending in ("", *SIDE_FILES):
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
    """Runs queries on one database, each text once, the cache asked first.

    A file is opened at the first query that the cache cannot answer, a server at once: it alone knows the
    state of its content. Used as a context manager.
    """

    def __init__(
        self, where: str, limits: Limits, cache: ResultCache | None, open_database: Callable[[str], Database]
    ) -> None:
        self.where = where
        """Path or URL."""
        self._limits = limits
        self._open = open_database
        self._stack = ExitStack()
        self._fault: DatabaseError | None = None
        self.fingerprint = self._state()
        """The state of its content when this was created; None where there is no database."""
        self.steady = True
        """False once a result of the case came from here that another run might not give: late, too large,
        slow, or from a database that cannot be read."""
        self._cache = cache if self.fingerprint else None
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
        """Whether it was written to since this was created; its results are then of no one state."""
        return self._state() != self.fingerprint

    def _state(self) -> str | None:
        """What distinguishes this state of the database from others; None where it is not there."""
        path = file_of(self.where)
        if path is not None:
            return file_signature(path)
        try:
            return f"{shown(self.where)}\0{self._database.fingerprint()}"
        except DatabaseError as error:
            self._fault = error
            return None

    @cached_property
    def columns(self) -> Mapping[str, Sequence[str]]:
        """Its columns by table, views left out, in lower case; empty where it cannot be read."""
        from share_sql.schema.introspect import introspect

        try:
            tables = introspect(self._database).tables
        except (DatabaseError, SchemaError):
            return {}
        return {
            table.name.lower(): [column.name.lower() for column in table.columns]
            for table in tables
            if not table.is_view
        }

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
        if self._fault is not None:
            raise self._fault  # not tried again for each query
        if file_of(self.where) is not None and self.fingerprint is None:
            raise DatabaseMissing(f"no database file {shown(self.where)}; check --databases")
        return self._stack.enter_context(self._open(self.where))

    def _query(self, sql: str) -> Outcome:
        if not sql.strip():
            return Outcome(error="there is no SQL", kind="QueryError")
        try:
            return outcome_of(self._database.query(sql, self._limits))
        except DatabaseError as error:
            seconds = self._limits.seconds if isinstance(error, QueryTimeout) else 0.0
            return Outcome(error=str(error), kind=type(error).__name__, seconds=seconds)
