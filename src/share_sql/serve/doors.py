"""The service's doors: how many requests are inside, and the end, when no more are let in.

Probes and figures pass shut doors: whoever asks whether the service is ready must hear that it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from share_sql.serve.problems import other, response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PASSES = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is answered while the service ends, and never waited for."""


class Doors:
    """Open until they are shut; lives in one event loop, but may be shut by a signal's handler."""

    def __init__(self) -> None:
        self.shut = False
        """Whether the service is ending."""
        self.inside = 0
        """Requests that are being answered, streams included."""


class BehindDoors:
    """An ASGI application behind doors.

    Args:
        app: what is inside.
        doors: count who comes in, and keep out who comes late.
    """

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or say that the service is ending."""
        if scope["type"] != "http" or scope["path"] in PASSES:
            await self._app(scope, receive, send)
            return
        if self._doors.shut:
            late = response(other("draining"))
            late.headers["Connection"] = "close"
            await late(scope, receive, send)
            return
        self._doors.inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._doors.inside -= 1
