"""SQLite files, opened read-only in a process of their own.

Covered:
- Writing. The file is opened with `mode=ro`, the connection is `query_only`, an authorizer allows only
  reading, and the process may not grow any file (RLIMIT_FSIZE 0). No side file (-journal, -wal, -shm) is
  made, in no folder.
- Reaching outside. No ATTACH, no VACUUM INTO, no extensions, no function or virtual table that touches
  files or SQLite's own state; only functions on an allow-list; views and defaults in the file are not
  trusted (`trusted_schema=off`).
- Time. SQLite is interrupted at the deadline; where it does not look at the clock, inside one huge
  function call or while planning, the process is killed `GRACE_SECONDS` later and the next query starts
  another. The process ends itself when its parent is gone.
- Memory and size. Caps on rows, result, single values, SQLite's heap and the process's address space.
- Faults. Missing, empty, locked, corrupt files, folders, files replaced while open, a killed process: each
  gives a named error, and the next query works if it can.

Not covered:
- A bug in SQLite that runs code: the process has the caller's rights and no system-call filter.
- Disk reads and CPU within the deadline; several databases open at once add up.
- Side channels: `random()`, the clock and the time zone can be read.
- R-Tree tables, which prepare writes to read: refused. Functions that only some builds of SQLite have
  are refused until they are on the list in `worker.py`.
- A write-ahead log without its -shm file, or a rollback journal left by a crash: reading them would need
  writing; the error says what to do. A WAL database that was closed cleanly is read as an immutable file
  and reopened when it changed; a writer that checkpoints within one query may make that query fail.
- Windows: needs POSIX pipes and limits.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from share_sql import errors
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.failures import stopped
from share_sql.database.file_look import absolute, look

if TYPE_CHECKING:
    from share_sql.database.child import Child, Workers

GRACE_SECONDS = 0.25
"""How long after its deadline a query may take to notice it before its process is killed."""
LONGEST_SECONDS = 7 * 24 * 3600.0
"""A longer deadline is taken as this one: the clocks behind it know no infinity."""
START_SECONDS = 10.0
"""How long the process may take to start and open the file."""
HEAP_BYTES = 512 * 1024 * 1024
"""SQLite's own memory at most: sorting, grouping, large values, its page cache."""

SETTLED_SECONDS = 60.0
"""How long after a file's last change its times tell every further one. Before, they may not: a file system's
clock ticks every few thousandths of a second, on some every two seconds, and a server's is not ours."""

_CLOSE_STEP = 0.05
"""Seconds that `close` leaves a query which is about to end."""
_LATE = "stopped at its deadline; simplify the query or give it more time"
_T = TypeVar("_T")


class SqliteDatabase:
    """A SQLite file as `database.base.Database`.

    Any number of threads may use it; their queries run one after another. The process behind it starts
    with the first query and is shared by all later ones.
    """

    dialect = "sqlite"
    parallel = 1
    live = False

    def __init__(self, path: str | Path, name: str | None = None, workers: Workers | None = None) -> None:
        """Look at the file; `name` (default: the file's stem) is its name in messages.

        `workers` lends the process and gets it back at `close`; without it the process starts and ends with
        this object.

        Raises DatabaseMissing, and DatabaseUnreadable where it is a folder, empty or may not be read. What
        is in the file shows at the first query.
        """
        self.name = name if name is not None else Path(path).stem
        self.path = absolute(path, self.name)
        self._workers = workers
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._owner = 0
        self._immutable = False
        self._opened: tuple[object, ...] = ()
        self._header: tuple[tuple[int, ...], bytes] | None = None
        """The file's header, once its times tell every change, with what they were."""
        self._closed = False
        self._running = threading.Lock()
        self._runs: int | None = None
        """The thread whose query runs."""
        self._stopped = False
        look(self.path, self.name)

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        limits = limits or Limits()
        if len(sql) > 1_000_000:
            raise errors.QueryError(
                f"{self.name}: the query is {len(sql):,} characters long; at most 1,000,000"
            )
        try:
            sql.encode()
        except UnicodeEncodeError:
            raise errors.QueryError(f"{self.name}: the query is not text that UTF-8 can hold") from None
        if "\0" in sql:
            raise errors.QueryError(f"{self.name}: the query holds a NUL character")
        with self._lock:
            self._open_or_raise()
            child = self._ready()  # so that starting a process takes nothing from the query's time
            deadline = time.monotonic() + min(limits.seconds, LONGEST_SECONDS)
            with self._running:
                self._runs, self._stopped = threading.get_ident(), False
            try:
                return self._converse(lambda child: self._ask(child, sql, deadline, limits), deadline, child)
            finally:
                with self._running:
                    # Stopped when its answer had come: that is not for whoever asks next.
                    self._runs, self._stopped = None, False

    def stop(self, thread: int) -> None:
        """End the query that a thread runs; see `database.base.Database.stop`."""
        with self._running:
            if self._runs == thread and (child := self._child) is not None and self._owner == os.getpid():
                self._stopped = True
                child.kill()

    def fingerprint(self) -> str:
        """Hash of path, size, times and SQLite's change counter, of the file and its write-ahead log.

        Raises as `query` does where the file cannot be read.
        """
        with self._lock:
            self._open_or_raise()
            found, header = self._headed()
        parts: tuple[object, ...] = (*_times(found), header[24:28], header[40:44])
        log = _size_and_time(self._real() + "-wal")
        return hashlib.sha256(repr((str(self.path), *parts, log)).encode("utf-8", "replace")).hexdigest()[:16]

    def _headed(self) -> tuple[os.stat_result, bytes]:
        """What the file system says of the file, and its header. It is asked for once where the times tell
        every change: each case needs it twice, and to ask takes as long as a query."""
        before, now = look(self.path, self.name), time.time_ns()
        if self._header is not None and self._header[0] == _times(before):
            return before, self._header[1]
        late = time.monotonic() + START_SECONDS
        header = self._converse(lambda child: self._ask_header(child, late), late)
        found = look(self.path, self.name)
        changed = max(found.st_mtime_ns, found.st_ctime_ns)
        settled = _times(found) == _times(before) and now - changed > SETTLED_SECONDS * 1e9
        self._header = (_times(found), header) if settled else None
        return found, header

    @property
    def pid(self) -> int | None:
        """Id of the process that reads the file; None where none runs now."""
        child = self._child
        return None if child is None else child.pid

    def close(self) -> None:
        """Give the process back or end it; a query under way ends in DatabaseUnreadable. May be called
        twice."""
        self._closed = True  # before the lock, so that queries which wait for it give up
        while not self._lock.acquire(timeout=_CLOSE_STEP):
            child = self._child
            if child is not None and self._owner == os.getpid():
                child.kill()
        try:
            if self._workers is not None and self._child is not None and self._owner == os.getpid():
                self._give_back(self._workers, self._child)
            self._stop()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqliteDatabase({str(self.path)!r}, name={self.name!r})"

    # -- the file ------------------------------------------------------------------------------------
    # This process never opens it: closing a descriptor drops the POSIX locks that the caller's own SQLite
    # connections may hold on the same file.

    def _real(self) -> str:
        return os.path.realpath(self.path)

    def _now(self, immutable: bool) -> tuple[object, ...]:
        """What must stay the same for an open connection to stand for the file at the path."""
        found = look(self.path, self.name)
        if immutable:  # SQLite itself looks at nothing
            return (*_identity(found), _size_and_time(self._real() + "-wal"))
        return _identity(found)[:2]

    # -- the process ---------------------------------------------------------------------------------

    def _open_or_raise(self) -> None:
        if self._closed:
            raise errors.DatabaseUnreadable(
                f"{self.name}: this connection is closed; open the database again"
            )

    def _converse(self, exchange: Callable[[Child], _T], deadline: float, ready: Child | None = None) -> _T:
        """Talk with a process, `ready` or started where there is none that fits; clean up what goes wrong."""
        from share_sql.database.child import ChildGone, ChildLate

        for last in (False, True):
            try:
                child, ready = ready or self._ready(), None
                return exchange(child)
            except ChildLate:
                self._stop()
                raise errors.QueryTimeout(f"{self.name}: {_LATE}") from None
            except ChildGone as gone:
                # Killed from outside, or by the query itself. Reading twice does no harm: try once more.
                self._stop()
                self._open_or_raise()  # it was ended by `close`
                if self._stopped:
                    self._stopped = False
                    raise stopped(self.name) from None
                if last or time.monotonic() > deadline:
                    raise errors.QueryError(
                        f"{self.name}: the process that ran the query ended ({gone}); simplify the query"
                    ) from None
            except errors.ShareError:
                raise
            except BaseException:
                # An interrupt in the middle of a reply: what follows in the pipe is of this query.
                self._stop()
                raise
        raise AssertionError("unreachable")

    def _ask(self, child: Child, sql: str, deadline: float, limits: Limits) -> QueryResult:
        seconds = max(0.0, deadline - time.monotonic())
        late = deadline + GRACE_SECONDS
        child.send(b"q", (sql, seconds, int(limits.rows), int(limits.bytes)), late)
        rows: list[Row] = []
        while True:
            kind, body = child.receive(late)
            if kind == b"r":
                rows += body
            elif kind == b"a":
                rows.clear()
            elif kind == b"e":
                columns, truncated, took = body
                return QueryResult(tuple(columns), tuple(rows), truncated, took)
            else:
                raise self._error(*body)

    @staticmethod
    def _ask_header(child: Child, late: float) -> bytes:
        child.send(b"h", (), late)
        header: bytes = child.receive(late)[1]
        return header

    def _error(self, kind: str, message: str) -> errors.DatabaseError:
        if kind == "DatabaseUnreadable":
            message = f"{self.path} {message}"
            self._stop()  # whatever was wrong, the next query looks afresh
        named: dict[str, type[errors.DatabaseError]] = {
            "QueryTimeout": errors.QueryTimeout,
            "QueryRefused": errors.QueryRefused,
            "QueryTooLarge": errors.QueryTooLarge,
            "DatabaseUnreadable": errors.DatabaseUnreadable,
        }
        return named.get(kind, errors.QueryError)(f"{self.name}: {message}")

    def _ready(self) -> Child:
        """The process with the database open; started where there is none that fits."""
        from share_sql.database.child import ChildGone, ChildLate

        if self._child is not None:
            if self._owner == os.getpid() and self._now(self._immutable) == self._opened:
                return self._child
            self._stop()
        before = self._now(True)
        late = time.monotonic() + START_SECONDS
        try:
            try:
                child, kind, body = self._start(late)
            except ChildGone:
                if self._workers is None:
                    raise
                child, kind, body = self._start(late)  # one that was lent may have died while it was idle
        except OSError as error:
            raise errors.DatabaseUnreadable(
                f"{self.name}: the process that reads it cannot start: {error.strerror or error}"
            ) from None
        except (ChildLate, ChildGone) as failure:
            how = f"ended ({failure})" if isinstance(failure, ChildGone) else f"took over {START_SECONDS:g} s"
            raise errors.DatabaseUnreadable(
                f"{self.name}: the process that reads it {how} at its start; is {sys.executable} a Python?"
            ) from None
        if kind == b"x":
            raise self._error(*body)
        self._immutable = body
        self._opened = before if body else before[:2]
        return child

    def _start(self, late: float) -> tuple[Child, bytes, Any]:
        """A process that was given the database to open, and its answer."""
        from share_sql.database.child import Child

        self._child = child = Child() if self._workers is None else self._workers.take()
        self._owner = os.getpid()
        try:
            child.send(b"o", (self._real(), HEAP_BYTES), late)
            kind, body = child.receive(late)
        except BaseException:
            self._stop()
            raise
        return child, kind, body

    def _give_back(self, workers: Workers, child: Child) -> None:
        from share_sql.database.child import ChildGone, ChildLate

        late = time.monotonic() + START_SECONDS
        try:
            child.let_go(late)
        except (ChildGone, ChildLate):
            return  # the caller ends it
        self._child = None
        workers.give(child)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _times(found: os.stat_result) -> tuple[int, ...]:
    return (*_identity(found), found.st_ctime_ns)


def _size_and_time(path: str) -> tuple[int, int] | None:
    """Size and time of a side file; None where it is missing or empty, which mean the same."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None
