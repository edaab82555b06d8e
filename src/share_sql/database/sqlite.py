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
import stat
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from share_sql import errors
from share_sql.database.base import Limits, QueryResult, Row

if TYPE_CHECKING:
    from share_sql.database.child import Child

GRACE_SECONDS = 0.25
"""How long after its deadline a query may take to notice it before its process is killed."""
START_SECONDS = 10.0
"""How long the process may take to start and open the file."""
HEAP_BYTES = 512 * 1024 * 1024
"""SQLite's own memory at most: sorting, grouping, large values, its page cache."""
MAGIC = b"SQLite format 3\x00"

_LATE = "stopped after {:g} s; simplify the query or give it more time"
_State = tuple[int, ...]


class SqliteDatabase:
    """A SQLite file as `database.base.Database`.

    Any number of threads may use it; their queries run one after another. The process behind it starts
    with the first query and is shared by all later ones.
    """

    dialect = "sqlite"

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        """Look at the file; `name` (default: the file's stem) stands for it in messages.

        Raises DatabaseMissing, and DatabaseUnreadable where it is no SQLite database or may not be read.
        """
        self.path = Path(path).absolute()
        self.name = name if name is not None else self.path.stem
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._owner = 0
        self._state: _State = ()
        self._closed = False
        self._header()

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
            if self._closed:
                raise errors.DatabaseUnreadable(
                    f"{self.name}: this connection is closed; open the database again"
                )
            return self._run(sql, limits)

    def fingerprint(self) -> str:
        """Hash of path, size, times and SQLite's change counter, of the file and its write-ahead log."""
        header, state = self._header()
        parts = (str(self.path), *state, header[24:28].hex(), header[40:44].hex())
        wal = Path(os.path.realpath(self.path) + "-wal")
        try:
            found = wal.stat()
        except OSError:
            found = None
        if found is not None and found.st_size:
            parts = (*parts, found.st_size, found.st_mtime_ns)
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def close(self) -> None:
        """End the process. May be called twice."""
        with self._lock:
            self._closed = True
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqliteDatabase({str(self.path)!r}, name={self.name!r})"

    # -- the file ------------------------------------------------------------------------------------

    def _header(self) -> tuple[bytes, _State]:
        """The file's first 100 bytes and what tells that it changed. Raises as `__init__` does."""
        try:
            # O_NONBLOCK: opening a named pipe would wait for its writer.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise errors.DatabaseMissing(
                f"{self.name}: there is no file {self.path}; check the path"
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} cannot be read: {reason}") from None
        try:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is a folder; name the file in it")
            if not stat.S_ISREG(found.st_mode):
                raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is not a regular file")
            header = os.pread(handle, 100, 0)
        except OSError as error:
            reason = error.strerror or str(error)
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} cannot be read: {reason}") from None
        finally:
            os.close(handle)
        if not header:
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is an empty file, not a database")
        if not header.startswith(MAGIC):
            raise errors.DatabaseUnreadable(
                f"{self.name}: {self.path} is not a SQLite database (or it is encrypted)"
            )
        return header, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def _uri(self) -> tuple[str, bool]:
        """The URI to open, and whether it takes the file as immutable.

        A WAL database needs its -shm file, which SQLite would create beside it. Where no log is there the
        file alone is the whole database, and `immutable` reads it without touching the folder. Where a log
        and a -shm file are there, `readonly_shm` reads both as they are.
        """
        header, _ = self._header()
        real = os.path.realpath(self.path)
        uri = Path(real).as_uri() + "?mode=ro"
        try:
            log = os.stat(real + "-wal").st_size
        except OSError:
            log = -1
        if log > 0:
            if not os.path.exists(real + "-shm"):
                raise errors.DatabaseUnreadable(
                    f"{self.name}: {real}-wal holds changes but its -shm file is missing; "
                    "open it once with sqlite3, or take a copy made by it"
                )
            return uri + "&readonly_shm=1", False
        if log == 0 or header[18:20] != b"\x01\x01":
            return uri + "&immutable=1", True
        return uri, False

    def _changed(self) -> bool:
        """Whether the open connection no longer stands for the file at the path."""
        if len(self._state) > 2:  # immutable: SQLite itself looks at nothing
            return self._header()[1] != self._state or self._uri()[1] is False
        try:
            found = os.stat(self.path)
        except OSError:
            self._header()  # names the reason
            return True
        return (found.st_dev, found.st_ino) != self._state

    # -- the process ---------------------------------------------------------------------------------

    def _run(self, sql: str, limits: Limits) -> QueryResult:
        from share_sql.database.child import ChildGone, ChildLate

        deadline = time.monotonic() + limits.seconds
        for last in (False, True):
            child = self._ready()
            left = max(0.0, deadline - time.monotonic())
            try:
                return self._exchange(child, sql, left, limits)
            except ChildLate:
                self._stop()
                raise errors.QueryTimeout(f"{self.name}: {_LATE.format(limits.seconds)}") from None
            except ChildGone as gone:
                # Killed from outside, or by the query itself. Reading twice does no harm: try once more.
                self._stop()
                if last:
                    raise errors.QueryError(
                        f"{self.name}: the process that ran the query ended ({gone}), twice"
                    ) from None
            except errors.ShareError:
                raise
            except BaseException:
                # An interrupt in the middle of a reply: what follows in the pipe is of this query.
                self._stop()
                raise
        raise AssertionError("unreachable")

    def _exchange(self, child: Child, sql: str, seconds: float, limits: Limits) -> QueryResult:
        late = time.monotonic() + seconds + GRACE_SECONDS
        child.send(b"q", (sql, float(seconds), int(limits.rows), int(limits.bytes)), late)
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
                raise self._error(body, limits.seconds)

    def _error(self, body: tuple[str, str], seconds: float) -> errors.DatabaseError:
        kind, message = body
        if kind == "QueryTimeout":
            message = _LATE.format(seconds)
        elif kind == "DatabaseUnreadable":
            message = f"{self.path} {message}"
            self._stop()
        named: dict[str, type[errors.DatabaseError]] = {
            "QueryTimeout": errors.QueryTimeout,
            "QueryRefused": errors.QueryRefused,
            "QueryTooLarge": errors.QueryTooLarge,
            "DatabaseUnreadable": errors.DatabaseUnreadable,
        }
        return named.get(kind, errors.QueryError)(f"{self.name}: {message}")

    def _ready(self) -> Child:
        """The process with the database open; started where there is none that fits."""
        from share_sql.database.child import Child, ChildGone, ChildLate

        if self._child is not None and self._owner != os.getpid():
            self._child.forget()
            self._child = None
        if self._child is not None and self._changed():
            self._stop()
        if self._child is not None:
            return self._child
        uri, immutable = self._uri()
        _, state = self._header()
        try:
            self._child = child = Child()
        except OSError as error:
            raise errors.DatabaseUnreadable(
                f"{self.name}: the process that reads it cannot start: {error.strerror or error}"
            ) from None
        self._owner = os.getpid()
        self._state = state if immutable else state[:2]
        late = time.monotonic() + START_SECONDS
        try:
            child.send(b"o", (uri, HEAP_BYTES), late)
            kind, body = child.receive(late)
        except ChildLate:
            self._stop()
            raise errors.DatabaseUnreadable(
                f"{self.name}: {self.path} could not be opened within {START_SECONDS:g} s"
            ) from None
        except ChildGone as gone:
            self._stop()
            raise errors.DatabaseUnreadable(
                f"{self.name}: the process that reads it ended while it started ({gone})"
            ) from None
        except BaseException:
            self._stop()
            raise
        if kind == b"x":
            raise self._error(body, START_SECONDS)
        return child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if self._owner == os.getpid():
            child.end()
        else:
            child.forget()
