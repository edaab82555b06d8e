"""The path or URL of a database: taken apart, and as it may be shown. A password is shown nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from share_sql import errors
from share_sql.dialects import PLAIN, Dialect, dialect_of

_URL = re.compile(r"[A-Za-z+]+://(?:([^/?#@]*)@)?([^/?#@]*)(?:/([^?#@]*))?(?:\?([^#]*))?")
"""Signs that a password must have escaped stand nowhere else either: of `p@ss` a part would be a host."""
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ANY_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(.*)", re.DOTALL)
_SERVERS = MappingProxyType(
    {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}
)
"""By a URL's scheme: the dialect of the server's database."""
_FILES = ("sqlite", "duckdb")
"""Schemes of files, which are their dialects' names."""
_SECRET = re.compile(r"(?i)\b((?:ssl)?password|passwd|pwd|passfile)=[^\s&;]*[&;]?")


@dataclass(frozen=True)
class Address:
    """Where a server is and how to get in."""

    user: str
    password: str = field(repr=False)
    host: str
    """Several with commas between them where the driver knows that."""
    port: int | None
    """None: the server's usual one, or several hosts with ports of their own."""
    database: str
    options: Mapping[str, str]


def address_of(url: str, title: str) -> Address:
    """Take a URL apart: `scheme://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`, percent-escaped.

    Args:
        url: the URL.
        title: the server's name for people.

    Raises:
        DatabaseUnreadable: it is none; no part of it is shown, because a password may be in any.
    """
    found = _URL.fullmatch(url)
    bad = errors.DatabaseUnreadable(
        f"this is no URL of a {title} database; give {url.partition(':')[0].lower()}://USER:PASSWORD@HOST:PORT"
        "/DATABASE, with signs such as @ : / ? # % in user and password percent-escaped (@ as %40)"
    )
    if found is None or _ESCAPE.search(url):
        raise bad
    account, place, database, options = (part or "" for part in found.groups())
    user, _, password = account.partition(":")
    host, port = place, ""
    if "," not in place and not place.endswith("]"):
        host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    with suppress(ValueError):  # UnicodeDecodeError too, which quotes what it was given
        return Address(
            user=_text(user),
            password=_text(password),
            host=_text(host),
            port=int(port) if port else None,
            database=_text(database),
            options=dict(parse_qsl(options, keep_blank_values=True, errors="strict")),
        )
    raise bad


def _text(escaped: str) -> str:
    return unquote_to_bytes(escaped).decode()


def shown(where: str) -> str:
    """A path or URL without password, as names, messages and files may have it.

    The user, the host and the database stay; a path stays as it is. Two databases whose places differ in the
    password alone are shown alike.
    """
    url = _ANY_URL.fullmatch(where)
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
    url = _ANY_URL.fullmatch(where)
    if url is None:
        return PurePath(where).stem
    name = unquote(shown(where).partition("://")[2].partition("?")[0].rpartition("/")[2])
    return name if url[1].lower() in _SERVERS else PurePath(name).stem


def place_of(where: str) -> tuple[str, Path | None]:
    """The dialect of the database at a path or URL, and the file where it is one.

    Raises:
        DatabaseUnreadable: it is of a kind that is not known, or the URL of a file names none.
    """
    url = _ANY_URL.fullmatch(where)
    if url is None:
        return ("duckdb" if where.lower().endswith(".duckdb") else "sqlite"), Path(where)
    scheme, rest = url[1].lower(), url[2]
    if scheme in _SERVERS:
        return _SERVERS[scheme], None
    if scheme not in _FILES:
        # The rest of the URL may hold a password: only the scheme is named.
        raise errors.DatabaseUnreadable(
            f"databases of kind {scheme}:// are not supported; give a path, sqlite:///PATH, duckdb:///PATH, "
            "postgresql://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE"
        )
    if not rest.startswith("/") or len(rest) == 1:
        raise errors.DatabaseUnreadable(
            f"the URL of a file is {scheme}:///PATH (relative) or {scheme}:////PATH (absolute)"
        )
    return scheme, Path(unquote(rest[1:]))


def is_url(where: str) -> bool:
    """Whether it is a URL, not a path."""
    return _ANY_URL.match(where) is not None


def file_of(where: str) -> str | None:
    """The path of the file that holds the database; None where it is on a server, or of no known kind."""
    if not is_url(where):
        return where
    try:
        path = place_of(where)[1]
    except errors.DatabaseUnreadable:
        return None
    return str(path) if path is not None else None


def dialect_at(where: str) -> Dialect:
    """The dialect that a place speaks by its scheme or ending, whether there is a database or not; the one
    that goes without saying where the scheme is not known."""
    try:
        return dialect_of(place_of(where)[0])
    except errors.DatabaseUnreadable:
        return PLAIN
