"""Who may call the service, from where and with how much: made of the settings once, before it listens."""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from share_sql.errors import SettingsError

if TYPE_CHECKING:
    from share_sql.settings import ServiceSettings

TOKEN = "SHARE_TOKEN"  # noqa: S105  (the variable's name)
"""The environment's variable that holds the token."""
BATCH, UPLOADS, MCP = "/v1/batch", "/v1/uploads", "/mcp"
"""Paths whose bodies have bounds of their own."""
MOST_MCP = 2_000_000
"""Bytes of a request for tools, whose reading is the SDK's, in the event loop."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts by which this machine calls itself."""
LEAST_TOKEN = 16
"""Characters of a token at least."""
ELSEWHERE_PER_MINUTE = 600
"""Requests of one client a minute, where the service listens on more than loopback and nothing is said."""

_TOKEN = re.compile(r"[!-~]+")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)(?::([0-9]{1,5}))?")
_MAKE_ONE = 'one is made by: python -c "import secrets; print(secrets.token_urlsafe(32))"'


@dataclass(frozen=True)
class Guard:
    """What is let in."""

    hosts: frozenset[str] = LOOPBACK
    """Names that a Host header may have, in lower case and without a port."""
    addresses: bool = False
    """Whether it may have any IP address too. A name that somebody else controls can be pointed at this
    machine, an address cannot."""
    origins: frozenset[str] = frozenset()
    """Other sites whose pages may call, as browsers write them."""
    token: str | None = field(default=None, repr=False)
    """What a caller must send; None: nobody is asked."""
    proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    per_minute: int = 0
    """Requests of one client; 0: any number."""
    max_requests: int = 128
    """Requests under way at once; one client may have half of them where `per_minute` bounds it."""
    max_connections: int = 512
    """Connections open at once."""
    max_body: int = 8_000_000
    """Bytes of a request."""
    bodies: Mapping[str, int] = field(default_factory=dict)
    """By path: bytes of a request there."""
    head_seconds: float = 10.0
    """What a request's line and headers may take, from the connection or the last answer on."""
    body_seconds: float = 10.0
    """What may be waited for a body in all, beside what its size takes at `body_rate`."""
    body_rate: float = 20_000.0
    """Bytes a second of a body."""
    batch_seconds: float = 60.0
    """What may be waited for the next part of a batch, which may be made while it is sent."""
    send_seconds: float = 30.0
    """How long a caller may leave what is sent to it unread."""

    def largest(self, path: str) -> int:
        """Bytes that a request to a path may have."""
        return self.bodies.get(path, self.max_body)

    def knows_host(self, text: str) -> bool | None:
        """Whether a Host header's text is one of this service's; None where it is no host at all."""
        found = _HOST.fullmatch(text.lower())
        if found is None or int(found[2] or 0) > 65535:
            return None
        host = found[1].strip("[]")
        return host in self.hosts or (self.addresses and _is_address(host))

    def knows_token(self, given: bytes) -> bool:
        """Whether a token is the right one; it takes as long for each that is wrong."""
        return self.token is None or hmac.compare_digest(given, self.token.encode())


def guard_of(service: ServiceSettings, environment: Mapping[str, str] | None = None) -> Guard:
    """The guard that settings ask for.

    Args:
        service: with the host that is really listened on.
        environment: variables; None for the process's.

    Raises:
        SettingsError: the service would listen where others reach it without a token, the token or its file
            cannot be used, or an entry of `hosts`, `origins` or `proxies` is none.
    """
    token = _token_of(service, os.environ if environment is None else environment)
    alone = is_loopback(service.host)
    if not alone and token is None:
        raise SettingsError(
            f"the service would be open to all who reach {service.host}: set {TOKEN}, or token-file in "
            f"[service], or listen on 127.0.0.1; {_MAKE_ONE}"
        )
    hosts = {_host(each) for each in service.hosts}
    if not alone and not _is_address(service.host):
        hosts.add(_host(service.host))
    limit = service.requests_per_minute
    own = {BATCH: service.max_batch, UPLOADS: service.max_upload if service.uploads else 0}
    return Guard(
        hosts=LOOPBACK | hosts,
        addresses=not alone,
        origins=frozenset(map(_origin, service.origins)),
        token=token,
        proxies=tuple(_proxies(service.proxies)),
        per_minute=limit if limit is not None else 0 if alone else ELSEWHERE_PER_MINUTE,
        max_requests=service.max_requests,
        max_connections=service.max_connections,
        max_body=service.max_body,
        # A batch and an upload count their own bytes: they can say more than that it is too much.
        bodies={
            **{each: most + service.max_body for each, most in own.items()},
            MCP: min(MOST_MCP, service.max_body),
        },
    )


def is_loopback(host: str) -> bool:
    """Whether what listens on a host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _host(text: str) -> str:
    found = _HOST.fullmatch(text.lower())
    if found is None or found[2]:
        raise SettingsError(
            f"service.hosts: {text!r} is no host; give a name without scheme and port, as share.example"
        )
    return found[1].strip("[]")


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or _HOST.fullmatch(parts.netloc) is None or parts.path:
        raise SettingsError(
            f"service.origins: {text!r} is no origin; give scheme and host alone, as https://notes.example"
        )
    return text.lower()


def _proxies(given: Iterable[str]) -> Iterable[str]:
    for each in given:
        try:
            yield str(ipaddress.ip_network(each))
        except ValueError:
            raise SettingsError(
                f"service.proxies: {each!r} is no address or network; give one, as 10.0.0.7 or 10.0.0.0/24"
            ) from None


def _token_of(service: ServiceSettings, environment: Mapping[str, str]) -> str | None:
    """The token of the environment, else of the settings. No message shows any part of it."""
    if TOKEN in environment:
        return _checked(environment[TOKEN], f"the environment's {TOKEN}")
    if service.token is not None:
        return _checked(service.token, "service.token")
    if service.token_file is not None:
        return _checked(_read(Path(service.token_file)), f"the token in {service.token_file}")
    return None


def _checked(token: str, what: str) -> str:
    if len(token) < LEAST_TOKEN or not _TOKEN.fullmatch(token):
        raise SettingsError(
            f"{what} is no token: it takes {LEAST_TOKEN} or more letters, digits and signs, without spaces; "
            f"{_MAKE_ONE}"
        )
    return token


def _read(file: Path) -> str:
    """What a token's file holds."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SettingsError(f"the token file {file} is open to all users; call: chmod o-rwx {file}")
            held = opened.read(4096)
    except OSError as error:
        raise SettingsError(
            f"the token file {file} cannot be read: {error.strerror or error}; name another as token-file"
        ) from None
    # What is not ASCII becomes a sign that no token has.
    return held.decode("ascii", "replace").strip()
