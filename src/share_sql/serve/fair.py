"""Threads for what is asked of databases beside cases: few, and shared fairly.

A database that hangs holds the threads that it has, so it gets no more than a part of them; who waits for it
waits in its own line, and the lines take turns. Lives in one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from share_sql.errors import ServiceBusy

_T = TypeVar("_T")


class FairPool:
    """Does work in threads, so much for each database at a time.

    Args:
        threads: at work at once.
        each: of them for one database; what is about none has a line of its own.
        waiting: how much may wait, for one database; twice as much in all.
    """

    def __init__(self, threads: int = 8, each: int = 3, waiting: int = 64) -> None:
        self._threads = threads
        self._each = min(each, max(1, threads - 1))
        self._most = waiting
        self._pool = ThreadPoolExecutor(threads, "share-desk")
        self._working: dict[str, int] = {}
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        """Who waits, by database; the line whose turn is next comes first."""

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return sum(len(line) for line in self._lines.values())

    async def do(self, key: str, work: Callable[[], _T]) -> _T:
        """Do it in a thread, when its turn has come.

        A caller that is cancelled gives its turn up; work that has begun goes on, and holds its thread until
        it ends.

        Args:
            key: the database's name.
            work: what is done.

        Raises:
            ServiceBusy: too much waits already.
        """
        await self._turn(key)
        loop = asyncio.get_running_loop()
        try:
            doing = self._pool.submit(work)
        except RuntimeError:
            self._ended(key)
            raise ServiceBusy("the service is ending; ask again later") from None

        def ended(_: object) -> None:
            # Called by the thread; at the very end of the service nobody counts any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ended, key)

        doing.add_done_callback(ended)
        return await asyncio.wrap_future(doing)

    def close(self) -> None:
        """Begin nothing more. May be called twice."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _free(self, key: str) -> bool:
        return sum(self._working.values()) < self._threads and self._working.get(key, 0) < self._each

    async def _turn(self, key: str) -> None:
        """Wait for a thread, and count it as taken."""
        if self._free(key) and key not in self._lines:
            self._working[key] = self._working.get(key, 0) + 1
            return
        line = self._lines.get(key, ())
        if len(line) >= self._most or self.waiting >= 2 * self._most:
            raise ServiceBusy("the service has as much to do as it may; ask again in some seconds")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._ended(key)  # its turn had come in the same moment
            else:
                self._leave(key, turn)
            raise

    def _leave(self, key: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(key)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._lines[key]

    def _ended(self, key: str) -> None:
        """Count a thread as free, and give turns."""
        self._working[key] -= 1
        if not self._working[key]:
            del self._working[key]
        for waiting in list(self._lines):
            while waiting in self._lines and self._free(waiting):
                line = self._lines.pop(waiting)
                turn = line.popleft()
                if line:
                    self._lines[waiting] = line  # behind the others: the lines take turns
                if not turn.done():
                    self._working[waiting] = self._working.get(waiting, 0) + 1
                    turn.set_result(None)
