"""PostgreSQL, read-only, over psycopg.

Covered:
- Writing. Each query runs in a transaction that begins READ ONLY on a connection whose transactions are
  read-only by default, and is always rolled back. It goes through the extended protocol, which takes one
  statement; the server parses it first and says what it gives, and what gives no rows is never run: COPY,
  DO, SET, LISTEN, PREPARE, COMMIT, SELECT INTO. What gives rows and writes (INSERT … RETURNING, EXPLAIN
  ANALYZE of a write, FOR UPDATE, CTEs) the server stops.
- Reaching outside. A read-only transaction does not stop functions that read files, end other sessions,
  take locks, run SQL out of a text or advance sequences. The role is to stop them (docs/databases.md says
  how to make one). As a second wall, names of functions in the text are looked up in the server's catalog,
  and a VOLATILE one is refused, also one of the user's own, except those that harm nobody
  (`postgres_functions.py`). So a superuser's connection is safe against the known ways too.
- Time. `statement_timeout` ends the query at its deadline, `lock_timeout` a wait for a lock,
  `idle_in_transaction_session_timeout` a transaction whose client is gone. Where the server does not stop
  in time it is told to cancel, and given up `CANCEL_SECONDS` later.
- Size. Rows stream; the result's size is capped, and what comes in before a row is whole is counted too.
- Faults. Wrong password, unknown host or database, too many connections, a server that stops or starts
  anew: named errors, without the password, and the next query works if it can.

Not covered:
- What the role may read is read: other sessions' statements in pg_stat_activity, foreign tables, tables of
  all schemas. Only the server's own files and passwords are refused by name.
- Functions declared STABLE or IMMUTABLE that write or reach outside nevertheless, and functions of any kind
  inside views, operators, casts, aggregates and row policies: they are their owners'. Within the
  transaction they cannot write tables.
- Memory, disk and processor time of the server within the deadline: set work_mem, temp_file_limit and
  statement limits for the role.
- Side channels: the clock, random(), settings, sizes can be read.
- Windows: needs poll and FIONREAD.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from share_sql import errors
from share_sql.database.address import address_of
from share_sql.database.failures import Lost
from share_sql.database.pool import Full
from share_sql.database.pooled import CONNECT_SECONDS, PooledDatabase
from share_sql.database.postgres_link import PostgresLink
from share_sql.database.text import one_line

_FINGERPRINT = """
SELECT d.oid::bigint, d.datname::text, s.tup_inserted, s.tup_updated, s.tup_deleted, s.stats_reset::text
FROM pg_catalog.pg_database AS d LEFT JOIN pg_catalog.pg_stat_database AS s ON s.datid = d.oid
WHERE d.datname = pg_catalog.current_database()
"""


class PostgresDatabase(PooledDatabase[PostgresLink]):
    """A PostgreSQL database as `database.base.Database`. Any number of threads may use it."""

    dialect = "postgres"

    def __init__(self, url: str, name: str | None = None) -> None:
        """Connect to `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.

        Args:
            url: as libpq reads it, percent-escaped; `?options=-csearch_path%3Dsales` sets the search path.
                What it leaves out comes from PGHOST and its like, and from ~/.pgpass.
            name: its name in messages; default: the database's.

        Raises:
            DatabaseMissing: the server has no such database.
            DatabaseUnreadable: the URL is none, or the server cannot be reached or lets nobody in.
        """
        address = address_of(url, "PostgreSQL")
        self._parameters: dict[str, Any] = {}
        with suppress(psycopg.Error):  # it quotes the URL
            self._parameters |= conninfo_to_dict(url)
        if not self._parameters:
            raise errors.DatabaseUnreadable(
                "this is no URL of a PostgreSQL database; give postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
                "with options that libpq knows"
            )
        self._parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        self._parameters.setdefault("application_name", "share")
        super().__init__(name if name is not None else address.database or address.user or "postgres")

    def fingerprint(self) -> str:
        """Hash of the database's identity, the role and the server's counts of rows written in it.

        The server updates the counts within seconds of a write, sooner where the writer disconnects.
        Raises as `query` does.
        """
        found = self.query(_FINGERPRINT).rows
        # Of another role, other rows may be seen.
        where = (*map(self._parameters.get, ("host", "port", "user")), found)
        return hashlib.sha256(repr(where).encode()).hexdigest()[:16]

    def _connect(self) -> PostgresLink:
        try:
            connection = psycopg.connect(**self._parameters, autocommit=True)
        except psycopg.Error as error:
            failed = self._named(one_line(error))
        else:
            return self._linked(connection)
        raise failed  # out here: psycopg's error knows the password, and would be this one's context

    def _linked(self, connection: psycopg.Connection[Any]) -> PostgresLink:
        """The open connection, made read-only."""
        try:
            return PostgresLink(self.name, connection)
        except Lost as lost:
            connection.close()
            raise errors.DatabaseUnreadable(f"{self.name}: the server let go at once: {lost}") from None
        except BaseException:
            connection.close()
            raise

    def _named(self, message: str) -> Exception:
        """The error for a connection that did not come about. libpq gives no code, only its words."""
        password = self._parameters.get("password")
        if password:
            message = message.replace(str(password), "…")
        said = f"{self.name}: {message}"
        if "database" in message and "does not exist" in message:
            return errors.DatabaseMissing(f"{said}; check the database in the URL")
        if "too many" in message or "remaining connection slots" in message:
            return Full(errors.DatabaseUnreadable(f"{said}; close other connections or raise the limit"))
        if "password" in message or "role" in message or "no pg_hba.conf entry" in message:
            return errors.DatabaseUnreadable(f"{said}; check user and password in the URL")
        return errors.DatabaseUnreadable(f"{said}; check host and port in the URL, and whether it runs")
