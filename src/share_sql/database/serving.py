"""What every worker process does alike: limits on itself, messages over its pipes, rows in parts.

A worker is started by `child.py`. It reads requests from its standard input and writes replies to its
standard output. A message is one kind byte, the body's length as four little-endian bytes, and the body in
`marshal`'s format, which only ever holds tuples, lists, strings, bytes, numbers, truth and None:

    request   o  …                                open the database; the body is the session's
              q  (sql, seconds, rows, bytes)      run one statement
              h  ()                               read the file's header
              c  ()                               let go of the file and wait for the next `o`
    reply     r  rows                             a part of a result, any number of them
              a  None                             forget the rows sent so far: the query starts again
              e  (columns, truncated, seconds)    the result's end; to the others: what the session gives
              x  (error class, message)           the request failed; no `e` follows

This starts with the process, so it imports only modules written in C, and as few as it can.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import marshal
import posix
import resource
import select

TYPE_CHECKING = False  # as type checkers know it; importing typing takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Write = Callable[[bytes, bytes], None]

    class Serves(Protocol):
        """One open database and the queries run on it."""

        def open(self, *asked: Any) -> Any:
            """Open the database; what it gives is sent back."""

        def header(self) -> bytes:
            """The file's first bytes."""

        def run(self, sql: str, seconds: float, rows: int, cap: int) -> None:
            """Run one statement and send its result or its error."""

        def named(self, error: Exception) -> tuple[str, str]:
            """What an error is called, and its message."""

        def close(self) -> None:
            """Let go of the file."""


OVERRUN_SECONDS = 2.0
"""The process ends itself this long after a deadline, should its parent be unable to kill it."""
FLUSH_BYTES = 1 << 18
"""Rows are sent on when this many encoded bytes have gathered."""


class TooLarge(Exception):
    """The result is larger than it may be."""


def stream(
    write: Write, fetch: Callable[[int], list[tuple[Any, ...]]], width: int, rows: int, cap: int
) -> bool:
    """Send the rows on as they come; `fetch` gives at most so many more.

    Returns whether the cap on rows cut them. Raises TooLarge where they are more than `cap` bytes.
    """
    size, sent, step = 0, 0, 1
    while sent < rows:
        part = fetch(min(step, rows - sent))
        if not part:
            return False
        blob = marshal.dumps(part)
        # Encoded text and blobs are as long as in memory; the rest is about what Python's
        # tuples and value headers take.
        size += len(blob) + len(part) * (48 + 40 * width)
        if size > cap:
            raise TooLarge
        write(b"r", blob)
        sent += len(part)
        # Few rows at a time until it is known how large they are.
        step = max(1, min(step * 8, 2048, FLUSH_BYTES * len(part) // len(blob)))
    return bool(fetch(1))


def limit_process(space: int, files: int) -> None:
    """Take from the process what it does not need: memory, files, core dumps.

    Args:
        space: bytes of address space it may have.
        files: how many it may hold open.
    """
    for kind, value in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, files),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            # macOS knows no limit on address space; the database's own limit on memory holds there.
            if kind != resource.RLIMIT_AS:
                raise


def watch_parent() -> None:
    """End the process when its standard input is closed, i.e. when the parent is gone."""
    poll = select.poll()
    poll.register(0, 0)  # no events: only hang-up is reported, and it comes without the parent's help
    while not poll.poll():
        pass
    posix._exit(0)


def serve(session_of: Callable[[Write], Serves]) -> None:
    """Serve requests until the standard input ends; `session_of` makes a session from where it writes."""
    out = bytearray()

    def flush() -> None:
        view = memoryview(bytes(out))
        out.clear()
        while view:
            view = view[posix.write(1, view) :]

    def write(kind: bytes, body: bytes) -> None:
        out.extend(kind + len(body).to_bytes(4, "little"))
        out.extend(body)
        if len(out) >= FLUSH_BYTES or kind in b"ex":
            flush()

    def read(size: int) -> bytes:
        parts = []
        while size:
            part = posix.read(0, size)
            if not part:
                posix._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    session = session_of(write)
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    _thread.stack_size(1 << 18)
    _thread.start_new_thread(watch_parent, ())
    while True:
        kind = read(1)
        body = marshal.loads(read(int.from_bytes(read(4), "little")))  # noqa: S302 - from our parent
        if kind == b"o":
            session.close()
            session = session_of(write)
            try:
                opened = session.open(*body)
            except Exception as error:
                write(b"x", marshal.dumps(session.named(error)))
            else:
                write(b"e", marshal.dumps(opened))
        elif kind == b"c":
            session.close()
            session = session_of(write)
            write(b"e", b"N")
        elif kind == b"h":
            write(b"e", marshal.dumps(session.header()))
        else:
            # An orphan that is stuck inside one of the database's functions ends by this alarm.
            _signal.setitimer(_signal.ITIMER_REAL, body[1] + OVERRUN_SECONDS)
            session.run(*body)
            _signal.setitimer(_signal.ITIMER_REAL, 0)
