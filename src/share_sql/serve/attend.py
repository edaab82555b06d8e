"""Whoever goes away stops the work that was done for him: a request ends with its connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Attended:
    """An ASGI application around another, which is cancelled when its client disconnects.

    Servers tell of a disconnection only to who asks them for the next message, and most routes ask for none
    after the body. So it is asked here, as soon as the body is through.

    Args:
        app: does the work.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the answer is sent or nobody waits for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        attending = _Attending(receive, send)
        working = asyncio.ensure_future(self._app(scope, attending.receive, attending.send))
        watching = asyncio.ensure_future(attending.watch())
        if not _has_body(scope):
            attending.read.set()
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and not attending.answered:
                working.cancel()
            await asyncio.wait({working})
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.wait({working})
            raise
        finally:
            watching.cancel()
        if not working.cancelled():
            working.result()


class _Attending:
    """The messages of one request, looked at as they go by."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.read = asyncio.Event()
        """Set when the whole body was read: what comes then is the end of the connection."""
        self.answered = False
        """Whether the whole answer was sent."""
        self._gone = asyncio.Event()
        self._first = True

    async def receive(self) -> Message:
        """The body's next part; then the disconnection."""
        if self.read.is_set() and not self._first:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._first = False
        if self.read.is_set():
            return {"type": "http.request", "body": b"", "more_body": False}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone.set()
            self.read.set()
        elif not message.get("more_body", False):
            self.read.set()
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True

    async def watch(self) -> None:
        """Return when the client has gone."""
        await self.read.wait()
        while not self._gone.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self._gone.set()


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
