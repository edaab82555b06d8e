"""uvicorn, told where to listen and how to end.

The first SIGTERM or SIGINT shuts the doors: `/readyz` says so, new requests are refused, those under way end.
The second gives them up. Then the assistant is closed.
"""

from __future__ import annotations

import errno
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import uvicorn

from share_sql.errors import UsageError
from share_sql.serve.doors import Doors

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

DRAIN_SECONDS = 30.0
"""What requests under way have to end when the service does."""
_GIVEN_UP_SECONDS = 2
"""What those that were given up have to say so."""
_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: a name or address of this machine.
        port: 0 for any that is free.

    Raises:
        UsageError: there is no such host here, or the port is taken or may not be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(f"there is no host {host}; --host takes an address of this machine") from None
    # With its protocol: asyncio sends small answers at once only where it knows that it is TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        why = {
            errno.EADDRINUSE: f"port {port} of {host} is taken; give another with --port",
            errno.EACCES: f"port {port} is not for this user; give one above 1023 with --port",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; give one with --host",
        }.get(error.errno or 0, f"cannot listen on {host}, port {port} ({error.strerror})")
        raise UsageError(why) from None
    return listening


def url_of(listening: socket.socket, host: str) -> str:
    """The URL of a service that listens there, by the host that was asked for."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"


def serve(
    app: ASGIApp,
    listening: socket.socket,
    doors: Doors,
    started: Callable[[], None],
    drain_seconds: float = DRAIN_SECONDS,
    **options: Any,
) -> bool:
    """Serve an application until the process is told to end.

    Args:
        app: the application.
        listening: from `listen`; closed.
        doors: the application's.
        started: called once requests are taken.
        drain_seconds: what requests under way have to end.
        options: more for `uvicorn.Config`.

    Returns:
        Whether all requests ended by themselves.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=_GIVEN_UP_SECONDS,
        **{"access_log": False, "server_header": False, "ws": "none", **options},
    )
    server = _Server(config, doors, started, drain_seconds)
    server.run(sockets=[listening])
    return not server.gave_up


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, doors: Doors, told: Callable[[], None], drain_seconds: float
    ) -> None:
        super().__init__(config)
        self.gave_up = False
        self._doors = doors
        self._told = told
        self._drain_seconds = drain_seconds
        self._until = 0.0
        self._hurries = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Nothing but flags: it interrupts whatever runs. uvicorn would raise the signal once more at its end,
        # and the process would not give back what it holds.
        if self._doors.shut:
            self._hurries = True
            signal.signal(sig, signal.SIG_DFL)
        else:
            self._doors.shut = True
            self._until = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        if self._doors.shut and self._doors.inside:
            if self._hurries or time.monotonic() > self._until:
                self.gave_up = True
                self._doors.give_up()
                self.should_exit = True
        elif self._doors.shut:
            self.should_exit = True
        return await super().on_tick(counter)
