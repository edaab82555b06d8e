"""A database's path or URL as it may be shown: without what is secret in it."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import unquote

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(.*)", re.DOTALL)
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


_SERVERS = frozenset({"postgresql", "postgres", "mysql", "mariadb"})
