"""One process that has a DuckDB file open: asked, interrupted, killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from share_sql import errors
from share_sql.database import duckdb_functions, failures
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.child import Child, ChildFull, ChildGone, ChildLate, Program
from share_sql.database.failures import GRACE_SECONDS
from share_sql.database.text import one_line

if TYPE_CHECKING:
    from share_sql.database.child import Workers

START_SECONDS = 20.0
"""How long a process may take to start and open the file."""
CONFIG = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
    "threads": "2",
    "temp_directory": "",
    "max_temp_directory_size": "0KB",
    "lock_configuration": "true",
}
"""What the instance is opened with."""

_BESIDE_ROWS = 8 << 20
"""Bytes of a reply that are no rows: columns' names, or an error."""


class DuckdbLink:
    """A process with the file open, for one query at a time: a `pool.Link`."""

    def __init__(
        self,
        name: str,
        path: str,
        identity: Callable[[], tuple[int, ...]],
        program: Program,
        workers: Workers | None = None,
    ) -> None:
        """Start the process, or take one that `workers` lends, and have it open the file.

        Args:
            name: the database's, for messages.
            path: the file's.
            identity: what must stay the same for the process to stand for the file at the path; raises a
                DatabaseError where there is none.
            program: what the process runs.
            workers: gets the process back at the end.

        Raises DatabaseMissing, DatabaseUnreadable.
        """
        self._name, self._path = name, path
        self._identity = identity
        self._workers = workers
        self._opened = identity()
        self._waits = False
        """Whether the process waits for a request: it may be lent again."""
        late = time.monotonic() + START_SECONDS
        try:
            try:
                self._in_from = self._start(program, late)
            except ChildGone:
                if workers is None:
                    raise
                self._in_from = self._start(
                    program, late
                )  # one that was lent may have died while it was idle
        except OSError as error:
            raise errors.DatabaseUnreadable(
                f"{name}: the process that reads it cannot start: {error.strerror or error}"
            ) from None
        except (ChildLate, ChildGone) as failure:
            how = f"ended ({failure})" if isinstance(failure, ChildGone) else f"took over {START_SECONDS:g} s"
            raise errors.DatabaseUnreadable(
                f"{name}: the process that reads it {how} at its start; see whether {sys.executable} can "
                "import duckdb"
            ) from None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.pid

    def alive(self) -> bool:
        """Whether the process waits for a query on the file that is now at the path."""
        try:
            return self._waits and self._child.alive and self._identity() == self._opened
        except errors.DatabaseError:
            return False

    def stop(self) -> None:
        """Kill the process, from another thread than the one that runs a query: that one finds it gone."""
        self._child.kill()

    def end(self) -> None:
        """Give the process back to who lent it, or end it."""
        child = self._child
        if self._workers is not None and self._waits and self._owner == os.getpid():
            try:
                child.let_go(time.monotonic() + GRACE_SECONDS)
            except (ChildGone, ChildLate):
                pass
            else:
                self._waits = False
                return self._workers.give(child)
        self._waits = False
        return child.end()

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        """Run one statement. Raises as Database.query, and ChildGone where the process ends under it."""
        name = duckdb_functions.refused(sql, self._in_from)
        if name is not None:
            raise failures.reaches_out(self._name, name)
        deadline = time.monotonic() + seconds
        late = deadline + GRACE_SECONDS
        self._waits = False
        rows: list[Row] = []
        left = max(0, int(limits.bytes)) + _BESIDE_ROWS
        try:
            self._child.send(b"q", (sql, seconds, int(limits.rows), int(limits.bytes)), late)
            kind, body = self._child.receive(late, left)
            while kind == b"r":
                rows += body
                left -= self._child.received
                if len(rows) > limits.rows:
                    raise ChildFull
                kind, body = self._child.receive(late, left)
        except ChildLate:
            raise failures.late(self._name) from None
        except ChildFull:  # the process keeps to its caps, unless a query has got the better of it
            raise failures.too_large(self._name, limits.bytes) from None
        *told, large = body
        self._waits = not large
        if kind == b"e":
            columns, truncated, took = told
            return QueryResult(tuple(columns), tuple(rows), truncated, took)
        case, message = told
        raise self._error(case, message, limits)

    def _start(self, program: Program, late: float) -> frozenset[str]:
        """A process that was given the file to open. Returns the names of functions in FROM."""
        self._child = child = Child(program) if self._workers is None else self._workers.take(program)
        self._owner = os.getpid()
        try:
            child.send(b"o", (self._path, tuple(CONFIG.items())), late)
            kind, body = child.receive(late)
        except BaseException:
            child.end()
            raise
        if kind == b"e":
            self._waits = True
            return frozenset(body)
        child.end()
        raise self._unreadable(body[1])

    def _unreadable(self, message: str) -> errors.DatabaseUnreadable:
        message = one_line(message.partition("\n\n")[0])
        mend = ""
        if "lock" in message.lower():
            mend = "; a program has it open for writing: close that, or give a copy"
        return errors.DatabaseUnreadable(f"{self._name}: {self._path} cannot be read: {message}{mend}")

    def _error(self, case: str, message: str, limits: Limits) -> errors.DatabaseError:
        """What a case of `duckdb_worker.py` is called here."""
        name, message = self._name, one_line(message)
        if case == "unreadable":
            self._waits = False  # whatever was wrong, the next query looks afresh
        said: dict[str, Callable[[], errors.DatabaseError]] = {
            "many": lambda: failures.many_statements(name),
            "no rows": lambda: failures.no_rows(name),
            "late": lambda: failures.late(name),
            "memory": lambda: failures.too_much_memory(name),
            "large": lambda: failures.too_large(name, limits.bytes),
            "write": lambda: failures.would_write(name, message),
            "unreadable": lambda: errors.DatabaseUnreadable(f"{name}: cannot be read: {message}"),
        }
        return said.get(case, lambda: errors.QueryError(f"{name}: {message}"))()
