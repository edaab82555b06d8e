"""DuckDB files, read-only, each query in a process of its own.

Covered:
- Writing. The file is opened read-only; DuckDB's own parser says what a statement is, and only SELECT (with
  FROM, VALUES, PIVOT, SHOW, DESCRIBE, SUMMARIZE) and EXPLAIN run, one at a time, each on a cursor of its own
  whose temporary tables and variables end with it. The process may not grow any file (RLIMIT_FSIZE 0).
- Reaching outside. `enable_external_access` is off, so that no file, folder, address or extension is reached
  (COPY, ATTACH, INSTALL, LOAD, read_csv, httpfs); secrets are not loaded; `lock_configuration` keeps it so.
  Functions in FROM that do more than show this database are refused by name (`duckdb_functions.py`). The
  process has none of the caller's environment, variables and open files.
- Time. DuckDB is interrupted at the deadline; where it does not notice, inside one huge function call or
  while planning, the process is killed `GRACE_SECONDS` later and the next query starts another. Queries that
  run at the same time have each their own process, so that none ends with another. A process ends itself when
  its parent is gone.
- Memory and size. DuckDB's memory and threads and the process's address space are capped, it writes no
  temporary files, and a process that holds much memory when its query is over is ended. Rows stream, and the
  result's rows and bytes are capped on both sides of the pipe.
- Faults. Missing, empty, locked, corrupt files, folders, files of another version, files replaced while
  open, a killed process: each gives a named error, and the next query works if it can.

Not covered:
- A bug in DuckDB that runs code: the process has the caller's rights and no system-call filter.
- Disk reads and CPU within the deadline; queries at the same time and databases open at once add up, in
  memory too: four processes a database at most.
- No process can open the file for writing while this has it open: DuckDB's lock. Give a copy.
- Side channels: random(), the clock, settings can be read.
- Macros and views in the file may call what a query may not; external access is off for them too.
- Windows: needs POSIX pipes and limits.
"""

from __future__ import annotations

import hashlib
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql import errors
from share_sql.database import failures
from share_sql.database.base import Limits, QueryResult
from share_sql.database.child import ChildGone, Program
from share_sql.database.duckdb_link import DuckdbLink
from share_sql.database.failures import LONGEST_SECONDS
from share_sql.database.file_look import absolute, look
from share_sql.database.pooled import PooledDatabase
from share_sql.database.text import checked

if TYPE_CHECKING:
    from share_sql.database.child import Workers


class DuckdbDatabase(PooledDatabase[DuckdbLink]):
    """A DuckDB file as `database.base.Database`. Any number of threads may use it."""

    dialect = "duckdb"
    live = False

    def __init__(self, path: str | Path, name: str | None = None, workers: Workers | None = None) -> None:
        """Open the file; `name` (default: the file's stem) is its name in messages.

        `workers` lends processes and gets them back at `close`; without it they start and end with this
        object.

        Raises DatabaseMissing, and DatabaseUnreadable where it is no DuckDB file or may not be read.
        """
        name = name if name is not None else Path(path).stem
        self.path = absolute(path, name)
        self._program = _program()
        self._workers = workers
        super().__init__(name)

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        limits = limits or Limits()
        sql = checked(sql, self.name)
        seconds = min(limits.seconds, LONGEST_SECONDS)
        late = time.monotonic() + seconds
        for last in (False, True):
            try:
                with self._pool.lend(seconds) as link:
                    return link.run(sql, seconds, limits)
            except ChildGone as gone:
                if self._pool.closed:  # which ended it
                    raise failures.closed(self.name) from None
                # Killed from outside, or by the query itself. Reading twice does no harm: try once more.
                if last or time.monotonic() > late:
                    raise errors.QueryError(
                        f"{self.name}: the process that ran the query ended ({gone}); simplify the query"
                    ) from None
        raise AssertionError("unreachable")

    def fingerprint(self) -> str:
        """Hash of path, identity, size and times of the file and its write-ahead log.

        Raises as `query` does where the file cannot be read.
        """
        if self._pool.closed:
            raise failures.closed(self.name)
        parts: list[object] = [str(self.path), self._identity()]
        try:
            parts.append(_identity(os.stat(f"{self.path}.wal")))
        except OSError:
            parts.append(None)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]

    @property
    def pids(self) -> tuple[int, ...]:
        """Ids of the processes that have the file open now."""
        return tuple(link.pid for link in self._pool.links())

    def __repr__(self) -> str:
        return f"DuckdbDatabase({str(self.path)!r}, name={self.name!r})"

    def _connect(self) -> DuckdbLink:
        return DuckdbLink(self.name, str(self.path), self._identity, self._program, self._workers)

    def _identity(self) -> tuple[int, ...]:
        """What the file system says of the file. Raises where it is not one that can be read."""
        return _identity(look(self.path, self.name))


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _program() -> Program:
    """The worker, which sees the folder that the driver is installed in."""
    found = find_spec("duckdb")
    if found is None or found.origin is None:
        raise failures.driver_missing("DuckDB", "duckdb")
    return Program("duckdb_worker", (str(Path(found.origin).parent.parent),))
