"""How much is taken at once: requests under way, requests of one client, bytes and seconds of a body.

Connections, slow headers and answers that nobody reads are bounded below ASGI: `protocol.py`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from share_sql.serve.access import BATCH, Guard
from share_sql.serve.problems import problem

HEALTH = frozenset({"/healthz", "/readyz"})
"""Paths that whoever runs the service asks all the time: they count for nothing."""
WRONG_TOKEN = 10
"""Requests that a request with a wrong token counts as, so that guessing is slow."""
_CLIENTS = 4096
"""Clients that are remembered; the one unseen longest is forgotten for one more."""


class Rates:
    """A bucket of requests for each client, which fills again with time.

    Args:
        per_minute: what a bucket gains in a minute; a full one holds ten seconds' worth, ten at least.
        clock: tells seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gain = per_minute / 60
        self._most = max(10.0, per_minute / 6)
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Clients that are remembered."""
        return len(self._held)

    def take(self, client: str) -> float:
        """Take one request out of a client's bucket; 0, or the seconds until there is one."""
        held, now = self._now(client)
        self._keep(client, held - 1 if held >= 1 else held, now)
        return 0.0 if held >= 1 else (1 - held) / self._gain

    def charge(self, client: str, requests: float) -> None:
        """Take more out of a client's bucket than it may hold: it waits the longer."""
        held, now = self._now(client)
        self._keep(client, max(held - requests, -self._most), now)

    def _now(self, client: str) -> tuple[float, float]:
        now = self._clock()
        held, then = self._held.get(client, (self._most, now))
        return min(self._most, held + (now - then) * self._gain), now

    def _keep(self, client: str, held: float, now: float) -> None:
        self._held[client] = (held, now)
        self._held.move_to_end(client)
        if len(self._held) > _CLIENTS:
            self._held.popitem(last=False)


def client_of(scope: Scope) -> str:
    """Who counts as one client: an IPv4 address, or an IPv6 network of 64 bits, as one customer has it."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
    return host


class Limited:
    """An application that is asked by so many at once, and by each client so often."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._most = guard.max_requests
        self._share = max(1, guard.max_requests // 2) if guard.per_minute else guard.max_requests
        self._rates = Rates(guard.per_minute) if guard.per_minute else None
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        if (refusal := self._refusal(client)) is not None:
            await refusal(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if self._rates is not None and message.get("status") == 401:
                self._rates.charge(client, WRONG_TOKEN - 1)
            await send(message)

        self._under_way[client] += 1
        try:
            await self._app(scope, receive, watched)
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]

    def _refusal(self, client: str) -> Response | None:
        wait = self._rates.take(client) if self._rates is not None else 0.0
        if wait:
            return _later(429, "too-often", "too many requests of one client a minute", wait)
        if self._under_way.total() >= self._most:
            return _later(503, "busy", "too many requests are under way", 1)
        if self._under_way[client] >= self._share:
            return _later(429, "too-many", "too many requests of one client are under way", 1)
        return None


def _later(status: int, name: str, what: str, seconds: float) -> Response:
    wait = max(1, math.ceil(seconds))
    return problem(
        status, name, f"{what}; ask again in {wait} s", headers={"Retry-After": str(wait)}, retry_after=wait
    )


class _BodyRefused(HTTPException):
    """Raised where a body is read; frameworks let it through to their outside as they do any HTTP error."""


class Bodies:
    """An application whose requests' bodies are bounded in bytes and in time.

    starlette's own bound on bytes answers in plain text and knows no time. A body counts while it comes, so
    that what is sent in chunks is bounded too; only the time in which the application waits for it counts, so
    that one read slowly on purpose, as a batch is, is not taken for a slow caller.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._guard.largest(scope["path"])
        if _length(scope) > most:
            await _too_large(most)(scope, receive, send)
            return
        body = _Body(self._guard, most, receive, patient=scope["path"] == BATCH)
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if body.refusal is None:
                begun = True
                await send(message)

        try:
            await self._app(scope, body.receive, sent)
        except Exception:
            if body.refusal is None:
                raise
        # An answer that has begun is left without its end: so the caller sees that it is none.
        if body.refusal is not None and not begun:
            await body.refusal(scope, receive, send)


class _Body:
    """One request's body as it comes; `refusal` is what to answer where it is not taken."""

    def __init__(self, guard: Guard, most: int, receive: Receive, *, patient: bool) -> None:
        self.refusal: Response | None = None
        self._guard = guard
        self._most = most
        self._receive = receive
        self._bytes = 0
        self._waited = 0.0
        self._more = True
        self._patient = patient

    async def receive(self) -> Message:
        """The next message, as ASGI has it."""
        if not self._more:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left()):
                message = await self._receive()
        except TimeoutError:
            self._refuse(_too_slow())
            raise _BodyRefused(408) from None
        self._waited += time.monotonic() - began
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._more = message.get("more_body", False)
            if self._bytes > self._most:
                self._refuse(_too_large(self._most))
                raise _BodyRefused(413)
        else:
            self._more = False
        return message

    def _left(self) -> float:
        """Seconds that the next part may take."""
        if self._patient:
            return self._guard.batch_seconds
        return max(0.0, self._guard.body_seconds + self._bytes / self._guard.body_rate - self._waited)

    def _refuse(self, refusal: Response) -> None:
        self.refusal = refusal
        self._more = False


def _length(scope: Scope) -> int:
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    # More digits than a number of bytes has are no reason to make a number of them.
    return int(given[:20]) if given.isdigit() else 0


def _too_large(most: int) -> Response:
    return problem(413, "too-large", f"the body is larger than {most:,} bytes; send less at once", most=most)


def _too_slow() -> Response:
    return problem(
        408,
        "too-slow",
        "the body came too slowly; send it again, faster or in smaller parts",
        headers={"Connection": "close"},
    )
