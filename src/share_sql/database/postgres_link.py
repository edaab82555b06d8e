"""One connection to PostgreSQL: runs a statement in a transaction that is always rolled back."""

from __future__ import annotations

import fcntl
import select
import struct
import termios
import time
from typing import Any

import psycopg
from psycopg import capabilities, generators
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus

from share_sql import errors
from share_sql.database import failures, postgres_functions
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.failures import GRACE_SECONDS, Lost
from share_sql.database.pooled import CONNECT_SECONDS, LOCK_SECONDS
from share_sql.database.postgres_values import READERS, text
from share_sql.database.text import one_line

CANCEL_SECONDS = 0.5
"""How long a query that was told to stop may take before its connection is given up."""
LOOK_SECONDS = 0.1
"""Time between two looks at whether the database was closed."""
CHUNK = 256
"""Rows that come together."""

_SESSION = """
SET default_transaction_read_only = on; SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmlbinary = 'base64'
"""
_BEGIN = """
BEGIN READ ONLY; SET LOCAL statement_timeout = {query}; SET LOCAL lock_timeout = {lock};
SET LOCAL idle_in_transaction_session_timeout = {idle};
"""
_END = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()"
"""Locks that a function took for the session outlive its transaction."""


class PostgresLink:
    """One connection; used by one thread at a time."""

    def __init__(self, name: str, connection: psycopg.Connection[Any]) -> None:
        """Make an open connection read-only. Raises Lost, QueryError."""
        self.name = name
        self._connection = connection
        self._pgconn = connection.pgconn
        self._stopping = False
        self._begun = False
        self._ask(_SESSION, time.monotonic() + CONNECT_SECONDS)

    def alive(self) -> bool:
        """See `pool.Link`: a server that ends a connection says so, and nothing else is said unasked."""
        if self._stopping or self._pgconn.status != ConnStatus.OK:
            return False
        poll = select.poll()
        poll.register(self._pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def stop(self) -> None:
        """See `pool.Link`: the thread that waits for the server sees it within LOOK_SECONDS."""
        self._stopping = True

    def end(self) -> None:
        """See `pool.Link`."""
        self._connection.close()

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        """Run one statement; see `pooled.Running`."""
        began = time.monotonic()
        late = began + seconds + GRACE_SECONDS
        self._begun = False
        if postgres_functions.hides_names(sql):
            raise errors.QueryRefused(
                f'{self.name}: names in escapes (U&"…") are not read; write them as they are'
            )
        try:
            self._begin(sql, seconds, late)
            self._begun = True
            self._pgconn.send_prepare(b"", sql.encode())
            self._raise(self._results(late)[-1])
            self._pgconn.send_describe_prepared(b"")
            described = self._results(late)[-1]
            self._raise(described)
            if not described.nfields:
                raise failures.no_rows(self.name)
            columns = tuple(text(described.fname(i) or b"") for i in range(described.nfields))
            self._pgconn.send_query_prepared(b"", [])
            if capabilities.has_stream_chunked():
                self._pgconn.set_chunked_rows_mode(CHUNK)
            else:
                self._pgconn.set_single_row_mode()
            self._wait(generators.send(self._pgconn), late)
            rows, truncated = self._fetch(late, limits)
            return QueryResult(tuple(map(str, columns)), tuple(rows), truncated, time.monotonic() - began)
        finally:
            self._finish()

    def _begin(self, sql: str, seconds: float, late: float) -> None:
        """Begin the transaction, and ask what the functions are that the query names."""
        milliseconds = max(1, int(seconds * 1000))
        begin = _BEGIN.format(
            query=milliseconds,
            lock=max(1, int(min(LOCK_SECONDS, seconds) * 1000)),
            idle=milliseconds + 5000,
        )
        question = postgres_functions.question(sql)
        found = self._ask(begin + question, late)
        volatile = [(found.get_value(i, 0) or b"").decode() for i in range(found.ntuples)] if question else []
        name = postgres_functions.refused(sql, volatile)
        if name is not None:
            raise failures.reaches_out(self.name, name)

    def _fetch(self, late: float, limits: Limits) -> tuple[list[Row], bool]:
        """The rows, and whether the cap on rows cut them."""
        rows: list[Row] = []
        size = 0
        while True:
            result = self._wait(generators.fetch(self._pgconn), late, limits.bytes - size)
            if result is None:
                return rows, False
            self._raise(result)
            count, width = result.ntuples, result.nfields
            if not count:
                continue
            value = result.get_value
            columns = []
            for at in range(width):
                raws = [value(row, at) for row in range(count)]
                size += sum(len(raw) for raw in raws if raw is not None)
                read = READERS.get(result.ftype(at), text)
                columns.append([None if raw is None else read(raw) for raw in raws])
            # Texts are as long as in memory; the rest is about what Python's tuples and values take.
            size += count * (48 + 40 * width)
            if size > limits.bytes:
                raise failures.too_large(self.name, limits.bytes)
            rows.extend(zip(*columns, strict=True))
            if len(rows) > limits.rows:
                return rows[: limits.rows], True

    def _finish(self) -> None:
        """Take back whatever the query did; where rows are still coming, cancel it first.

        What fails here closes the connection, which ends the transaction too: the pool opens another.
        """
        if self._pgconn.status != ConnStatus.OK:
            return
        late = time.monotonic() + CANCEL_SECONDS
        try:
            if self._pgconn.transaction_status == TransactionStatus.ACTIVE:
                self._connection.cancel_safe(timeout=CANCEL_SECONDS)
                while self._wait(generators.fetch(self._pgconn), late, stoppable=False) is not None:
                    pass
            self._ask(_END, late, stoppable=False)
        except (psycopg.Error, errors.DatabaseError, Lost):
            self._connection.close()

    def _ask(self, sql: str, late: float, stoppable: bool = True) -> Any:
        """Run statements of our own; the last one's result."""
        self._pgconn.send_query(sql.encode())
        results = self._results(late, stoppable)
        for result in results:
            self._raise(result)
        return results[-1]

    def _results(self, late: float, stoppable: bool = True) -> list[Any]:
        found: list[Any] = self._wait(generators.execute(self._pgconn), late, stoppable=stoppable)
        if not found:
            raise Lost("the server gave no answer", self._begun)
        return found

    def _wait(self, steps: Any, late: float, cap: int | None = None, stoppable: bool = True) -> Any:
        """Take psycopg's steps, looking at the clock, at `stop`, and at how much comes in.

        psycopg's own waiting knows neither a deadline nor a cap on one row.
        """
        poll = select.poll()
        received = 0
        try:
            wanted = next(steps)
            file = self._pgconn.socket
            while True:
                poll.register(file, (wanted & 1 and select.POLLIN) | (wanted & 2 and select.POLLOUT))
                found = poll.poll(max(0.0, min(LOOK_SECONDS, late - time.monotonic())) * 1000)
                event = found[0][1] if found else 0
                if stoppable and self._stopping:
                    raise Lost("closed", self._begun)
                if not event and time.monotonic() >= late:
                    raise failures.late(self.name)
                if event & select.POLLIN and cap is not None:
                    received += struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"\0\0\0\0"))[0]
                    if received > max(cap, 0) + (1 << 20):
                        raise failures.too_large(self.name, cap)
                ready = (event & ~select.POLLOUT and 1) | (event & ~select.POLLIN and 2)
                wanted = steps.send(ready & wanted)
        except StopIteration as done:
            return done.value
        except psycopg.OperationalError as error:
            raise Lost(one_line(error), self._begun) from None

    def _raise(self, result: Any) -> None:
        """Raise the error that a result is, if it is one."""
        if result.status != ExecStatus.FATAL_ERROR:
            return
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        primary = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b"the server gave no reason"
        message = one_line(primary.decode("utf-8", "replace"))
        if not state or state.startswith(("08", "57P")) or state in ("25P03", "25P04"):
            raise Lost(message, self._begun)
        if state == "57014":  # query_canceled
            raise failures.late(self.name)
        if state == "55P03":  # lock_not_available
            raise failures.locked(self.name)
        if state == "25006":  # read_only_sql_transaction
            raise failures.would_write(self.name, message)
        if state in ("53100", "53200", "53400"):  # disk_full, out_of_memory, configuration_limit_exceeded
            raise failures.too_much_memory(self.name)
        if state == "42601" and "multiple commands" in message:
            raise failures.many_statements(self.name)
        raise errors.QueryError(f"{self.name}: {message}")
