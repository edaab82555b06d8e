"""The process of one embedded model, seen from the process that asks: fed, listened to, watched, ended.

Three threads belong to it. One writes requests: the pipe of an engine that has stopped fills up, and the
event loop must not wait for it. One reads answers. One watches: an engine that gives no sign of life for too
long while it is waited for is killed, whatever holds it up. Nothing here holds on to the model: one that
is dropped without `close` takes its process along.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, TypeAlias

from share_sql.errors import ModelRefused, ModelTimeout, ModelUnavailable, PromptTooLong, ShareError
from share_sql.models.base import ModelReply, ModelRequest

if TYPE_CHECKING:
    from share_sql.models.engine_server import Asked, Sent

LOADING_SECONDS = 600.0
"""Without a sign of life while the weights are loaded; the 1.5B's form is made in 100 seconds on two busy
cores."""
STEP_SECONDS = 60.0
"""Without a sign of life between two steps; one takes less than a second."""
REAP_SECONDS = 5.0
"""For a killed process to end; one that the system holds on to is left to it."""
_TICK = 1.0
"""Seconds between two looks at whether it lives."""

_Waiting: TypeAlias = "tuple[asyncio.AbstractEventLoop, asyncio.Future[ModelReply]]"


class EngineProcess:
    """A started engine. Safe for threads."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        """Start it.

        Args:
            name: the model's, for messages.
            arguments: of `engine_server.main`, after the socket's number.

        Raises:
            ModelUnavailable: no process can be started.
        """
        self.name = name
        self._owner = os.getpid()
        self.ended = threading.Event()
        """Set once nothing can be asked of it any more."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "share_sql.models.engine_server", str(theirs.fileno()), *arguments]
        try:
            # It is given the paths of packages: the caller may have put them there itself.
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        except OSError as error:
            ours.close()
            raise ModelUnavailable(f"{name}: no process can be started: {error}") from None
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._to_send: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._silent = 0.0
        """Seconds that it has been waited for without a sign of life."""
        self._loading = True
        self._why: tuple[type[ShareError], str] | None = None
        """Why it was killed, where it was."""
        threads = [
            threading.Thread(target=work, name=f"share-{name}", daemon=True)
            for work in (self._write, self._read, self._watch)
        ]
        self._writer = threads[0]
        for thread in threads:
            thread.start()

    def ask(self, number: int, request: ModelRequest, waiting: _Waiting, adapter: int | None = None) -> None:
        """Hand over a request, for an adapter to answer where it holds several; the answer goes to
        `waiting`."""
        with self._lock:
            if not self.ended.is_set():
                if not self._waiting:
                    self._silent = 0.0
                self._waiting[number] = waiting
                self._to_send.put((number, request, adapter))
                return
        _settle(waiting, self._failure())

    def take_back(self, number: int) -> None:
        """Give up a request that nobody waits for any more."""
        with self._lock:
            if self._waiting.pop(number, None):
                self._to_send.put((number, None, None))

    def end(self) -> None:
        """End the process, which has nothing to lose; whoever waits is told. May be called twice.

        In a forked process, whose engine it is not, only the connection is let go.
        """
        if self._owner != os.getpid():
            self._forget()
            return
        with self._lock:
            self._why = self._why or (ModelUnavailable, "the model was closed")
        self._kill()
        self._hang_up()

    # -- threads -------------------------------------------------------------------------------------

    def _write(self) -> None:
        while (message := self._to_send.get()) is not None:
            try:
                self._connection.send(message)
            except (OSError, ValueError):
                return  # the reader of its answers informs all that wait

    def _read(self) -> None:
        """Hand answers over until the process ends; then tell all that wait."""
        while True:
            try:
                sent: Sent = self._connection.recv()
            except (EOFError, OSError):
                break
            number, message = sent
            with self._lock:
                self._silent = 0.0
                waiting = self._waiting.pop(number, None) if number is not None else None
                if number is None:
                    self._loading = message == "loading"
            if waiting is not None:
                _settle(waiting, message if isinstance(message, ModelReply) else _error(*message))
        # It may have closed the connection and go on: it is of no use any more.
        self._kill()
        with self._lock:
            self.ended.set()
            left, self._waiting = list(self._waiting.values()), {}
        self._to_send.put(None)
        for waiting in left:
            _settle(waiting, self._failure())
        # The next engine gets this descriptor's number as soon as it is closed: nobody may use it by then.
        self._hang_up()
        self._writer.join()
        with self._lock, contextlib.suppress(OSError):
            self._connection.close()

    def _watch(self) -> None:
        # Seconds are counted, not read off a clock: while this process is stopped, the engine may be too.
        while not self.ended.wait(_TICK):
            with self._lock:
                self._silent = self._silent + _TICK if self._waiting else 0.0
                limit = LOADING_SECONDS if self._loading else STEP_SECONDS
                late = self._silent > limit
                if late:
                    doing = "loading" if self._loading else "working"
                    self._why = (
                        ModelTimeout,
                        f"its process gave no sign of life for {limit:g} s while {doing} and was stopped; "
                        "check the machine's memory and load, or run fewer cases at once",
                    )
            if late:
                self._kill()
                self._hang_up()

    # -- the end -------------------------------------------------------------------------------------

    def _failure(self) -> ShareError:
        kind, why = self._why or (ModelUnavailable, f"its process ended ({self._process.poll()})")
        return kind(f"{self.name}: {why}")

    def _hang_up(self) -> None:
        """End the connection, which ends the process."""
        # The reading thread holds the descriptor; to shut it down wakes it, to close it would not.
        with (
            self._lock,
            contextlib.suppress(OSError, ValueError),  # it has ended by itself
            socket.socket(fileno=os.dup(self._connection.fileno())) as sock,
        ):
            sock.shutdown(socket.SHUT_RDWR)

    def _kill(self) -> None:
        """Kill it; one that is stopped ends too."""
        if self._process.poll() is None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(REAP_SECONDS)

    def _forget(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()
        self._process.returncode = 0  # else Popen's finaliser would wait for a process that is not ours


def _error(kind: str, message: str) -> ShareError:
    kinds = {"refused": ModelRefused, "too-long": PromptTooLong}
    return kinds.get(kind, ModelUnavailable)(message)


def _settle(waiting: _Waiting, outcome: ModelReply | ShareError) -> None:
    """Give the reply or the error to whoever waits, in the loop that waits."""
    loop, future = waiting

    def settle() -> None:
        if future.done():
            return  # the asker went away
        if isinstance(outcome, ModelReply):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop is closed, and with it whoever waited
