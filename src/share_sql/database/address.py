"""The URL of a database on a server, taken apart; its password is shown nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from share_sql import errors

_URL = re.compile(r"[A-Za-z+]+://(?:([^/?#@]*)@)?([^/?#@]*)(?:/([^?#@]*))?(?:\?([^#]*))?")
"""Signs that a password must have escaped stand nowhere else either: of `p@ss` a part would be a host."""
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


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
    try:
        return Address(
            user=_text(user),
            password=_text(password),
            host=_text(host),
            port=int(port) if port else None,
            database=_text(database),
            options=dict(parse_qsl(options, keep_blank_values=True, errors="strict")),
        )
    except ValueError:  # UnicodeDecodeError too
        raise bad from None


def _text(escaped: str) -> str:
    return unquote_to_bytes(escaped).decode()
