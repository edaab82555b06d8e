"""uvicorn's HTTP protocol with bounds that it lacks: connections, slow headers, answers that nobody reads.

uvicorn waits for a request's headers, and for a caller to read, without an end. What it cannot read it
answers in plain text; here that is a problem document too.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from share_sql.serve.access import Guard
from share_sql.serve.guard import LONGEST_HEAD, SAFE_HEADERS
from share_sql.serve.problems import problem

_UNREADABLE = {
    431: ("headers-too-large", "the request's line and headers are too long; long texts go into a body"),
    501: ("encoding-unknown", "that Transfer-Encoding is not taken; send chunked, or a Content-Length"),
    408: ("too-slow", "the request's headers came too slowly; send them again"),
    503: ("busy", "too many connections are open; try again in 1 s"),
    400: ("unreadable", "this is no HTTP request that can be read"),
}


def server_options(guard: Guard) -> dict[str, Any]:
    """What `uvicorn.Config` takes for a guarded application, beside the application and where to listen."""
    return {
        "http": type("GuardedProtocol", (_Protocol,), {"guard": guard}),
        "ws": "none",
        "server_header": False,
        "access_log": False,
        # uvicorn believes a proxy on this machine where it is not told: any caller here could be anybody.
        "proxy_headers": bool(guard.proxies),
        "forwarded_allow_ips": list(guard.proxies),
        "h11_max_incomplete_event_size": 2 * LONGEST_HEAD,
    }


class _Protocol(H11Protocol):
    guard: ClassVar[Guard]

    _head: asyncio.TimerHandle | None = None
    """Runs while the caller owes a request's headers."""
    _unread: asyncio.TimerHandle | None = None
    """Runs while the caller owes it to read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.guard.max_connections:
            self._refuse(503)
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # h11 has ended the conversation, and would raise
        super().data_received(data)
        if self._is_asked():
            self._stop_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_read()
        elif not self._is_asked():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head()
        self._stop_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_read()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_unread()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_read()

    def send_400_response(self, msg: str) -> None:
        # uvicorn calls it where it handles h11's error, which knows the better status.
        self._refuse(getattr(sys.exception(), "error_status_hint", 400))

    def _should_upgrade(self) -> bool:
        return False  # uvicorn writes a line to the log for each request that asks for it

    def _is_asked(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._stop_head()
        self._head = self.loop.call_later(self.guard.head_seconds, self._head_late)

    def _head_late(self) -> None:
        if self.transport.is_closing():
            return
        begun = bool(self.conn.trailing_data[0]) and self.conn.their_state is h11.IDLE
        if begun:
            self._refuse(408)
        else:
            self._end()

    def _await_read(self) -> None:
        if self._unread is None:
            # `close` would wait for the caller to read what is left.
            self._unread = self.loop.call_later(self.guard.send_seconds, self.transport.abort)

    def _stop_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _refuse(self, status: int) -> None:
        """Answer what never becomes a request of the application, and end the connection."""
        if self._is_asked():  # its body cannot be read: the application is told that the caller is gone
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            name, detail = _UNREADABLE.get(status, _UNREADABLE[400])
            status = status if status in _UNREADABLE else 400
            more = {"Retry-After": "1"} if status == 503 else {}
            answer = problem(
                status,
                name,
                detail,
                headers={**SAFE_HEADERS, **more, "Cache-Control": "no-store", "Connection": "close"},
            )
            head = h11.Response(
                status_code=status,
                headers=answer.raw_headers,
                reason=HTTPStatus(status).phrase.encode(),
            )
            parts = (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage())
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in parts))
        self._end()

    def _end(self) -> None:
        self.transport.close()
        self._await_read()
