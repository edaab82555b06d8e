"""A database's path or URL as it may be shown: without what is secret in it."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from types import MappingProxyType
from urllib.parse import unquote

from share_sql.errors import DatabaseUnreadable

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(.*)", re.DOTALL)
_SERVERS = MappingProxyType(
    {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}
)
"""By a URL's scheme: the dialect of the server's database."""
_FILES = ("sqlite", "duckdb")
"""Schemes of files, which are their dialects' names."""
_SECRET = re.compile(r"(?i)\b((?:ssl)?password|passwd|pwd|passfile)=[^\s&;]*[&;]?")


def shown(where: str) -> str:
    """A path or URL without password, as names, messages and files may have it.

    The user, the host and the database stay; a path stays as it is. Two databases whose places differ in the
    password alone are shown alike.
    """
    url = _URL.fullmatch(where)
    if url is None:
        # libpq also takes `host=… password=…`.
        return _SECRET.sub("", where) if "=" in where else where
    scheme, rest = url.groups()
    # A password that is not escaped may hold any sign, the one that ends it too.
    before, at, place = rest.rpartition("@")
    user = before.partition(":")[0]
    place = _SECRET.sub("", place).rstrip("?&;")
    return f"{scheme}://{user}@{place}" if at and user else f"{scheme}://{place}"


def own_name(where: str) -> str:
    """The name of the database at a path or URL: the file's stem, or the last part of the URL's path."""
    url = _URL.fullmatch(where)
    if url is None:
        return PurePath(where).stem
    name = unquote(shown(where).partition("://")[2].partition("?")[0].rpartition("/")[2])
    return name if url[1].lower() in _SERVERS else PurePath(name).stem


def place_of(where: str) -> tuple[str, Path | None]:
    """The dialect of the database at a path or URL, and the file where it is one.

    Raises:
        DatabaseUnreadable: it is of a kind that is not known, or the URL of a file names none.
    """
    url = _URL.fullmatch(where)
    if url is None:
        return ("duckdb" if where.lower().endswith(".duckdb") else "sqlite"), Path(where)
    scheme, rest = url[1].lower(), url[2]
    if scheme in _SERVERS:
        return _SERVERS[scheme], None
    if scheme not in _FILES:
        # The rest of the URL may hold a password: only the scheme is named.
        known = ", ".join(f"{each}://" for each in (*_FILES, *_SERVERS))
        raise DatabaseUnreadable(f"databases of kind {scheme}:// are not supported; give a path, or {known}")
    if not rest.startswith("/") or len(rest) == 1:
        raise DatabaseUnreadable(
            f"the URL of a file is {scheme}:///PATH (relative) or {scheme}:////PATH (absolute)"
        )
    return scheme, Path(unquote(rest[1:]))
