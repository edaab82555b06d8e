"""Threads for what is asked of databases beside cases: few, shared fairly (`driver.turns`), and few may wait.

A database that hangs holds the threads that it has, so it gets no more than a part of them, and whoever waits
for it waits in its own line.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from share_sql.driver.turns import Gate
from share_sql.errors import ServiceBusy

_T = TypeVar("_T")


class FairPool:
    """Does work in threads. Lives in one event loop.

    Args:
        threads: at work at once, 2 at least; one database alone gets half of them.
        waiting: how much may wait, for one database; twice as much in all.
    """

    def __init__(self, threads: int = 8, waiting: int = 64) -> None:
        self._most = waiting
        self._pool = ThreadPoolExecutor(threads, "share-desk")
        self._places = Gate(threads, threads)
        self._lines: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return self._places.waiting

    async def do(self, key: str, work: Callable[[], _T]) -> _T:
        """Do it in a thread, when its turn has come.

        A caller that is cancelled gives its turn up; work that has begun goes on, and holds its thread until
        it ends.

        Args:
            key: the database's name.
            work: what is done.

        Raises:
            ServiceBusy: too much waits already, or the service is ending.
        """
        await self._places.enter(key, partial(self._waits, key))
        loop = asyncio.get_running_loop()
        try:
            doing = self._pool.submit(work)
        except RuntimeError:
            self._places.leave(key)
            raise ServiceBusy("the service is ending; ask another, or ask again later") from None

        def ended(_: object) -> None:
            # Called by the thread; at the very end of the service nobody counts any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._places.leave, key)

        doing.add_done_callback(ended)
        return await asyncio.wrap_future(doing)

    def close(self) -> None:
        """Begin nothing more. May be called twice."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _waits(self, key: str) -> Iterator[None]:
        """One more waits for a database. Raises ServiceBusy where too many do."""
        if self._lines[key] >= self._most or self._lines.total() >= 2 * self._most:
            raise ServiceBusy("the service has as much to do as it may; ask again in some seconds")
        self._lines[key] += 1
        try:
            yield
        finally:
            self._lines[key] -= 1
            if not self._lines[key]:
                del self._lines[key]
