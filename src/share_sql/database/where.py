"""Where a database is: a path or a URL, read without opening it."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import unquote

from share_sql.dialects import DIALECTS, PLAIN, Dialect

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")


def is_url(where: str) -> bool:
    """Whether it is a URL, not a path."""
    return _SCHEME.match(where) is not None


def file_of(where: str) -> str | None:
    """The path of the file that holds the database; None where it is on a server."""
    scheme = _SCHEME.match(where)
    if scheme is None:
        return where
    rest = where[scheme.end() :].partition("?")[0]
    kind = scheme[0][:-3].lower()
    files = any(kind in each.schemes and each.endings for each in DIALECTS.values())
    return unquote(rest[1:]) if files and rest.startswith("/") else None


def dialect_at(where: str) -> Dialect:
    """The dialect that a place speaks by its scheme or ending, whether there is a database or not."""
    scheme = _SCHEME.match(where)
    if scheme is None:
        ending = PurePath(where).suffix.lower()
        return next((each for each in DIALECTS.values() if ending in each.endings), PLAIN)
    kind = scheme[0][:-3].lower()
    return next((each for each in DIALECTS.values() if kind in each.schemes), PLAIN)
