"""A few connections to one server, lent one query at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from share_sql import errors

SIZE = 4
"""Connections of one database object at most: queries beyond it wait."""
IDLE_SECONDS = 240.0
"""A connection that nobody used for so long is closed: servers and firewalls end idle ones silently."""


class Link(Protocol):
    """One connection, as the pool sees it."""

    def alive(self) -> bool:
        """Whether the server has not ended it, as far as can be told without asking."""
        ...

    def stop(self) -> None:
        """End the query under way; called by another thread than the one that runs it."""
        ...

    def end(self) -> None:
        """Close it, without waiting."""
        ...


C = TypeVar("C", bound=Link)


class Lost(Exception):
    """The server ended the connection, or cannot be reached any more."""


class Pool(Generic[C]):
    """Connections that are opened when needed, checked when lent again, and closed together."""

    def __init__(self, name: str, connect: Callable[[], C], size: int = SIZE) -> None:
        """`name` is the database's, for messages. `connect` opens a connection, or raises DatabaseError."""
        self._name = name
        self._connect = connect
        self._free = threading.BoundedSemaphore(size)
        self._size = size
        self._lock = threading.Lock()
        self._idle: list[tuple[C, float]] = []
        self._busy: set[C] = set()
        self._closed = False
        self._owner = os.getpid()

    @contextmanager
    def lend(self, seconds: float) -> Iterator[C]:
        """A connection for one query; it is closed where the query ends in anything but a QueryError.

        Raises DatabaseUnreadable where none comes free in `seconds`, or the pool is closed.
        """
        self._after_fork()
        free = self._free
        if not self._wait(free, seconds):
            raise errors.QueryTimeout(
                f"{self._name}: its {self._size} connections are all in use; ask fewer queries at a time"
            )
        try:
            link = self._take()
            good = False
            try:
                yield link
                good = True
            except errors.QueryError:
                good = True
                raise
            finally:
                self._give(link, good)
        finally:
            free.release()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close all connections; queries under way end. May be called twice."""
        self._closed = True
        if self._owner != os.getpid():
            return  # forked: they are those of the process this was forked from
        with self._lock:
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for link, _ in idle:
            link.end()
        for link in busy:
            link.stop()

    def forget_idle(self) -> None:
        """Close the idle connections: one was found dead, and so may be the others."""
        with self._lock:
            idle, self._idle = self._idle, []
        for link, _ in idle:
            link.end()

    def _wait(self, free: threading.BoundedSemaphore, seconds: float) -> bool:
        late = time.monotonic() + seconds
        while not self._closed:
            if free.acquire(timeout=max(0.0, min(0.1, late - time.monotonic()))):
                if not self._closed:
                    return True
                free.release()
            elif time.monotonic() >= late:
                return False
        raise self._closed_error()

    def _take(self) -> C:
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
                if found is not None:
                    self._busy.add(found[0])
            if found is None:
                break
            link, since = found
            if time.monotonic() - since < IDLE_SECONDS and link.alive():
                return link
            with self._lock:
                self._busy.discard(link)
            link.end()
        link = self._connect()
        with self._lock:
            if not self._closed:
                self._busy.add(link)
                return link
        link.end()
        raise self._closed_error()

    def _give(self, link: C, good: bool) -> None:
        with self._lock:
            self._busy.discard(link)
            if good and not self._closed and self._owner == os.getpid():
                self._idle.append((link, time.monotonic()))
                return
        link.end()

    def _after_fork(self) -> None:
        """A forked process opens its own connections; the others belong to the one it was forked from."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._lock = threading.Lock()
            self._free = threading.BoundedSemaphore(self._size)
            self._idle, self._busy = [], set()

    def _closed_error(self) -> errors.DatabaseUnreadable:
        return errors.DatabaseUnreadable(f"{self._name}: this connection is closed; open the database again")
