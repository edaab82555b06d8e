"""The process that holds one DuckDB file: started by `child.py`, run as a script, killable.

It serves as `serving.py` says. To `o`, whose body is (path, settings), it answers with the names of the
functions that DuckDB and its extensions bring for FROM and PRAGMA. An error's class is a case of
`duckdb_link.py`. The end of a query's reply, `e` or `x`, tells besides whether the process holds so much
memory that it is better ended.

Of the package this imports `duckdb_values.py` and `serving.py` alone: the time to start is paid at every
kill.
"""

from __future__ import annotations

import marshal
import resource
import threading
import time

import duckdb  # the driver: its folder comes before this one in the path

TYPE_CHECKING = False  # as type checkers know it
if TYPE_CHECKING:
    from typing import Any

    from share_sql.database.duckdb_values import values_of
    from share_sql.database.serving import TooLarge, Write, limit_process, serve, stream
else:  # beside this file; the package itself is not imported
    from duckdb_values import values_of
    from serving import TooLarge, limit_process, serve, stream

ADDRESS_SPACE = 3 << 30
"""Bytes of address space it may have: DuckDB's own memory, as much for one huge value, its code."""
OPEN_FILES = 16
"""Files the process may hold open."""
MUCH_MEMORY = 512 << 20
"""DuckDB keeps what a query took. A process that holds more bytes than these when one is over is ended."""

_KINDS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""Kinds of statements that run. MULTI is PIVOT, which first makes a temporary type."""
_AGAIN_SECONDS = 0.02
"""Between two interrupts: one may come before the query has begun."""
_FUNCTIONS = (
    "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
    " WHERE function_type IN ('table', 'pragma') AND internal"
)


class _Stopped(Exception):
    """The query is not run, or not to its end; `case` says why."""

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class Session:
    """One open file and the queries run on it, one at a time."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.connection: Any = None

    def close(self) -> None:
        """Let go of the file."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def header(self) -> bytes:
        """Nothing: DuckDB counts no changes in a file's header."""
        return b""

    def open(self, path: str, settings: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
        """Open the file. Returns the names of functions in FROM."""
        self.connection = duckdb.connect(path, read_only=True, config=dict(settings))
        return tuple(row[0] for row in self.connection.execute(_FUNCTIONS).fetchall())

    def named(self, error: Exception) -> tuple[str, str]:
        """The case that an error is, and DuckDB's words for it."""
        message = str(error).partition("\n\nLINE ")[0]
        if isinstance(error, _Stopped):
            return error.case, ""
        if isinstance(error, TooLarge):
            return "large", ""
        if isinstance(error, duckdb.InterruptException):
            return "late", ""
        if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
            return "memory", ""
        if isinstance(error, duckdb.PermissionException) or "read-only mode" in message:
            return "write", message
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
            return "unreadable", message
        # Not all are DuckDB's: the driver has its own where it has no Python value for one of DuckDB's.
        return "error", message or type(error).__name__

    def run(self, sql: str, seconds: float, rows: int, cap: int) -> None:
        """Run one statement on a cursor of its own and send its result or its error."""
        began = time.monotonic()
        over = threading.Event()
        cursor = self.connection.cursor()
        clock = threading.Thread(target=_interrupt, args=(cursor, began + seconds, over), daemon=True)
        clock.start()
        body: tuple[Any, ...]
        try:
            columns, truncated = self._fetch(cursor, sql, rows, cap)
        except Exception as error:
            kind, body = b"x", self.named(error)
        else:
            kind, body = b"e", (columns, truncated, time.monotonic() - began)
        over.set()
        clock.join()
        cursor.close()
        # Last, since the parent may at once ask for the next.
        self.write(kind, marshal.dumps((*body, _memory() > MUCH_MEMORY)))

    def _fetch(self, cursor: Any, sql: str, rows: int, cap: int) -> tuple[tuple[str, ...], bool]:
        """Send the rows on as they come. Returns the columns' names and whether the row cap cut them."""
        statements = cursor.extract_statements(sql)
        if len(statements) > 1:
            raise _Stopped("many")
        if not statements or _kind(statements[0]) not in _KINDS:
            raise _Stopped("no rows")
        cursor.execute(statements[0])
        if cursor.description is None:
            raise _Stopped("no rows")
        columns = tuple(part[0] for part in cursor.description)
        plain = values_of(str(part[1]) for part in cursor.description)
        fetch = cursor.fetchmany if plain is None else lambda count: plain(cursor.fetchmany(count))
        return columns, stream(self.write, fetch, len(columns), rows, cap)


def _kind(statement: Any) -> str:
    """DuckDB's name of a kind of statement; empty for one that its Python driver has no name for."""
    try:
        return str(statement.type.name)
    except ValueError:
        return ""


def _memory() -> int:
    """Bytes of memory that the process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _interrupt(cursor: Any, deadline: float, over: threading.Event) -> None:
    """Stop the query at its deadline; again and again, until it has noticed."""
    over.wait(max(0.0, deadline - time.monotonic()))
    while not over.is_set():
        cursor.interrupt()
        over.wait(_AGAIN_SECONDS)


def main() -> None:
    """Serve requests until the standard input ends."""
    limit_process(ADDRESS_SPACE, OPEN_FILES)
    serve(Session)


if __name__ == "__main__":
    main()
