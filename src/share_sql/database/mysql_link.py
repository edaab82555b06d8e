"""One connection to MySQL or MariaDB: runs a statement in a read-only transaction, then resets all."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pymysql

from share_sql import errors
from share_sql.database import failures, mysql_functions
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.failures import GRACE_SECONDS, Lost
from share_sql.database.mysql_wire import Wire
from share_sql.database.pooled import LOCK_SECONDS
from share_sql.database.text import one_line

KILL_SECONDS = 0.5
"""How long a query that was told to stop may take before its connection is given up."""
_MAINTENANCE = ("Table", "Op", "Msg_type", "Msg_text")
"""Columns of statements that give rows and write: ANALYZE, OPTIMIZE, REPAIR, CACHE INDEX."""
_LATE = frozenset({1317, 1969, 3024})
"""Interrupted, MariaDB's max_statement_time, MySQL's max_execution_time."""
_GONE = frozenset({0, 1053, 1077, 1079, 1080, 1152, 1927, 2006, 2013, 2014, 2055})
_LOCKED = frozenset({1205, 3572})
_READ_ONLY = frozenset({1290, 1792, 1836})
_NO_MEMORY = frozenset({1037, 1038, 1041, 1114, 1021, 1153, 2020, 3638})


class MysqlLink:
    """One connection; used by one thread at a time."""

    def __init__(self, name: str, wire: Wire, open_another: Callable[[], Wire]) -> None:
        """Look at what server it is. `open_another` opens a second connection, from which to stop a query.

        Raises pymysql.MySQLError.
        """
        self.name = name
        self._wire = wire
        self._open_another = open_another
        self._stopping = False
        self._begun = False
        self._maria = "mariadb" in str(wire.get_server_info()).lower()
        self.modes = frozenset(str(self._ask("SELECT @@sql_mode")[0][0]).upper().split(",")) - {""}
        try:
            self._ask("SELECT 1 FROM mysql.func LIMIT 0")
            self._loaded = True
        except pymysql.MySQLError:
            self._loaded = False

    def alive(self) -> bool:
        """See `pool.Link`: a server that ends a connection says so, and nothing else is said unasked."""
        if self._stopping or not self._wire.open:
            return False
        poll = select.poll()
        poll.register(self._wire._sock, select.POLLIN)
        return not poll.poll(0)

    def stop(self) -> None:
        """See `pool.Link`: the thread that waits for the server sees it soon."""
        self._stopping = True

    def end(self) -> None:
        """See `pool.Link`."""
        self._wire._force_close()

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        """Run one statement; see `pooled.Running`."""
        began = time.monotonic()
        self._begun = False
        self._watch(began + seconds + GRACE_SECONDS, None)
        clean = False
        try:
            self._begin(sql, seconds)
            self._begun = True
            columns = self._wire.described(sql)
            if not columns:
                raise failures.no_rows(self.name)
            if columns == _MAINTENANCE:
                raise failures.would_write(self.name, "the statement is for a table's upkeep")
            rows, truncated = self._fetch(sql, began + seconds + GRACE_SECONDS, limits)
            clean = True
            return QueryResult(columns, tuple(rows), truncated, time.monotonic() - began)
        except pymysql.MySQLError as error:
            clean = self._wire.open
            raise self._named(error) from None
        except (errors.QueryRefused, Lost):
            clean = not self._stopping
            raise
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            # PyMySQL's ways to say that it does not understand what came.
            raise Lost(one_line(error), self._begun) from None
        finally:
            self._finish(clean)

    def _begin(self, sql: str, seconds: float) -> None:
        """Set the limits, ask what the functions are that the query names, and begin the transaction."""
        limit = (
            f"max_statement_time = {max(0.001, seconds):.3f}"
            if self._maria
            else f"max_execution_time = {max(1, int(seconds * 1000))}"
        )
        wait = max(1, int(min(LOCK_SECONDS, seconds)))
        self._ask(f"SET SESSION {limit}, lock_wait_timeout = {wait}, innodb_lock_wait_timeout = {wait}")
        question = mysql_functions.question(sql, self._loaded)
        writing = [str(row[0]) for row in self._ask(question)] if question else []
        name = mysql_functions.refused(sql, writing)
        if name is not None:
            raise failures.reaches_out(self.name, name)
        self._ask("START TRANSACTION READ ONLY")

    def _fetch(self, sql: str, late: float, limits: Limits) -> tuple[list[Row], bool]:
        """The rows, and whether the cap on rows cut them."""
        self._wire.query(sql, unbuffered=True)
        result = self._wire._result  # a cursor would read all rows before it lets go
        rows: list[Row] = []
        size = 0
        self._watch(late, limits.bytes)
        while (row := result._read_rowdata_packet_unbuffered()) is not None:
            # Texts are as long as in memory; the rest is about what Python's tuples and values take.
            size += 48 + 40 * len(row) + sum(len(value) for value in row if isinstance(value, str | bytes))
            if size > limits.bytes:
                raise failures.too_large(self.name, limits.bytes)
            if len(rows) >= limits.rows:
                return rows, True
            rows.append(row)
            if not len(rows) % 1024:
                self._watch(late, limits.bytes - size)
        return rows, False

    def _watch(self, late: float, cap: int | None) -> None:
        """From now on reading stops at `late`, at `stop`, and after `cap` bytes."""
        before = self._wire._rfile.received

        def watch(received: int) -> None:
            if self._stopping:
                raise Lost("closed", self._begun)
            if time.monotonic() >= late:
                raise failures.late(self.name)
            if cap is not None and received - before > max(cap, 0) + (1 << 20):
                raise failures.too_large(self.name, cap)

        self._wire.watch = watch

    def _finish(self, clean: bool) -> None:
        """Take back whatever the query did; where it is not at its end, kill it.

        What fails here closes the connection, which ends the transaction too: the pool opens another.
        """
        if not self._wire.open:
            return
        late = time.monotonic() + KILL_SECONDS

        def watch(_: int) -> None:
            if time.monotonic() >= late:
                raise TimeoutError("the server does not answer")

        self._wire.watch = watch
        result = self._wire._result
        running = result is not None and result.unbuffered_active
        try:
            if running or not clean:
                self._kill()
                raise TimeoutError("rows that nobody asked for come next")  # a new connection is quicker
            self._wire.reset()
        except (OSError, RuntimeError, ValueError, AssertionError, pymysql.MySQLError, errors.DatabaseError):
            if result is not None:
                result.unbuffered_active = False
            self._wire._force_close()
        finally:
            self._wire.watch = None

    def _kill(self) -> None:
        """End the query on the server from a second connection; an idle one is left alone by that."""
        with suppress(OSError, RuntimeError, pymysql.MySQLError):
            other = self._open_another()
            try:
                other.query(f"KILL QUERY {self._wire.thread_id()}")
            finally:
                other._force_close()

    def _ask(self, sql: str) -> Any:
        """Run a statement of our own; its rows."""
        self._wire.query(sql)
        return self._wire._result.rows or ()

    def _named(self, error: pymysql.MySQLError) -> Exception:
        code, message = told(error)
        if self._stopping or code in _GONE:
            return Lost(message, self._begun)
        if code in _LATE:
            return failures.late(self.name)
        if code in _LOCKED:
            return failures.locked(self.name)
        if code in _READ_ONLY:
            return failures.would_write(self.name, message)
        if code in _NO_MEMORY:
            return failures.too_much_memory(self.name)
        if code == 1295:  # not in the prepared statement protocol
            return failures.no_rows(self.name)
        return errors.QueryError(f"{self.name}: {message}")


def told(error: BaseException) -> tuple[int, str]:
    """The server's number and words of an error; 0 where it has no number."""
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        return error.args[0], one_line(error.args[1])
    return 0, one_line(error)
