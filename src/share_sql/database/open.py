"""Open a database by its path or URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from share_sql.errors import DatabaseMissing, DatabaseUnreadable

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.database.child import Workers

LONGEST = 8192
"""Characters of a path or URL at most. No file system has longer paths."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
Opener = Callable[[str, str | None, "Workers | None"], "Database"]


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
    scheme = _SCHEME.match(where) if isinstance(where, str) else None
    if scheme is None:
        opener = _duckdb_file if str(where).lower().endswith(".duckdb") else _sqlite_file
        return opener(where, name, workers)
    kind = scheme[1].lower()
    if kind not in OPENERS:
        # The rest of the URL may hold a password: only the scheme is named.
        raise DatabaseUnreadable(
            f"databases of kind {kind}:// are not supported; give a path, sqlite:///PATH, duckdb:///PATH, "
            "postgresql://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE"
        )
    return OPENERS[kind](str(where), name, workers)


def _sqlite_file(where: str | Path, name: str | None, workers: Workers | None) -> Database:
    from share_sql.database.sqlite import SqliteDatabase

    return SqliteDatabase(where, name, workers)


def _duckdb_file(where: str | Path, name: str | None, workers: Workers | None) -> Database:
    from share_sql.database.duckdb import DuckdbDatabase

    return DuckdbDatabase(where, name, workers)


def _sqlite(url: str, name: str | None, workers: Workers | None) -> Database:
    return _sqlite_file(_path(url, "SQLite"), name, workers)


def _duckdb(url: str, name: str | None, workers: Workers | None) -> Database:
    return _duckdb_file(_path(url, "DuckDB"), name, workers)


def _postgres(url: str, name: str | None, _: Workers | None) -> Database:
    _driver("psycopg", "PostgreSQL", "postgres")
    from share_sql.database.postgres import PostgresDatabase

    return PostgresDatabase(url, name)


def _mysql(url: str, name: str | None, _: Workers | None) -> Database:
    _driver("pymysql", "MySQL", "mysql")
    from share_sql.database.mysql import MysqlDatabase

    return MysqlDatabase(url, name)


OPENERS: Mapping[str, Opener] = MappingProxyType(
    {
        "sqlite": _sqlite,
        "duckdb": _duckdb,
        "postgresql": _postgres,
        "postgres": _postgres,
        "mysql": _mysql,
        "mariadb": _mysql,
    }
)
"""By a URL's scheme: what opens its database."""


def _driver(module: str, title: str, extra: str) -> None:
    """Import a driver. Raises DatabaseUnreadable where its extra is not installed."""
    from share_sql.database.failures import driver_missing

    try:
        import_module(module)
    except ImportError:
        raise driver_missing(title, extra) from None


def _path(url: str, title: str) -> str:
    """The path in a URL of a file."""
    from urllib.parse import unquote

    scheme, _, rest = url.partition("://")
    if not rest.startswith("/") or len(rest) == 1:
        raise DatabaseUnreadable(
            f"a {title} URL is {scheme.lower()}:///PATH (relative) or {scheme.lower()}:////PATH (absolute)"
        )
    return unquote(rest[1:])
