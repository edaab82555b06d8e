"""Where a database is: a path or a URL, read without opening it."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from share_sql.dialects import DIALECTS, PLAIN, Dialect

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_SECRET = re.compile(r"(?i)pass|secret|token|key")
"""Parameters of a URL whose values are not shown."""
_FILES = frozenset({"sqlite", "duckdb"})
"""Schemes whose URL is a file's path."""


def is_url(where: str) -> bool:
    """Whether it is a URL, not a path."""
    return _SCHEME.match(where) is not None


def file_of(where: str) -> str | None:
    """The path of the file that holds the database; None where it is on a server."""
    scheme = _SCHEME.match(where)
    if scheme is None:
        return where
    rest = where[scheme.end() :].partition("?")[0]
    return unquote(rest[1:]) if scheme[0][:-3].lower() in _FILES and rest.startswith("/") else None


def dialect_at(where: str) -> Dialect:
    """The dialect that a place speaks by its scheme or ending, whether there is a database or not."""
    scheme = _SCHEME.match(where)
    if scheme is None:
        ending = PurePath(where).suffix.lower()
        return next((each for each in DIALECTS.values() if ending in each.endings), PLAIN)
    kind = scheme[0][:-3].lower()
    return next((each for each in DIALECTS.values() if kind in each.schemes), PLAIN)


def shown(where: str) -> str:
    """The same for messages, reports and the names of cached results: a URL without its password."""
    if not is_url(where):
        return where
    try:
        parts = urlsplit(where)
    except ValueError:
        parts = SplitResult("", "", where, "", "")
    if "@" not in parts.netloc and "@" in where:  # a password with a slash in it, say
        return where[: where.index("://")] + "://…"
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(each for each in parts.query.split("&") if not _SECRET.search(each.partition("=")[0]))
    return urlunsplit(SplitResult(parts.scheme, user.partition(":")[0] + at + host, parts.path, query, ""))


def name_of(where: str) -> str:
    """The database's name as its place gives it: a file's stem, the last part of a URL's path."""
    path = file_of(where)
    return PurePath(path).stem if path is not None else unquote(where.partition("?")[0].rpartition("/")[2])
