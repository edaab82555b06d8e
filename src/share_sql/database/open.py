"""Open a database by its path or URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.errors import DatabaseMissing, DatabaseUnreadable

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.database.child import Workers

LONGEST = 8192
"""Characters of a path or URL at most. No file system has longer paths."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")


def open_database(where: str | Path, name: str | None = None, workers: Workers | None = None) -> Database:
    """The database at a path or URL, opened read-only.

    `where` is the path of a SQLite file or `sqlite:///PATH` (three slashes: relative, four: absolute; the
    path percent-escaped, as in SQLAlchemy's URLs). `name` is its name in messages; default: the file's
    stem. `workers` lends the process that reads a SQLite file and gets it back at `close`: worth it where
    many are opened one after another. Raises DatabaseMissing, DatabaseUnreadable.
    """
    from share_sql.database.sqlite import SqliteDatabase

    if len(str(where)) > LONGEST:
        raise DatabaseMissing(
            f"there is no database of this name, which is {len(str(where)):,} characters long; give a "
            "name, a path or a URL"
        )
    if isinstance(where, Path):
        return SqliteDatabase(where, name, workers)
    scheme = _SCHEME.match(where)
    if scheme is None:
        return SqliteDatabase(where, name, workers)
    kind = scheme[1].lower()
    if kind != "sqlite":
        # The rest of the URL may hold a password: only the scheme is named.
        raise DatabaseUnreadable(
            f"databases of kind {kind}:// are not supported; give a path or sqlite:///PATH"
        )
    rest = where[scheme.end() :]
    if not rest.startswith("/") or len(rest) == 1:
        raise DatabaseUnreadable("a SQLite URL is sqlite:///PATH (relative) or sqlite:////PATH (absolute)")
    from urllib.parse import unquote

    return SqliteDatabase(unquote(rest[1:]), name, workers)
