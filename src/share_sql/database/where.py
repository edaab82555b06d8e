"""Where a database is: a path or a URL, read without opening it and without an error."""

from __future__ import annotations

import re

from share_sql.database.address import place_of
from share_sql.dialects import PLAIN, Dialect, dialect_of
from share_sql.errors import DatabaseUnreadable

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")


def is_url(where: str) -> bool:
    """Whether it is a URL, not a path."""
    return _SCHEME.match(where) is not None


def file_of(where: str) -> str | None:
    """The path of the file that holds the database; None where it is on a server, or of no known kind."""
    if not is_url(where):
        return where
    try:
        path = place_of(where)[1]
    except DatabaseUnreadable:
        return None
    return str(path) if path is not None else None


def dialect_at(where: str) -> Dialect:
    """The dialect that a place speaks by its scheme or ending, whether there is a database or not; the one
    that goes without saying where the scheme is not known."""
    try:
        return dialect_of(place_of(where)[0])
    except DatabaseUnreadable:
        return PLAIN
