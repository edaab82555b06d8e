"""A process that works on cases: started by `worker_link.py`, fed through a socket, with which it ends.

It holds a driver of its own, with threads, databases, meters and deadlines. Its models are stand-ins that ask
the assistant's process, where the real ones are: an answer cache, the number of requests in flight and what
was spent stay in one place, and a model that is held in memory is held once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from share_sql.catalog import Catalog
from share_sql.driver.driver import Driver
from share_sql.driver.messages import (
    Asked,
    Begin,
    Broken,
    Ended,
    Forgotten,
    GiveUp,
    How,
    Known,
    Logged,
    ModelFacts,
    Ready,
    Reply,
    Setup,
    TakenBack,
    Unable,
    Unpacker,
    Work,
    packed,
)
from share_sql.errors import DatabaseMissing
from share_sql.models.base import ModelReply, ModelRequest

_READ = 1 << 18
"""Bytes that are read at once."""
_LOOK_SECONDS = 1.0
"""Between two looks at whether the process that started this one still lives."""
_END_SECONDS = 2.0
"""For databases to be closed at the end; then the process ends without that."""


class Line:
    """The socket to the assistant's process. `send` may be called by any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._unpacker = Unpacker()

    def send(self, message: object) -> None:
        """Send a message. Raises what pickling raises; where nobody listens any more, nothing is sent."""
        data = packed(message)
        try:
            with self._lock:
                self._sock.sendall(data)
        except OSError:
            pass  # the reading thread notices too, and ends the process

    def read(self) -> list[Any]:
        """The next messages; none at the end."""
        found: list[Any] = []
        while not found:
            try:
                data = self._sock.recv(_READ)
            except OSError:
                return []
            if not data:
                return []
            found.extend(self._unpacker.feed(data))
        return found


class ModelElsewhere:
    """A model that the assistant's process asks."""

    def __init__(self, facts: ModelFacts, line: Line, waiting: _Replies) -> None:
        self.name = facts.name
        self.takes_grammar = facts.takes_grammar
        self.prompts = facts.prompts
        self.samples = facts.samples
        self.calibrated = facts.calibrated
        self.server = facts.server
        """Where it is asked, as the driver wants to know."""
        self.price = facts.price
        self._line = line
        self._waiting = waiting

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Have it asked. Raises the ModelError that it raised there."""
        number, reply = self._waiting.expect()
        try:
            self._line.send(Asked(number, request))
            return await reply
        except asyncio.CancelledError:
            self._line.send(TakenBack(number))
            raise
        finally:
            self._waiting.forget(number)

    async def close(self) -> None:
        """Nothing to give back here."""


class _Replies:
    """Replies that are waited for, by number; expected in the driver's loop, come in by another thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[ModelReply]] = {}

    def expect(self) -> tuple[int, asyncio.Future[ModelReply]]:
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        return number, future

    def forget(self, number: int) -> None:
        self._waiting.pop(number, None)

    def came(self, reply: Reply) -> None:
        future = self._waiting.get(reply.number)
        if future is not None:
            future.get_loop().call_soon_threadsafe(_settle, future, reply)


def _settle(future: asyncio.Future[ModelReply], reply: Reply) -> None:
    if future.done():
        return
    if isinstance(reply.found, ModelReply):
        future.set_result(reply.found)
    else:
        future.set_exception(reply.found)


class _ToParent(logging.Handler):
    """Has the assistant's process log what is logged here."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        # As text: what a record holds may be anything.
        self._line.send(Logged(record.name, record.levelno, self.format(record)))


class Worker:
    """Works on the cases that it is sent, until the socket ends."""

    def __init__(self, line: Line, setup: Setup) -> None:
        self._line = line
        self._replies = _Replies()
        self._catalog = Catalog(setup.cache, setup.max_open)
        models = {role: ModelElsewhere(facts, line, self._replies) for role, facts in setup.models.items()}
        self._driver = Driver(
            self._catalog, models, setup.plan, setup.concurrency,
            setup.case_seconds, setup.work_seconds, setup.patience, budget=setup.budget,
        )  # fmt: skip
        self._works: dict[int, How | None] = {}
        self._under_way: dict[int, Future[Any]] = {}

    def take(self, message: object) -> None:
        """Do what a message says."""
        match message:
            case Begin(number, case, work):
                if (how := self._works[work]) is None:
                    self._line.send(Unable(number))
                    return
                future = self._driver.submit(case, how.stages, make=how.make)
                self._under_way[number] = future
                future.add_done_callback(partial(self._ended, number))
            case Reply():
                self._replies.came(message)
            case GiveUp(number):
                if (given_up := self._under_way.get(number)) is not None:
                    given_up.cancel()
            case Known(name, at):
                self._catalog.add(
                    name, at.where, at.declared, at.meanings,
                    namespaces=at.namespaces, limits=at.limits, cache=at.cache,
                )  # fmt: skip
            case Forgotten(name):
                with suppress(DatabaseMissing):
                    self._catalog.remove(name)
            case Work(number, how):
                self._works[number] = How.unpacked(how)

    def _ended(self, number: int, future: Future[Any]) -> None:
        self._under_way.pop(number, None)
        if future.cancelled():
            return  # it was given up
        try:
            self._line.send(Ended(number, future.result()))
        except Exception as error:
            logging.getLogger("share_sql").error("a case's end could not be told", exc_info=error)
            self._line.send(Broken(number, f"{type(error).__name__}: {error}"))

    def end(self) -> None:
        """End the database processes, as far as that goes at once, and then this one."""
        closing = threading.Thread(target=self._catalog.close, daemon=True)
        closing.start()
        closing.join(_END_SECONDS)
        os._exit(0)


def _end_with(parent: int) -> None:
    """End with the process that started this one, also where a fork of it keeps the socket open."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(0)


def main() -> None:
    """Work until the socket ends, whose number is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the assistant's process handles it
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    first = line.read()
    if not first:
        return
    setup, *others = first
    assert isinstance(setup, Setup), "it is sent first"
    threading.Thread(target=_end_with, args=(setup.parent,), daemon=True).start()
    logger = logging.getLogger("share_sql")
    logger.setLevel(setup.log_level)
    logger.propagate = False
    logger.addHandler(_ToParent(line))
    worker = Worker(line, setup)
    line.send(Ready())
    while True:
        for message in others:
            worker.take(message)
        if not (others := line.read()):
            worker.end()


if __name__ == "__main__":
    main()
