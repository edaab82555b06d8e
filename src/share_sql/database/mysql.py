"""MySQL and MariaDB, read-only, over PyMySQL.

Covered:
- Writing. Each query runs in a transaction that began READ ONLY, and the session is reset after it: rolled
  back, locks released, variables and temporary tables forgotten. The connection takes one statement at a
  time. The server prepares it first and says what it gives, and what gives no rows is never run: INTO
  OUTFILE, INTO DUMPFILE, LOAD DATA, SET, CALL, DO, KILL, GRANT, COMMIT. Upkeep of tables, which gives rows,
  is known by its columns.
- Reaching outside. LOAD_FILE, locks by name and waits for other servers are refused by name; a stored
  function is, where it does not say that it only reads (READS SQL DATA, NO SQL or DETERMINISTIC); a loaded
  one, where the role may see which are loaded (mysql.func). LOAD DATA LOCAL is off: the server cannot ask for
  a file of this machine. The role is to do the rest (docs/databases.md says how to make one).
- Time. max_statement_time (MariaDB) or max_execution_time (MySQL) ends the query at its deadline,
  lock_wait_timeout a wait for a lock. Where the server does not stop in time, KILL from a second
  connection ends it.
- Size. Rows stream; the result's size is capped, and what comes in before a row is whole is counted too.
- Faults. Wrong password, unknown host or database, too many connections, a server that stops or starts
  anew: named errors, without the password, and the next query works if it can.

Not covered:
- What the role may read is read: other sessions' statements, tables of other databases, mysql.user.
- Functions that are loaded (UDF) where the role may not read mysql.func, and that are not known by name.
- Stored functions that do other than they say, and functions inside views. Within the transaction they cannot
  write tables.
- Memory, disk and processor time of the server within the deadline.
- MySQL's max_execution_time ends SELECT alone; KILL does the rest, and needs a free connection.
- Side channels: the clock, RAND(), variables and sizes can be read.
- Windows: needs poll.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE

from share_sql import errors
from share_sql.database.address import Address, address_of
from share_sql.database.failures import driver_missing
from share_sql.database.mysql_link import MysqlLink, told
from share_sql.database.mysql_wire import Wire
from share_sql.database.pool import Full
from share_sql.database.pooled import CONNECT_SECONDS, PooledDatabase

_FLAGS = ("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")
_OPTIONS = ("ssl_ca", "ssl_cert", "ssl_key", "unix_socket", *_FLAGS)
"""What a URL may set after its question mark; flags are true or false."""
_FINGERPRINT = """
SELECT table_name, engine, create_time, update_time, auto_increment FROM information_schema.tables
WHERE table_schema = database() ORDER BY table_name
"""


class MysqlDatabase(PooledDatabase[MysqlLink]):
    """A MySQL or MariaDB database as `database.base.Database`. Any number of threads may use it."""

    dialect = "mysql"

    def __init__(self, url: str, name: str | None = None) -> None:
        """Connect to `mysql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`, or `mariadb://…`.

        Args:
            url: percent-escaped. Options are PyMySQL's ssl_ca, ssl_cert, ssl_key, ssl_verify_cert,
                ssl_verify_identity, ssl_disabled and unix_socket.
            name: its name in messages; default: the database's.

        Raises:
            DatabaseMissing: the server has no such database.
            DatabaseUnreadable: the URL is none, or the server cannot be reached or lets nobody in.
        """
        self._address = address_of(url, "MySQL")
        if not self._address.database:
            raise errors.DatabaseUnreadable(
                "the URL of a MySQL database names none; give mysql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
        self._parameters = _parameters(self._address)
        self._modes: frozenset[str] = frozenset()
        super().__init__(name if name is not None else self._address.database)

    @property
    def modes(self) -> frozenset[str]:
        """The server's SQL modes, `@@sql_mode`: ANSI_QUOTES, say, changes what a query means."""
        return self._modes

    def fingerprint(self) -> str:
        """Hash of the user, the database's tables and when they were written, as far as the role sees them.

        The times are whole seconds. Raises as `query` does.
        """
        found = self.query(_FINGERPRINT).rows
        # Of another user, other rows may be seen.
        address = self._address
        where = (address.host, address.port, address.database, address.user, found)
        return hashlib.sha256(repr(where).encode()).hexdigest()[:16]

    def _open(self) -> Wire:
        return Wire(**self._parameters)

    def _open_to_kill(self) -> Wire:
        return Wire(**{**self._parameters, "connect_timeout": 1, "read_timeout": 1, "write_timeout": 1})

    def _connect(self) -> MysqlLink:
        wire = None
        try:
            wire = self._open()
            link = MysqlLink(self.name, wire, self._open_to_kill)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            if wire is not None:
                wire._force_close()
            failed = self._named(error)
        else:
            self._modes = link.modes
            return link
        raise failed  # out here: what the driver's error knows is not this one's context

    def _named(self, error: BaseException) -> Exception:
        """The error for a connection that did not come about."""
        code, message = told(error)
        password = self._address.password
        if password:
            message = message.replace(password, "…")
        if "cryptography" in message:
            return driver_missing("MySQL with passwords over a connection that is not encrypted", "mysql")
        said = f"{self.name}: {message}"
        if code == 1049:  # ER_BAD_DB_ERROR
            return errors.DatabaseMissing(f"{said}; check the database in the URL")
        if code in (1040, 1203, 1226):  # too many connections: of all, of the user
            return Full(errors.DatabaseUnreadable(f"{said}; close other connections or raise the limit"))
        if code in (1044, 1045, 1698, 2059):
            return errors.DatabaseUnreadable(f"{said}; check user, password and database in the URL")
        return errors.DatabaseUnreadable(f"{said}; check host and port in the URL, and whether it runs")


def _number(text: str) -> int | float:
    """A decimal: int where it is written as a whole number, else float."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


_READERS = {
    **dict.fromkeys(
        (
            FIELD_TYPE.TINY,
            FIELD_TYPE.SHORT,
            FIELD_TYPE.INT24,
            FIELD_TYPE.LONG,
            FIELD_TYPE.LONGLONG,
            FIELD_TYPE.YEAR,
        ),
        int,
    ),
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
    FIELD_TYPE.DECIMAL: _number,
    FIELD_TYPE.NEWDECIMAL: _number,
    FIELD_TYPE.BIT: _bits,
}
"""How the server's texts are read. What is not here stays text (dates, times, JSON) or bytes."""


def _parameters(address: Address) -> dict[str, Any]:
    """What PyMySQL is given. Raises DatabaseUnreadable for an option that is unknown."""
    for option in address.options:
        if option not in _OPTIONS:
            raise errors.DatabaseUnreadable(
                f"a MySQL URL has no option {option[:40]!r}; there are {', '.join(_OPTIONS)}"
            )
    options = {
        option: value.lower() in ("1", "true", "yes") if option in _FLAGS else value
        for option, value in address.options.items()
    }
    return {
        "host": address.host or "localhost",
        "port": address.port or 3306,
        "user": address.user,
        # As bytes: PyMySQL would encode it as Latin-1, and name it in the error where it cannot.
        "password": address.password.encode(),
        "database": address.database,
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": CONNECT_SECONDS,
        "write_timeout": CONNECT_SECONDS,
        "local_infile": False,
        "conv": _READERS,
        **options,
    }
