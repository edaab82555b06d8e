"""DuckDB files, read-only, in this process.

Covered:
- Writing. The file is opened read-only; DuckDB's own parser says what a statement is, and only SELECT (with
  FROM, VALUES, PIVOT, SHOW, DESCRIBE, SUMMARIZE) and EXPLAIN run, one at a time, each on a cursor of its own
  whose temporary tables and variables end with it.
- Reaching outside. `enable_external_access` is off, so that no file, folder, address or extension is reached
  (COPY, ATTACH, INSTALL, LOAD, read_csv, httpfs); secrets are not loaded; Python's variables are not read as
  tables; `lock_configuration` keeps it so. Functions in FROM that do more than show this database are refused
  by name (`duckdb_functions.py`).
- Time. The query runs in a thread, is interrupted at its deadline, and given up where it does not notice;
  what was given up ends by itself. After `STUCK` such queries no more are begun until one ends.
- Memory and size. DuckDB's memory and threads are capped, it writes no temporary files, rows stream, and the
  result's size is capped.
- Faults. Missing, empty, locked, corrupt files, folders, files of another version, files replaced while open:
  each gives a named error, and the next query works if it can.

Not covered:
- A bug in DuckDB that runs code or ends the process: it runs in this one.
- One call of a function that takes long and looks at no interrupt, `repeat('x', 4000000000)`: it is given up,
  and goes on in its thread, with the memory it takes, until it ends.
- Another process cannot open the file for writing while this has it open: DuckDB's lock. Give a copy.
- A program that has the same file open in the same process with other settings: the error says so.
- Processes forked while the file is open: open it in the child.
- Side channels: random(), the clock, settings can be read.
- Macros and views in the file may call what a query may not; external access is off for them too.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any, Self

import duckdb

from share_sql import errors
from share_sql.database import duckdb_functions, failures
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.duckdb_values import value_of
from share_sql.database.failures import GRACE_SECONDS, LONGEST_SECONDS
from share_sql.database.text import checked, one_line

PARALLEL = 4
"""Queries that run at a time; further ones wait."""
STUCK = 4
"""Queries that were given up and still run, at most."""
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

_KINDS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""Kinds of statements that run. MULTI is PIVOT, which first makes a temporary type."""
_CLOSE_SECONDS = 2.0


class DuckdbDatabase:
    """A DuckDB file as `database.base.Database`. Any number of threads may use it."""

    dialect = "duckdb"
    parallel = PARALLEL
    live = False

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        """Open the file; `name` (default: the file's stem) is its name in messages.

        Raises DatabaseMissing, and DatabaseUnreadable where it is no DuckDB file or may not be read.
        """
        self.name = name if name is not None else Path(path).stem
        try:
            self.path = Path(path).absolute()
        except FileNotFoundError:
            raise errors.DatabaseMissing(
                f"{self.name}: the path is relative, and the working folder is gone; go to one that is there"
            ) from None
        self._lock = threading.Lock()
        self._free = threading.Semaphore(PARALLEL)
        self._running: set[_Running] = set()
        self._stuck: set[_Running] = set()
        self._closed = False
        self._connection: Any = None
        self._opened: tuple[int, int] = (0, 0)
        self._in_from: frozenset[str] = frozenset()
        self._ready()

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        limits = limits or Limits()
        sql = checked(sql, self.name)
        deadline = time.monotonic() + min(limits.seconds, LONGEST_SECONDS)
        if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise errors.QueryTimeout(
                f"{self.name}: {PARALLEL} other queries ran until the deadline; ask fewer at a time"
            )
        try:
            running = self._begin(sql, limits)
            try:
                return self._wait(running, deadline)
            finally:
                self._end(running)
        finally:
            self._free.release()

    def fingerprint(self) -> str:
        """Hash of path, identity, size and times of the file and its write-ahead log.

        Raises as `query` does where the file cannot be read.
        """
        self._open_or_raise()
        parts: list[object] = [str(self.path), self._identity(self._look())]
        try:
            parts.append(self._identity(os.stat(f"{self.path}.wal")))
        except OSError:
            parts.append(None)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def close(self) -> None:
        """Close the file; a query under way ends in DatabaseUnreadable. May be called twice."""
        with self._lock:
            self._closed = True
            running = list(self._running)
            connection, self._connection = self._connection, None
        late = time.monotonic() + _CLOSE_SECONDS
        for each in running:
            each.interrupt_until(late)
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DuckdbDatabase({str(self.path)!r}, name={self.name!r})"

    # -- the file ------------------------------------------------------------------------------------

    def _look(self) -> os.stat_result:
        """What the file system says of the file. Raises where it is not one that can be read."""
        try:
            found = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise errors.DatabaseMissing(
                f"{self.name}: there is no file {self.path}; check the path"
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} cannot be read: {reason}") from None
        if stat.S_ISDIR(found.st_mode):
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is a folder; name the file in it")
        if not stat.S_ISREG(found.st_mode):
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is not a regular file")
        if not found.st_size:
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} is an empty file, not a database")
        if not os.access(self.path, os.R_OK):
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} may not be read; mind its permissions")
        return found

    @staticmethod
    def _identity(found: os.stat_result) -> tuple[int, ...]:
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _open_or_raise(self) -> None:
        if self._closed:
            raise failures.closed(self.name)

    def _ready(self) -> Any:
        """The connection to the file that is now at the path."""
        with self._lock:
            self._open_or_raise()
            found = self._look()
            now = (found.st_dev, found.st_ino)
            if self._connection is not None and now == self._opened:
                return self._connection
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            try:
                connection = duckdb.connect(str(self.path), read_only=True, config=dict(CONFIG))
                names = connection.execute(
                    "SELECT lower(function_name) FROM duckdb_functions()"
                    " WHERE function_type IN ('table', 'pragma') AND internal"
                ).fetchall()
            except (duckdb.Error, OSError, RuntimeError) as error:
                raise self._unreadable(error) from None
            self._connection, self._opened = connection, now
            self._in_from = frozenset(row[0] for row in names)
            return connection

    def _unreadable(self, error: Exception) -> errors.DatabaseUnreadable:
        message = one_line(str(error).partition("\n\n")[0])
        mend = ""
        if "different configuration" in message:
            mend = "; this program has it open with other settings: close that, or give a copy"
        elif "lock" in message.lower():
            mend = "; another program has it open for writing: close that, or give a copy"
        return errors.DatabaseUnreadable(f"{self.name}: {self.path} cannot be read: {message}{mend}")

    # -- a query -------------------------------------------------------------------------------------

    def _begin(self, sql: str, limits: Limits) -> _Running:
        connection = self._ready()
        name = duckdb_functions.refused(sql, self._in_from)
        if name is not None:
            raise failures.reaches_out(self.name, name)
        with self._lock:
            self._stuck = {each for each in self._stuck if each.is_alive()}
            if len(self._stuck) >= STUCK:
                raise errors.DatabaseUnreadable(
                    f"{self.name}: {len(self._stuck)} earlier queries that were given up still run; wait, or "
                    "start this program anew"
                )
            self._open_or_raise()
            try:
                running = _Running(self.name, connection.cursor(), sql, limits)
            except duckdb.Error as error:
                raise self._unreadable(error) from None
            self._running.add(running)
        running.start()
        return running

    def _wait(self, running: _Running, deadline: float) -> QueryResult:
        running.join(max(0.0, deadline - time.monotonic()))
        if running.is_alive():
            running.interrupt_until(deadline + GRACE_SECONDS)
        if self._closed and not isinstance(running.outcome, QueryResult):
            raise failures.closed(self.name)
        if running.is_alive() or running.outcome is None:
            raise failures.late(self.name)
        if isinstance(running.outcome, BaseException):
            raise running.outcome
        return running.outcome

    def _end(self, running: _Running) -> None:
        if running.is_alive():  # given up, or this thread was interrupted
            running.interrupt_until(time.monotonic() + GRACE_SECONDS)
        with self._lock:
            self._running.discard(running)
            if running.is_alive():
                self._stuck.add(running)


class _Running(threading.Thread):
    """One query on a cursor of its own, in a thread that can be given up."""

    def __init__(self, name: str, cursor: Any, sql: str, limits: Limits) -> None:
        super().__init__(name=f"share-duckdb-{name}", daemon=True)
        self.database = name
        self.cursor = cursor
        self.sql = sql
        self.limits = limits
        self.outcome: QueryResult | BaseException | None = None

    def interrupt_until(self, late: float) -> None:
        """Interrupt until it ends or time is over: once may come before it has begun."""
        while self.is_alive():
            self.cursor.interrupt()
            self.join(0.02)
            if time.monotonic() >= late:
                return

    def run(self) -> None:
        """Run the query and keep what came of it."""
        try:
            self.outcome = self._result()
        except duckdb.Error as error:
            self.outcome = self._named(error)
        except errors.ShareError as error:
            self.outcome = error
        except Exception as error:  # the driver's own, where it has no Python value for DuckDB's
            self.outcome = errors.QueryError(f"{self.database}: {one_line(error)}")
        finally:
            self.cursor.close()

    def _result(self) -> QueryResult:
        began = time.monotonic()
        statements = self.cursor.extract_statements(self.sql)
        if len(statements) > 1:
            raise failures.many_statements(self.database)
        if not statements or _kind(statements[0]) not in _KINDS:
            raise failures.no_rows(self.database)
        self.cursor.execute(statements[0])
        if self.cursor.description is None:
            raise failures.no_rows(self.database)
        columns = tuple(part[0] for part in self.cursor.description)
        rows, truncated = self._fetch(len(columns))
        return QueryResult(columns, tuple(rows), truncated, time.monotonic() - began)

    def _fetch(self, width: int) -> tuple[list[Row], bool]:
        """The rows, and whether the cap on rows cut them."""
        rows: list[Row] = []
        size, step = 0, 1
        while len(rows) < self.limits.rows:
            found = self.cursor.fetchmany(min(step, self.limits.rows - len(rows)))
            if not found:
                return rows, False
            part = [tuple(map(value_of, row)) for row in found]
            # Texts are as long as in memory; the rest is about what Python's tuples and values take.
            texts = sum(len(value) for row in part for value in row if isinstance(value, str | bytes))
            size += texts + len(part) * (48 + 40 * width)
            if size > self.limits.bytes:
                raise failures.too_large(self.database, self.limits.bytes)
            rows += part
            # Few rows at a time until it is known how large they are.
            step = max(1, min(step * 8, 2048, (1 << 20) * len(part) // max(texts, 1)))
        return rows, self.cursor.fetchone() is not None

    def _named(self, error: duckdb.Error) -> errors.DatabaseError:
        message = one_line(str(error).partition("\n\nLINE ")[0])
        if isinstance(error, duckdb.InterruptException):
            return failures.late(self.database)
        if isinstance(error, duckdb.OutOfMemoryException):
            return failures.too_much_memory(self.database)
        if isinstance(error, duckdb.PermissionException) or "read-only mode" in message:
            return failures.would_write(self.database, message)
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
            return errors.DatabaseUnreadable(f"{self.database}: cannot be read: {message}")
        return errors.QueryError(f"{self.database}: {message}")


def _kind(statement: Any) -> str:
    """DuckDB's name of a kind of statement; empty for one that its Python driver has no name for."""
    try:
        return str(statement.type.name)
    except ValueError:
        return ""
