"""A few connections to one server, lent one query at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from share_sql import errors
from share_sql.database.failures import closed, stopped

SIZE = 4
"""Connections of one database object at most: queries beyond it wait."""
IDLE_SECONDS = 240.0
"""A connection that nobody used for so long is closed: servers and firewalls end idle ones silently."""
END_SECONDS = 2.0
"""How long `close` waits for queries under way to end."""


class Link(Protocol):
    """One connection, as the pool sees it."""

    def alive(self) -> bool:
        """Whether it can be lent again, as far as can be told without asking the server."""
        ...

    def stop(self) -> None:
        """End the query under way soon; called by another thread than the one that runs it."""
        ...

    def end(self) -> None:
        """Close it, without waiting."""
        ...


class Full(Exception):
    """The server takes no more connections; `error` says so."""

    def __init__(self, error: errors.DatabaseError) -> None:
        super().__init__(str(error))
        self.error = error


C = TypeVar("C", bound=Link)


class Pool(Generic[C]):
    """Connections that are opened when needed, looked at when lent again, and closed together."""

    def __init__(self, name: str, connect: Callable[[], C], size: int = SIZE) -> None:
        """`name` is the database's, for messages. `connect` opens a connection; it raises a DatabaseError, or
        Full where the server has no room: then one that is lent is waited for, if there is any."""
        self._name = name
        self._connect = connect
        self._size = size
        self._changed = threading.Condition()
        self._idle: list[tuple[C, float]] = []
        self._busy: dict[C, int] = {}
        """Those that are lent, with the thread that has each."""
        self._stopped: set[C] = set()
        self._opening = 0
        self._closed = False
        self._owner = os.getpid()

    @contextmanager
    def lend(self, seconds: float) -> Iterator[C]:
        """A connection for one query. It is closed where something other than a ShareError ends the query.

        Raises QueryTimeout where none comes free in `seconds`, DatabaseUnreadable where the pool is closed,
        and what `connect` raises.
        """
        self._after_fork()
        link = self._take(time.monotonic() + seconds)
        good = False
        try:
            yield link
            good = True
        except errors.ShareError:
            good = True
            raise
        except Exception:
            if link in self._stopped:
                raise stopped(self._name) from None
            raise
        finally:
            self._give(link, good)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close all connections; queries under way end, and are waited for. May be called twice."""
        self._closed = True
        if self._owner != os.getpid():
            return  # forked: they are those of the process this was forked from
        with self._changed:
            for link in self._busy:
                link.stop()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy, END_SECONDS)
        self.forget_idle()

    def stop(self, thread: int) -> None:
        """End the query for which a thread was lent a connection; its block ends in QueryTimeout."""
        if self._owner != os.getpid():
            return
        with self._changed:
            for link in [link for link, holder in self._busy.items() if holder == thread]:
                self._stopped.add(link)
                link.stop()

    def links(self) -> list[C]:
        """The connections that are open now, idle and lent."""
        with self._changed:
            return [*(link for link, _ in self._idle), *self._busy]

    def forget_idle(self) -> None:
        """Close the idle connections: one was found dead, and so may be the others."""
        with self._changed:
            idle, self._idle = self._idle, []
        for link, _ in idle:
            link.end()

    def _take(self, late: float) -> C:
        while True:
            link, since = self._idle_or_room(late)
            if link is None:
                return self._open(late)
            if time.monotonic() - since < IDLE_SECONDS and link.alive():
                return link
            with self._changed:
                self._busy.pop(link, None)
            link.end()

    def _idle_or_room(self, late: float) -> tuple[C | None, float]:
        """An idle connection, now lent; or None, and room for one that is being opened is taken."""
        with self._changed:
            while not self._closed:
                if self._idle:
                    link, since = self._idle.pop()
                    self._busy[link] = threading.get_ident()
                    return link, since
                if len(self._busy) + self._opening < self._size:
                    self._opening += 1
                    return None, 0.0
                left = late - time.monotonic()
                if left <= 0:
                    raise errors.QueryTimeout(
                        f"{self._name}: all of its {self._size} connections were in use until the deadline; "
                        "ask fewer queries at a time"
                    )
                self._changed.wait(left)
        raise closed(self._name)

    def _open(self, late: float) -> C:
        """A new connection; room for it is taken."""
        while True:
            try:
                link = self._connect()
            except Full as full:
                found = self._wait_for_idle(late, full)
                if found is not None:
                    return found
                continue
            except BaseException:
                with self._changed:
                    self._opening -= 1
                    self._changed.notify()
                raise
            with self._changed:
                self._opening -= 1
                if not self._closed:
                    self._busy[link] = threading.get_ident()
                    return link
            link.end()
            raise closed(self._name)

    def _wait_for_idle(self, late: float, full: Full) -> C | None:
        """One that comes back, instead of a new one. None: try to open one again."""
        with self._changed:
            while not self._closed and not self._idle:
                left = late - time.monotonic()
                if left <= 0 or not self._busy:
                    self._opening -= 1
                    raise full.error from None
                self._changed.wait(left)
            if self._closed:
                self._opening -= 1
                raise closed(self._name)
            link, _ = self._idle.pop()
            if link.alive():
                self._opening -= 1
                self._busy[link] = threading.get_ident()
                return link
        link.end()
        return None

    def _give(self, link: C, good: bool) -> None:
        keep = good and self._owner == os.getpid() and link.alive()
        with self._changed:
            self._busy.pop(link, None)
            self._stopped.discard(link)
            keep = keep and not self._closed
            if keep:
                self._idle.append((link, time.monotonic()))
            self._changed.notify_all()
        if not keep:
            link.end()

    def _after_fork(self) -> None:
        """A forked process opens its own connections; the others belong to the one it was forked from."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._changed = threading.Condition()
            self._idle, self._busy, self._opening = [], {}, 0
            self._stopped = set()
