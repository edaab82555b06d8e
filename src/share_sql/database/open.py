"""Open a database by its path or URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from share_sql.database.address import place_of
from share_sql.errors import DatabaseMissing

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.database.child import Workers

LONGEST = 8192
"""Characters of a path or URL at most. No file system has longer paths."""

Opener = Callable[["str | Path", str | None, "Workers | None"], "Database"]


def open_database(where: str | Path, name: str | None = None, workers: Workers | None = None) -> Database:
    """The database at a path or URL, opened read-only.

    `where` is a path: of a DuckDB file where it ends in `.duckdb`, else of a SQLite file; or a URL:
    `sqlite:///PATH`, `duckdb:///PATH` (three slashes: relative, four: absolute; the path percent-escaped,
    as in SQLAlchemy's URLs), `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, `mysql://…`, `mariadb://…`.
    `name` is its name in messages; default: the file's stem, or the database's name. `workers` lends the
    processes that read a SQLite or DuckDB file and gets them back at `close`: worth it where many are opened
    one after another. Raises DatabaseMissing, DatabaseUnreadable.
    """
    if len(str(where)) > LONGEST:
        raise DatabaseMissing(
            f"there is no database of this name, which is {len(str(where)):,} characters long; give a "
            "name, a path or a URL"
        )
    dialect, file = place_of(where) if isinstance(where, str) else (place_of(str(where))[0], where)
    return OPENERS[dialect](str(where) if file is None else file, name, workers)


def _sqlite(file: str | Path, name: str | None, workers: Workers | None) -> Database:
    from share_sql.database.sqlite import SqliteDatabase

    return SqliteDatabase(file, name, workers)


def _duckdb(file: str | Path, name: str | None, workers: Workers | None) -> Database:
    from share_sql.database.duckdb import DuckdbDatabase

    return DuckdbDatabase(file, name, workers)


def _postgres(url: str | Path, name: str | None, _: Workers | None) -> Database:
    _driver("psycopg", "PostgreSQL", "postgres")
    from share_sql.database.postgres import PostgresDatabase

    return PostgresDatabase(str(url), name)


def _mysql(url: str | Path, name: str | None, _: Workers | None) -> Database:
    _driver("pymysql", "MySQL", "mysql")
    from share_sql.database.mysql import MysqlDatabase

    return MysqlDatabase(str(url), name)


OPENERS: Mapping[str, Opener] = MappingProxyType(
    {"sqlite": _sqlite, "duckdb": _duckdb, "postgres": _postgres, "mysql": _mysql}
)
"""By dialect: what opens its database, given the file's path or the server's URL."""


def _driver(module: str, title: str, extra: str) -> None:
    """Import a driver. Raises DatabaseUnreadable where its extra is not installed."""
    from share_sql.database.failures import driver_missing

    try:
        import_module(module)
    except ImportError:
        raise driver_missing(title, extra) from None
