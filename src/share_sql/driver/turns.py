"""Who goes next: a bounded number of places, many databases, and none that takes all places.

A database whose queries hang, or that a thousand cases ask, must not keep cases on others from their places.
So a database gets one more place only while it holds fewer than are free: one alone holds half of them at
most, the next half of what is left; as places come back, two hold a third each, and so on. Of those that
wait, the database that holds fewest goes first; cases of one database go in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Generic, TypeVar

_T = TypeVar("_T", bound=Hashable)


class Turns(Generic[_T]):
    """What waits for places, and what gets the next. For one thread, or under a lock.

    Args:
        places: how many there are, at least 1.
        most: how many one database may hold, however many are free.
    """

    def __init__(self, places: int, most: int) -> None:
        self._most = most
        self.free = places
        """Places that nobody holds."""
        self.waiting = 0
        """How many wait."""
        self._held: dict[str, int] = {}
        self._queues: dict[str, dict[_T, None]] = {}

    def add(self, key: str, item: _T) -> None:
        """Have something of a database wait for a place."""
        self._queues.setdefault(key, {})[item] = None
        self.waiting += 1

    def next(self) -> tuple[str, _T] | None:
        """What gets a place now, with its database: it holds it until `end`. None where nothing can."""
        key = min(self._queues, key=lambda each: self._held.get(each, 0), default=None)
        if key is None or (held := self._held.get(key, 0)) >= min(self.free, self._most):
            return None
        queue = self._queues.pop(key)
        item = next(iter(queue))
        del queue[item]
        if queue:
            self._queues[key] = queue  # behind the others: of those that hold alike, each in its turn
        self._held[key] = held + 1
        self.free -= 1
        self.waiting -= 1
        return key, item

    def end(self, key: str) -> None:
        """Give a place of a database back."""
        self.free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]

    def forget(self, key: str, item: _T) -> None:
        """Have it wait no more; nothing where it does not wait."""
        queue = self._queues.get(key, {})
        if item in queue:
            del queue[item]
            self.waiting -= 1
            if not queue:
                del self._queues[key]


class Gate:
    """Places that tasks of one event loop hold for the length of a block.

    Args:
        places: how many there are, at least 1.
        most: how many one database may hold, however many are free.
    """

    def __init__(self, places: int, most: int) -> None:
        self._places = places
        self._turns: Turns[asyncio.Future[None]] = Turns(places, most)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._turns.waiting

    @property
    def busy(self) -> int:
        """How many hold a place, or wait for one."""
        return self._places - self._turns.free + self._turns.waiting

    @asynccontextmanager
    async def place(self, key: str) -> AsyncIterator[None]:
        """Wait for a place of a database, and hold it."""
        await self.enter(key)
        try:
            yield
        finally:
            self.leave(key)

    async def enter(self, key: str, waits: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        """Wait for a place of a database; it is held until `leave`.

        Args:
            key: the database.
            waits: entered for as long as it waits, where there is no place at once; what it raises gives the
                turn up.
        """
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.add(key, granted)
        self._grant()
        if granted.done():
            return
        try:
            with waits():
                await granted
        except BaseException:
            if granted.done() and not granted.cancelled():  # it came at the same time
                self.leave(key)
            else:
                self._turns.forget(key, granted)
            raise

    def leave(self, key: str) -> None:
        """Give a place of a database back."""
        self._turns.end(key)
        self._grant()

    def _grant(self) -> None:
        while (found := self._turns.next()) is not None:
            key, granted = found
            if granted.cancelled():  # its task has not noticed yet
                self._turns.end(key)
            else:
                granted.set_result(None)
