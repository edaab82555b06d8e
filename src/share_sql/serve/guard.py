"""The guard around any ASGI application of the service: the HTTP service, its page, MCP over HTTP.

Covered:
- Strangers. Each request but those for the page's files and the state of health needs the token, where one is
  set; where others than this machine can call, one must be set (`access.py`).
- Other sites in the user's browser. A Host that is not the service's own is refused (DNS rebinding); so is a
  request that a browser sends for another site (Origin, Sec-Fetch-Site), unless the settings list that site,
  and a body of a kind that a form can send.
- Readings that differ. Targets and headers that two programs may read in two ways are refused: encoded
  slashes, `..`, empty segments, NUL, whole URLs, a length beside chunks, headers given twice.
- Too much. Sizes, rates, slow callers, callers that do not read: `limits.py`, `protocol.py`.
- Scripts in what is shown. Nothing on a page runs, loads or frames but the service's own files.

Not covered:
- TLS. A token in plain HTTP is read by whoever sees the network: put a proxy with TLS before the service.
- Rights. Who has the token may ask every database that is served; there are no users.
- Floods that fill the network or the kernel's queues, and many clients who each stay below their rate.
- What a database's own role may read: `share doctor` tells it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from share_sql.serve.access import Guard
from share_sql.serve.limits import Bodies, Limited
from share_sql.serve.problems import problem

SAFE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
"""Headers of every answer."""

_SINGLE = (b"host", b"origin", b"authorization", b"content-type", b"content-length", b"sec-fetch-site")
"""Headers that a request has once at most."""
_KINDS: Mapping[str, frozenset[bytes]] = MappingProxyType(
    {
        "POST": frozenset(
            {b"application/json", b"application/jsonl", b"application/x-ndjson", b"application/x-jsonlines"}
        ),
        "PUT": frozenset({b"application/octet-stream", b"application/vnd.sqlite3"}),
    }
)
"""By method: media types of bodies. A form of another site can send none of them."""
LONGEST_HEAD = 16 * 1024
"""Bytes of a request's headers."""
_LONGEST_TARGET = 2_000


def guarded(app: ASGIApp, guard: Guard) -> ASGIApp:
    """An application behind the guard.

    Args:
        app: any ASGI application.
        guard: what is let in.
    """
    inside: ASGIApp = _Checked(Bodies(app, guard), guard, (_token, _kind))
    if guard.origins:
        # Answers a browser's question beforehand, which carries no token.
        inside = CORSMiddleware(
            inside,
            allow_origins=sorted(guard.origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "WWW-Authenticate"],
        )
    return _Dressed(Limited(_Checked(inside, guard, (_target, _framing, _host, _origin)), guard))


def open_paths() -> frozenset[str]:
    """Paths that need no token: the page's files, the routes' description, which says nothing of any
    database, and the state of health. All others do."""
    found = {"/healthz", "/readyz", "/docs", "/openapi.json"}

    def walk(folder: Traversable, path: str) -> None:
        for each in folder.iterdir():
            if each.is_dir():
                walk(each, f"{path}{each.name}/")
            else:
                found.add(path + each.name)
                if each.name == "index.html":
                    found.update({path, path.rstrip("/") or "/"})

    walk(files("share_sql.serve") / "page", "/")
    return frozenset(found)


class _Request:
    """A request's head, as the checks read it."""

    def __init__(self, scope: Scope, guard: Guard, free: frozenset[str]) -> None:
        self.guard = guard
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw: bytes = scope.get("raw_path") or self.path.encode()
        self.query: bytes = scope.get("query_string") or b""
        self.open = self.path in free and self.method in ("GET", "HEAD")
        """Whether it is for what everybody may see."""
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]

    def header(self, name: bytes) -> bytes | None:
        """The value of a header."""
        return next((value for key, value in self.headers if key == name), None)


_Check = Callable[[_Request], Response | None]


class _Checked:
    """An application asked only where no check answers in its place."""

    def __init__(self, app: ASGIApp, guard: Guard, checks: tuple[_Check, ...]) -> None:
        self._app = app
        self._guard = guard
        self._checks = checks
        self._free = open_paths()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            request = _Request(scope, self._guard, self._free)
            refusals = (check(request) for check in self._checks)
            answer = next((each for each in refusals if each is not None), self._app)
        await answer(scope, receive, send)


def _target(request: _Request) -> Response | None:
    """A path that is read in one way alone."""
    if len(request.raw) + len(request.query) > _LONGEST_TARGET:
        return problem(
            414,
            "target-too-long",
            f"the URL is longer than {_LONGEST_TARGET:,} bytes; long texts go into a body",
        )
    try:
        path = unquote_to_bytes(request.raw).decode()
    except UnicodeDecodeError:
        path = ""
    raw = request.raw.lower()
    inside = path[1:].split("/")
    odd = (
        not path.startswith("/")
        or b"%2f" in raw
        or "\\" in path
        or any(unicodedata.category(each) == "Cc" for each in path)
        or any(each in (".", "..") or (not each and at < len(inside) - 1) for at, each in enumerate(inside))
    )
    if odd:
        return problem(
            400, "target-unusable", "the URL's path has parts that are not taken; see /docs for paths"
        )
    return None


def _framing(request: _Request) -> Response | None:
    """Headers that are read in one way alone, and are not too many."""
    if sum(len(name) + len(value) for name, value in request.headers) > LONGEST_HEAD:
        return problem(
            431, "headers-too-large", f"the headers have more than {LONGEST_HEAD:,} bytes; send fewer"
        )
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        # Who framed it otherwise has another request behind it: nothing more is read.
        return problem(
            400,
            "headers-contradict",
            "the request has both Content-Length and Transfer-Encoding; send one of them",
            headers={"Connection": "close"},
        )
    for name in _SINGLE:
        if names.count(name) > 1:
            return problem(400, "header-repeated", f"the header {name.decode()} is given twice; send it once")
    return None


def _host(request: _Request) -> Response | None:
    """A Host of this service: a page of a site whose name was pointed here has that site's."""
    given = request.header(b"host")
    known = request.guard.knows_host(given.decode("latin-1")) if given else None
    if known is None:
        return problem(400, "host-unusable", "the request has no usable Host header; send the service's")
    if not known:
        return problem(
            421,
            "host-unknown",
            "this service does not answer under that name; add it to `hosts` in [service]",
        )
    return None


def _origin(request: _Request) -> Response | None:
    """No request that a browser sends for another site."""
    if request.open:
        return None
    origin = request.header(b"origin")
    given = origin.decode("latin-1") if origin is not None else None
    if given is not None:
        fine = given in request.guard.origins or _is_own(given, request.header(b"host") or b"")
    else:
        # `none`: the user typed the address. Other programs than browsers send nothing.
        fine = (request.header(b"sec-fetch-site") or b"none").lower() in (b"none", b"same-origin")
    if fine:
        return None
    return problem(
        403,
        "origin-unknown",
        "pages of that site may not call this service; add its origin to `origins` in [service]",
    )


def _is_own(origin: str, host: bytes) -> bool:
    """Whether an origin is the service's own. Scheme and port may be a proxy's, so they count as in Host."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    own = host.decode("latin-1").lower()
    return parts.netloc.lower().removesuffix(default) == own.removesuffix(default)


def _token(request: _Request) -> Response | None:
    """The token, where one is set."""
    if request.open or request.guard.token is None:
        return None
    scheme, _, given = (request.header(b"authorization") or b"").strip().partition(b" ")
    if scheme.lower() == b"bearer" and request.guard.knows_token(given.strip()):
        return None
    challenge = 'Bearer realm="share"'
    if scheme:
        challenge += ', error="invalid_token"'
    return problem(
        401,
        "token-wrong" if scheme else "token-missing",
        "this service asks for a token; send it as Authorization: Bearer TOKEN",
        headers={"WWW-Authenticate": challenge},
    )


def _kind(request: _Request) -> Response | None:
    """A body of a kind that is taken."""
    kinds = _KINDS.get(request.method)
    if kinds is None:
        return None
    given, *parameters = (request.header(b"content-type") or b"").lower().split(b";")
    charsets = [
        each.partition(b"=")[2].strip(b' "') for each in parameters if each.strip().startswith(b"charset")
    ]
    plain = (request.header(b"content-encoding") or b"identity").lower() == b"identity"
    if given.strip() in kinds and all(each in (b"utf-8", b"utf8") for each in charsets) and plain:
        return None
    takes = b", ".join(sorted(kinds)).decode()
    return problem(
        415,
        "media-type-unknown",
        f"the body's Content-Type is not taken; {request.method} takes {takes} in UTF-8",
    )


class _Dressed:
    """An application whose answers all have the safe headers; what is not open is kept in no cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._free = open_paths()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers[name] = value
                fine = scope["path"] in self._free and message["status"] < 400
                headers["Cache-Control"] = "no-cache" if fine else "no-store"
            await send(message)

        await self._app(scope, receive, dressed)
