"""One worker process, seen from the event loop that started it: fed, listened to, killed, reaped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from share_sql.driver.messages import (
    Asked,
    Begin,
    Broken,
    Ended,
    Forgotten,
    GiveUp,
    Known,
    Logged,
    Ready,
    Reply,
    TakenBack,
    Unable,
    Unpacker,
    Work,
    packed,
)
from share_sql.errors import AnswerUnreadable

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.catalog import Registration
    from share_sql.errors import ModelError
    from share_sql.models.base import ModelReply, ModelRequest

AnswerAsk: TypeAlias = "Callable[[ModelRequest], Awaitable[ModelReply | ModelError]]"
"""Asks the model of a request's role; never raises for what a model does."""

_START_SECONDS = 60.0
"""For a process to begin; it takes half a second of processor time."""
_STATUS_SECONDS = 0.1
"""For a process whose connection has ended to end too."""
_REAP_SECONDS = 5.0
"""For a process that was told to end, before it is killed."""


class NoWorker(Exception):
    """The case is to be worked on in the assistant's process."""


class WorkerEnded(Exception):
    """The process ended, or was killed, while it was to work; `how` says it in words."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class WorkerLate(Exception):
    """A case did not end in the time that it has, and not by itself."""


class WorkerLink(asyncio.Protocol):
    """A started worker. For one event loop, but for `reap`.

    Args:
        setup: what its driver is made of, packed.
        answer: asks models for it.
        most_open: databases that it keeps open.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, setup: bytes, answer: AnswerAsk, most_open: int) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once it has begun; WorkerEnded where it never does."""
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self.ended = False
        """Whether nothing can be asked of it any more."""
        self._setup = setup
        self._answer = answer
        self._most_open = most_open
        self._unpacker = Unpacker()
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asks: dict[int, asyncio.Task[None]] = {}
        self._works: set[int] = set()
        self._known: dict[str, Registration] = {}
        self._open: OrderedDict[str, None] = OrderedDict()
        self._transport: asyncio.Transport | None = None
        self._hung_up = False
        ours, theirs = socket.socketpair()
        self._sock = ours
        try:
            self._process = subprocess.Popen(
                # -P: what lies in the current folder is not imported.
                [sys.executable, "-P", "-m", "share_sql.driver.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # It is given the paths of packages: the caller may have put them there itself.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                start_new_session=True,  # Ctrl-C in the terminal is this process's to handle
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    async def connect(self) -> None:
        """Begin to listen, and wait until it has begun. Raises WorkerEnded where it does not."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, sock=self._sock)
        assert self._transport is not None, "it is connected"
        self._transport.write(self._setup)
        late = loop.call_later(_START_SECONDS, self.kill)
        try:
            await asyncio.shield(self.ready)
        finally:
            late.cancel()

    @property
    def under_way(self) -> int:
        """Cases that it has."""
        return len(self._waiting)

    @property
    def at_work(self) -> int:
        """Of these, about how many do not wait for a model."""
        return max(0, len(self._waiting) - len(self._asks))

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def has_open(self, database: str) -> bool:
        """Whether it has, most likely, this database open."""
        return database in self._open

    async def made(self, case: Case, work: Work, registration: Registration | None, seconds: float) -> Any:
        """What a case ends as. To cancel it gives the case up there.

        Args:
            case: is worked on.
            work: how.
            registration: where its database is, where the catalog has its name.
            seconds: how long it may take at most.

        Raises:
            NoWorker: what it needs cannot be sent, or not be found there.
            WorkerEnded: the process ended meanwhile.
            WorkerLate: it took longer, and the process was killed for it.
        """
        if self.ended:
            raise WorkerEnded(self.how)
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        messages: list[object] = []
        if work.number not in self._works:
            messages.append(work)
        if registration is not None and self._known.get(case.database) is not registration:
            messages.append(Known(case.database, registration))
        messages.append(Begin(number, case, work.number))
        try:
            data = b"".join(map(packed, messages))
        except Exception as error:  # a registration with objects of somebody's own kind
            raise NoWorker from error
        self._write(data)
        self._works.add(work.number)
        if registration is not None:
            self._known[case.database] = registration
        self._open[case.database] = None
        self._open.move_to_end(case.database)
        if len(self._open) > self._most_open:
            self._open.popitem(last=False)
        future = self._waiting[number] = loop.create_future()
        late = loop.call_later(seconds, self._is_late, number)
        try:
            return await future
        except asyncio.CancelledError:
            self._write(packed(GiveUp(number)))
            raise
        finally:
            late.cancel()
            self._waiting.pop(number, None)

    def forget(self, name: str) -> None:
        """Have it close the database of a name that no case will name any more."""
        if self._known.pop(name, None) is not None:
            self._open.pop(name, None)
            self._write(packed(Forgotten(name)))

    def _is_late(self, number: int) -> None:
        """Its deadlines have failed: it is stopped, or stuck."""
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_exception(WorkerLate())
            self.kill()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # -- asyncio.Protocol ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It listens."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Do what it says."""
        for message in self._unpacker.feed(data):
            self._take(message)

    def connection_lost(self, error: Exception | None) -> None:
        """It has ended, or is of no use any more: tell all that wait for it."""
        self.ended = True
        if not self._hung_up:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STATUS_SECONDS)  # it has ended mostly, and its status says why
        for task in self._asks.values():
            task.cancel()
        for future in [self.ready, *self._waiting.values()]:
            if not future.done():
                future.set_exception(WorkerEnded(self.how))

    def _take(self, message: object) -> None:
        match message:
            case Ended(number, made):
                future = self._waiting.get(number)
                if future is not None and not future.done():
                    future.set_result(made)
            case Unable(number):
                future = self._waiting.get(number)
                if future is not None and not future.done():
                    future.set_exception(NoWorker())
            case Asked(number, request):
                self._asks[number] = asyncio.get_running_loop().create_task(self._ask(number, request))
            case TakenBack(number):
                if (task := self._asks.get(number)) is not None:
                    task.cancel()
            case Logged(name, level, text):
                logging.getLogger(name).log(level, "%s", text)
            case Broken(number, why):
                future = self._waiting.get(number)
                if future is not None and not future.done():
                    future.set_exception(RuntimeError(why))
            case Ready() if not self.ready.done():
                self.ready.set_result(None)

    async def _ask(self, number: int, request: ModelRequest) -> None:
        try:
            reply = Reply(number, await self._answer(request))
            try:
                data = packed(reply)
            except Exception as error:  # a reply of somebody's own kind
                told = AnswerUnreadable(
                    f"what the model for {request.role} returned cannot be handed to another process "
                    f"({type(error).__name__}); use ModelReply as it is, or one process"
                )
                data = packed(Reply(number, told))
            self._write(data)
        finally:
            self._asks.pop(number, None)

    # -- the end -------------------------------------------------------------------------------------

    @property
    def how(self) -> str:
        """How the process ended, in words."""
        code = self._process.poll()
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"{name}, as where memory runs out" if -code == signal.SIGKILL else name
        return "its connection broke" if code is None else f"status {code}"

    def kill(self) -> None:
        """Kill it; whoever waits for it is told."""
        if self._process.poll() is None:
            self._process.kill()

    def hang_up(self) -> None:
        """Have it end by itself; `reap` follows."""
        self._hung_up = True
        if self._transport is not None:
            self._transport.abort()
        else:
            self._sock.close()

    def reap(self) -> None:
        """Wait for its end, and kill it where that takes long. Called by any thread, once it was hung up."""
        try:
            self._process.wait(_REAP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
