"""PostgreSQL, read-only, over psycopg."""

from __future__ import annotations

import fcntl
import hashlib
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from share_sql import errors
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.pool import Lost, Pool
from share_sql.database.text import checked, one_line

if TYPE_CHECKING:
    import psycopg

GRACE_SECONDS = 0.25
"""How long after its deadline the server may take to stop a query before it is told to."""
CANCEL_SECONDS = 0.5
"""How long a query that was told to stop may take before its connection is given up."""
CONNECT_SECONDS = 5
LOCK_SECONDS = 2.0
"""How long a query may wait for another session's lock."""
LONGEST_SECONDS = 7 * 24 * 3600.0
LOOK_SECONDS = 0.1
_T = TypeVar("_T")


class PostgresDatabase:
    """A PostgreSQL database as `database.base.Database`."""

    dialect = "postgres"

    def __init__(self, url: str, name: str | None = None) -> None:
        self._parameters = _parameters(url)
        self.name = name if name is not None else str(self._parameters.get("dbname") or "postgres")
        self._pool: Pool[_Link] = Pool(self.name, self._connect)
        with self._pool.lend(CONNECT_SECONDS):
            pass

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        limits = limits or Limits()
        sql = checked(sql, self.name)
        seconds = min(limits.seconds, LONGEST_SECONDS)
        for last in (False, True):
            try:
                with self._pool.lend(seconds) as link:
                    return link.run(sql, seconds, limits)
            except Lost as lost:
                self._pool.forget_idle()
                if self._pool.closed:
                    raise errors.DatabaseUnreadable(f"{self.name}: was closed while a query ran") from None
                if last:
                    raise errors.DatabaseUnreadable(f"{self.name}: the connection broke: {lost}") from None
        raise AssertionError("unreachable")

    def fingerprint(self) -> str:
        """Hash of the database's identity and its counters of rows written."""
        found = self.query(
            "SELECT d.oid::bigint, d.datname, s.tup_inserted, s.tup_updated, s.tup_deleted, s.stats_reset::text"
            " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid"
            " WHERE d.datname = pg_catalog.current_database()"
        )
        where = (self._parameters.get("host"), self._parameters.get("port"), *found.rows)
        return hashlib.sha256(repr(where).encode()).hexdigest()[:16]

    def close(self) -> None:
        """Close the connections; a query under way ends. May be called twice."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"PostgresDatabase(name={self.name!r})"

    def _connect(self) -> _Link:
        import psycopg

        try:
            connection = psycopg.connect(**self._parameters, autocommit=True)
        except psycopg.Error as error:
            raise self._connect_error(error) from None
        return _Link(self.name, connection)

    def _connect_error(self, error: psycopg.Error) -> errors.DatabaseError:
        message = one_line(error)
        if "does not exist" in message and "database" in message:
            return errors.DatabaseMissing(f"{self.name}: {message}")
        return errors.DatabaseUnreadable(f"{self.name}: {message}")


class _Link:
    """One connection; used by one thread at a time."""

    def __init__(self, name: str, connection: psycopg.Connection[Any]) -> None:
        self.name = name
        self.connection = connection
        self.stopping = False
        self._ask(
            "SET default_transaction_read_only = on; SET datestyle = ISO; SET client_encoding = 'UTF8';"
            "SET extra_float_digits = 1; SET bytea_output = hex",
            time.monotonic() + CONNECT_SECONDS,
        )

    def alive(self) -> bool:
        pgconn = self.connection.pgconn
        if pgconn.status != 0 or self.stopping:
            return False
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def stop(self) -> None:
        self.stopping = True

    def end(self) -> None:
        self.connection.close()

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        from psycopg import generators

        began = time.monotonic()
        deadline = began + seconds
        late = deadline + GRACE_SECONDS
        pgconn = self.connection.pgconn
        milliseconds = max(1, int(seconds * 1000))
        lock = max(1, int(min(LOCK_SECONDS, seconds / 2) * 1000))
        self._ask(
            f"BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {lock};"
            f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds + 5000}",
            late,
        )
        try:
            pgconn.send_prepare(b"", sql.encode())
            self._raise(self._wait(generators.execute(pgconn), late)[-1])
            pgconn.send_describe_prepared(b"")
            described = self._wait(generators.execute(pgconn), late)[-1]
            self._raise(described)
            if not described.nfields:
                raise errors.QueryRefused(f"{self.name}: the statement gives no rows; give one SELECT")
            columns = tuple((described.fname(i) or b"").decode() for i in range(described.nfields))
            pgconn.send_query_prepared(b"", [])
            pgconn.set_single_row_mode()
            self._wait(generators.send(pgconn), late)
            rows, truncated = self._fetch(late, limits)
            return QueryResult(columns, tuple(rows), truncated, time.monotonic() - began)
        finally:
            self._finish()

    def _fetch(self, late: float, limits: Limits) -> tuple[list[Row], bool]:
        from psycopg import generators
        from psycopg.pq import ExecStatus

        pgconn = self.connection.pgconn
        rows: list[Row] = []
        size = 0
        while True:
            result = self._wait(generators.fetch(pgconn), late, limits.bytes)
            if result is None:
                return rows, False
            if result.status != ExecStatus.SINGLE_TUPLE:
                self._raise(result)
                continue
            if len(rows) >= limits.rows:
                return rows, True
            raw = [result.get_value(0, i) for i in range(result.nfields)]
            size += 48 + sum(40 + len(v or b"") for v in raw)
            if size > limits.bytes:
                raise self._too_large(limits.bytes)
            rows.append(tuple(None if v is None else _value(v, result.ftype(i)) for i, v in enumerate(raw)))

    def _finish(self) -> None:
        """Roll back whatever the query did; where rows are still coming, cancel it first."""
        from psycopg import generators
        from psycopg.pq import TransactionStatus

        pgconn = self.connection.pgconn
        try:
            if pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.connection.cancel_safe(timeout=CANCEL_SECONDS)
                late = time.monotonic() + CANCEL_SECONDS
                while (self._wait(generators.fetch(pgconn), late, None, stoppable=False)) is not None:
                    pass
            self._ask("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()", time.monotonic() + CANCEL_SECONDS)
        except Exception:
            self.connection.close()

    def _too_large(self, cap: int) -> errors.QueryTooLarge:
        return errors.QueryTooLarge(f"{self.name}: the result is larger than {cap:,} bytes; narrow it")

    def _ask(self, sql: str, late: float) -> None:
        from psycopg import generators

        pgconn = self.connection.pgconn
        pgconn.send_query(sql.encode())
        for result in self._wait(generators.execute(pgconn), late):
            self._raise(result)

    def _raise(self, result: Any) -> None:
        from psycopg.pq import DiagnosticField, ExecStatus

        if result.status != ExecStatus.FATAL_ERROR:
            return
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        primary = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message.encode()
        message = one_line(primary.decode("utf-8", "replace"))
        if state.startswith(("08", "57P")) or not state or state == "25P03":
            raise Lost(message)
        if state == "57014":
            raise errors.QueryTimeout(
                f"{self.name}: stopped at its deadline; simplify the query or give it more time"
            )
        if state == "55P03":
            raise errors.DatabaseUnreadable(f"{self.name}: is locked by another session; wait until it is done")
        if state == "25006":
            raise errors.QueryRefused(f"{self.name}: {message}; only reading this database is allowed")
        raise errors.QueryError(f"{self.name}: {message}")

    def _wait(self, steps: Any, late: float, cap: int | None = None, stoppable: bool = True) -> Any:
        """Take psycopg's steps, looking at the clock, at `stop`, and at how much comes in."""
        import psycopg

        pgconn = self.connection.pgconn
        poll = select.poll()
        received = 0
        try:
            wanted = next(steps)
            file = pgconn.socket
            while True:
                poll.register(file, (select.POLLIN if wanted & 1 else 0) | (select.POLLOUT if wanted & 2 else 0))
                found = poll.poll(LOOK_SECONDS * 1000)
                if stoppable and self.stopping:
                    raise Lost("closed")
                if time.monotonic() > late:
                    raise errors.QueryTimeout(
                        f"{self.name}: stopped at its deadline; simplify the query or give it more time"
                    )
                event = found[0][1] if found else 0
                if event & select.POLLIN and cap is not None:
                    received += struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"\0\0\0\0"))[0]
                    if received > cap + 65536:
                        raise self._too_large(cap)
                ready = (1 if event & ~select.POLLOUT else 0) & wanted | (2 if event & ~select.POLLIN else 0) & wanted
                wanted = steps.send(ready)
        except StopIteration as done:
            return done.value
        except psycopg.OperationalError as error:
            raise Lost(one_line(error)) from None


def _value(raw: bytes, kind: int) -> Any:
    if kind == 16:
        return int(raw == b"t")
    if kind in (20, 21, 23, 26):
        return int(raw)
    if kind in (700, 701):
        return float(raw)
    if kind == 1700:
        return int(raw) if raw.lstrip(b"-").isdigit() else float(raw)
    if kind == 17:
        return bytes.fromhex(raw[2:].decode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _parameters(url: str) -> dict[str, Any]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise errors.DatabaseUnreadable(
            "this is no PostgreSQL URL; give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, percent-escaped"
        ) from None
    parameters.setdefault("connect_timeout", CONNECT_SECONDS)
    parameters.setdefault("application_name", "share")
    return parameters
