"""MySQL and MariaDB, read-only, over PyMySQL."""

from __future__ import annotations

import hashlib
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from share_sql import errors
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.pool import Lost, Pool
from share_sql.database.text import checked, one_line

if TYPE_CHECKING:
    import pymysql

GRACE_SECONDS = 0.25
CONNECT_SECONDS = 5
LOCK_SECONDS = 2
LONGEST_SECONDS = 7 * 24 * 3600.0


class MysqlDatabase:
    """A MySQL or MariaDB database as `database.base.Database`."""

    dialect = "mysql"

    def __init__(self, url: str, name: str | None = None) -> None:
        self._parameters = _parameters(url)
        self.name = name if name is not None else str(self._parameters["database"])
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
        """Hash of the database's identity and of when its tables were written."""
        found = self.query(
            "SELECT table_name, create_time, update_time, auto_increment FROM information_schema.tables"
            " WHERE table_schema = database() ORDER BY table_name"
        )
        where = (self._parameters["host"], self._parameters["port"], self._parameters["database"], found.rows)
        return hashlib.sha256(repr(where).encode()).hexdigest()[:16]

    def close(self) -> None:
        """Close the connections; a query under way ends. May be called twice."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MysqlDatabase(name={self.name!r})"

    def _open(self) -> Any:
        import pymysql

        return pymysql.connect(**self._parameters)

    def _connect(self) -> _Link:
        import pymysql

        try:
            connection = self._open()
        except pymysql.MySQLError as error:
            code, message = _told(error)
            if code == 1049:
                raise errors.DatabaseMissing(f"{self.name}: {message}") from None
            raise errors.DatabaseUnreadable(f"{self.name}: {message}") from None
        return _Link(self, connection)


class _Link:
    """One connection; used by one thread at a time."""

    def __init__(self, database: MysqlDatabase, connection: Any) -> None:
        self.name = database.name
        self.database = database
        self.connection = connection
        self.stopping = False
        self.maria = "mariadb" in connection.get_server_info().lower()

    def alive(self) -> bool:
        if not self.connection.open or self.stopping:
            return False
        poll = select.poll()
        poll.register(self.connection._sock, select.POLLIN)
        return not poll.poll(0)

    def stop(self) -> None:
        self.stopping = True
        self._kill()
        self._break()

    def end(self) -> None:
        self.connection._force_close()

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        import pymysql
        from pymysql.cursors import SSCursor

        began = time.monotonic()
        connection = self.connection
        connection._read_timeout = seconds + GRACE_SECONDS
        cursor = SSCursor(connection)
        try:
            if self.maria:
                connection.query(f"SET SESSION max_statement_time = {seconds:.3f}, lock_wait_timeout = {LOCK_SECONDS}")
            else:
                connection.query(
                    f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}, lock_wait_timeout = {LOCK_SECONDS}"
                )
            connection.query("START TRANSACTION READ ONLY")
            cursor._query(sql)
            if cursor.description is None:
                raise errors.QueryRefused(f"{self.name}: the statement gives no rows; give one SELECT")
            columns = tuple(part[0] for part in cursor.description)
            rows: list[Row] = []
            size, truncated = 0, False
            while (row := cursor.read_next()) is not None:
                if len(rows) >= limits.rows:
                    truncated = True
                    break
                size += 48 + sum(40 + (len(v) if isinstance(v, str | bytes) else 8) for v in row)
                if size > limits.bytes:
                    raise errors.QueryTooLarge(
                        f"{self.name}: the result is larger than {limits.bytes:,} bytes; narrow it"
                    )
                rows.append(row)
            return QueryResult(columns, tuple(rows), truncated, time.monotonic() - began)
        except pymysql.MySQLError as error:
            raise self._named(error, began + seconds) from None
        finally:
            self._finish(cursor)

    def _finish(self, cursor: Any) -> None:
        try:
            connection = self.connection
            if connection._result is not None and connection._result.unbuffered_active:
                self._kill()
                connection._read_timeout = 1.0
                try:
                    connection._result._finish_unbuffered_query()
                except Exception:
                    connection._force_close()
                    return
            if connection.open:
                connection._read_timeout = 1.0
                connection.query("ROLLBACK")
        except Exception:
            self.connection._force_close()

    def _kill(self) -> None:
        try:
            other = self.database._open()
            try:
                other.query(f"KILL QUERY {self.connection.thread_id()}")
            finally:
                other.close()
        except Exception:
            self._break()

    def _break(self) -> None:
        try:
            self.connection._sock.shutdown(socket.SHUT_RDWR)
        except Exception:
            return

    def _named(self, error: Exception, deadline: float) -> Exception:
        code, message = _told(error)
        if self.stopping:
            return Lost("closed")
        if code in (1969, 3024, 1317):
            return errors.QueryTimeout(
                f"{self.name}: stopped at its deadline; simplify the query or give it more time"
            )
        if code in (2006, 2013, 1927, 1053, 1077, 1080):
            if time.monotonic() > deadline:
                self._kill()
                return errors.QueryTimeout(
                    f"{self.name}: stopped at its deadline; simplify the query or give it more time"
                )
            return Lost(message)
        if code in (1205,):
            return errors.DatabaseUnreadable(f"{self.name}: is locked by another session; wait until it is done")
        if code == 1792:
            return errors.QueryRefused(f"{self.name}: {message}; only reading this database is allowed")
        return errors.QueryError(f"{self.name}: {message}")


def _told(error: Exception) -> tuple[int, str]:
    if len(error.args) >= 2:
        return int(error.args[0]), one_line(error.args[1])
    return 0, one_line(error)


def _number(text: str) -> int | float:
    return float(text) if "." in text or "e" in text.lower() else int(text)


def _parameters(url: str) -> dict[str, Any]:
    from pymysql.constants import FIELD_TYPE

    parts = urlsplit(url)
    return {
        "host": parts.hostname or "localhost",
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path[1:]),
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": CONNECT_SECONDS,
        "write_timeout": CONNECT_SECONDS,
        "local_infile": False,
        "conv": {
            **dict.fromkeys(
                (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24,
                 FIELD_TYPE.YEAR), int),
            FIELD_TYPE.FLOAT: float,
            FIELD_TYPE.DOUBLE: float,
            FIELD_TYPE.DECIMAL: _number,
            FIELD_TYPE.NEWDECIMAL: _number,
            FIELD_TYPE.BIT: lambda raw: int.from_bytes(raw, "big"),
        },
    }
