"""DuckDB files, read-only, in this process."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any, Self

from share_sql import errors
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.database.text import checked, one_line

_CONFIG = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
    "threads": "2",
    "temp_directory": "",
    "max_temp_directory_size": "0KB",
    "lock_configuration": "true",
}


class DuckdbDatabase:
    """A DuckDB file as `database.base.Database`."""

    dialect = "duckdb"

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        import duckdb

        self.path = Path(path).absolute()
        self.name = name if name is not None else self.path.stem
        if not self.path.exists():
            raise errors.DatabaseMissing(f"{self.name}: there is no file {self.path}; check the path")
        try:
            self._connection: Any = duckdb.connect(str(self.path), read_only=True, config=_CONFIG)
        except duckdb.Error as error:
            raise errors.DatabaseUnreadable(f"{self.name}: {self.path} cannot be read: {one_line(error)}") from None
        self._closed = False

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        import duckdb

        limits = limits or Limits()
        sql = checked(sql, self.name)
        if self._closed:
            raise errors.DatabaseUnreadable(f"{self.name}: this connection is closed; open the database again")
        began = time.monotonic()
        cursor = self._connection.cursor()
        timer = threading.Timer(limits.seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1:
                raise errors.QueryRefused(f"{self.name}: give one statement")
            if statements[0].type.name not in ("SELECT", "EXPLAIN"):
                raise errors.QueryRefused(f"{self.name}: only reading this database is allowed")
            cursor.execute(statements[0])
            columns = tuple(part[0] for part in cursor.description)
            rows: list[Row] = []
            size = 0
            while len(rows) < limits.rows:
                part = cursor.fetchmany(min(1024, limits.rows - len(rows)))
                if not part:
                    return QueryResult(columns, tuple(rows), False, time.monotonic() - began)
                for row in part:
                    rows.append(tuple(map(_value, row)))
                    size += 48 + sum(40 + (len(v) if isinstance(v, str | bytes) else 8) for v in rows[-1])
                if size > limits.bytes:
                    raise errors.QueryTooLarge(
                        f"{self.name}: the result is larger than {limits.bytes:,} bytes; narrow it"
                    )
            return QueryResult(columns, tuple(rows), cursor.fetchone() is not None, time.monotonic() - began)
        except duckdb.InterruptException:
            raise errors.QueryTimeout(
                f"{self.name}: stopped at its deadline; simplify the query or give it more time"
            ) from None
        except duckdb.OutOfMemoryException as error:
            raise errors.QueryTooLarge(f"{self.name}: {one_line(error)}") from None
        except duckdb.PermissionException as error:
            raise errors.QueryRefused(f"{self.name}: {one_line(error)}") from None
        except duckdb.Error as error:
            raise errors.QueryError(f"{self.name}: {one_line(error)}") from None
        finally:
            timer.cancel()
            cursor.close()

    def fingerprint(self) -> str:
        """Hash of the file's identity, size and times, and its log's."""
        parts: list[object] = [str(self.path)]
        for path in (self.path, Path(f"{self.path}.wal")):
            try:
                found = os.stat(path)
            except OSError:
                parts.append(None)
            else:
                parts.append((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._closed = True
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DuckdbDatabase({str(self.path)!r}, name={self.name!r})"


def _value(value: Any) -> Any:
    if value is None or isinstance(value, str | float | bytes):
        return value
    if isinstance(value, int):  # bool too
        return int(value)
    if isinstance(value, decimal.Decimal):
        return float(value) if value.as_tuple().exponent else int(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
