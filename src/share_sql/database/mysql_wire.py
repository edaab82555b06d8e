"""PyMySQL's connection with a deadline, a cap on what comes in, and two commands that it lacks."""

from __future__ import annotations

import select
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from pymysql.connections import Connection
from pymysql.protocol import FieldDescriptorPacket

_PREPARE, _CLOSE_PREPARED, _RESET = 0x16, 0x19, 0x1F
"""Commands of MySQL's protocol: COM_STMT_PREPARE, COM_STMT_CLOSE, COM_RESET_CONNECTION."""


class Wire(Connection):  # type: ignore[misc]
    """A connection whose reading can be stopped.

    `watch` is called whenever something comes, and every LOOK_SECONDS while nothing does, with the number of
    bytes that came so far; what it raises ends the reading, and the connection must then be closed.
    """

    watch: Callable[[int], None] | None = None

    def connect(self, sock: Any = None) -> None:
        """Connect, and from then on read by our own reader."""
        super().connect(sock)
        self._rfile = _Reader(self)

    def described(self, sql: str) -> tuple[str, ...]:
        """The names of the columns that a statement would give; none where it gives no rows.

        The server parses it and does not run it. Raises as PyMySQL does.
        """
        self._execute_command(_PREPARE, sql)
        told = self._read_packet().get_all_data()
        _, statement, columns, parameters = struct.unpack("<BIHH", told[:9])
        for _ in range(parameters + 1 if parameters else 0):
            self._read_packet()
        names = tuple(str(self._read_packet(FieldDescriptorPacket).name) for _ in range(columns))
        if columns:
            self._read_packet()
        self._execute_command(_CLOSE_PREPARED, struct.pack("<I", statement))
        return names

    def reset(self) -> None:
        """Roll back, release locks, and forget variables and temporary tables of the session."""
        self._execute_command(_RESET, b"")
        self._read_ok_packet()


class _Reader:
    """Reads a socket by `read(n)`, as PyMySQL asks of it, looking at its connection's `watch`."""

    LOOK_SECONDS = 0.1

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._socket = wire._sock
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._buffer = b""
        self._at = 0
        self.received = 0

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the server ended the connection."""
        end = self._at + size
        if end > len(self._buffer):
            self._more(size)
            end = self._at + size
        part = self._buffer[self._at : end]
        self._at = min(end, len(self._buffer))
        return part

    def close(self) -> None:
        """PyMySQL closes the socket itself."""

    def _more(self, size: int) -> None:
        """Read on until there are so many bytes that were not given yet, or no more."""
        parts = [self._buffer[self._at :]]
        there = len(parts[0])
        try:
            while there < size:
                parts.append(self._receive())
                there += len(parts[-1])
                if not parts[-1]:
                    return
        finally:
            self._buffer, self._at = b"".join(parts), 0

    def _receive(self) -> bytes:
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        late = time.monotonic() + (self._wire._read_timeout or 3600.0)
        while not pending and not self._poll.poll(self.LOOK_SECONDS * 1000):
            if self._wire.watch is not None:
                self._wire.watch(self.received)
            elif time.monotonic() > late:
                raise TimeoutError("the server does not answer")
        part: bytes = self._socket.recv(1 << 18)
        self.received += len(part)
        if self._wire.watch is not None:
            self._wire.watch(self.received)
        return part
