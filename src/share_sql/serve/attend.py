"""Who waits for an answer: a request ends with its connection, and with the service.

A client that goes away stops the work that was done for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from share_sql.serve.doors import PASSES, Doors
from share_sql.serve.problems import other, response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Attended:
    """An ASGI application around another, which is cancelled when its client disconnects.

    Servers tell of a disconnection only to who asks them for the next message, and most routes ask for none
    after the body. So it is asked here, as soon as the body is through.

    Args:
        app: does the work.
        doors: keep out who comes when the service ends, and give up what takes too long then.
    """

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the answer is sent, nobody waits for it any more, or the service has ended."""
        if scope["type"] != "http" or scope["path"] in PASSES:
            await self._app(scope, receive, send)
            return
        if self._doors.shut:
            await _late(scope, receive, send)
            return
        attending = _Attending(receive, send, has_body=_has_body(scope))
        working = asyncio.ensure_future(_done(self._app(scope, attending.receive, attending.send)))
        watching = asyncio.ensure_future(attending.watch())
        try:
            with self._doors.entered(working):
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
        elif not attending.gone.is_set() and not attending.started:
            await _late(scope, receive, send)


class _Attending:
    """The messages of one request, looked at as they go by."""

    def __init__(self, receive: Receive, send: Send, *, has_body: bool) -> None:
        self.gone = asyncio.Event()
        """Set when the client has gone."""
        self.started = False
        """Whether the answer has begun."""
        self.answered = False
        """Whether the whole answer was sent."""
        self._receive = receive
        self._send = send
        self._given = False
        self._read = asyncio.Event()
        """Set when the whole body was read: what comes then is the end of the connection."""
        if not has_body:
            self._read.set()

    async def receive(self) -> Message:
        """The body's next part; then the disconnection."""
        if self._read.is_set():
            if not self._given:
                self._given = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._given = True
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone.set()
            self._read.set()
        elif not message.get("more_body", False):
            self._read.set()
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        self.started = True
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True

    async def watch(self) -> None:
        """Return when the client has gone."""
        await self._read.wait()
        while not self.gone.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self.gone.set()


async def _done(work: Awaitable[None]) -> None:
    await work  # an application gives some awaitable; a task is made of a coroutine


async def _late(scope: Scope, receive: Receive, send: Send) -> None:
    answer = response(other("draining"))
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
