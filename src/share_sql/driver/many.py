"""Many cases of one caller, from an iterable or an asynchronous one: read, submitted, handed out as they end.

The source is read no further than cases can be worked on, and a little beyond, so that cases on one database
that hangs do not hide those behind them. While the caller does not ask for the next, no case begins.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from share_sql.driver.turns import Turns
from share_sql.errors import AssistantClosed

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.driver.driver import Driver
    from share_sql.driver.progress import Progress, StageEnd
    from share_sql.stages.state import Stage, State

_AHEAD = 3
"""Cases that are read and wait for a place, for each that may be under way on one database."""

_T = TypeVar("_T")


class InOrder(Generic[_T]):
    """Hands out in the order of positions what comes in any order."""

    def __init__(self) -> None:
        self._waiting: dict[int, _T] = {}
        self._following = 0

    def add(self, position: int, item: _T) -> Iterator[_T]:
        """Take one more; those whose turn it is now."""
        self._waiting[position] = item
        while self._following in self._waiting:
            yield self._waiting.pop(self._following)
            self._following += 1


class _Cases(Generic[_T]):
    """Which of a caller's cases wait, and which are under way. Does no waiting itself."""

    def __init__(
        self,
        driver: Driver,
        stages: Sequence[Stage],
        make: Callable[[State], _T],
        progress: Progress | None,
    ) -> None:
        self._driver = driver
        self._stages = stages
        self._make = make
        self._progress = progress
        self._turns: Turns[int] = Turns(driver.places, driver.concurrency)
        self._most = _AHEAD * driver.concurrency
        self._read: dict[int, Case] = {}
        self._count = 0
        self._under_way: dict[int, tuple[Case, Future[_T]]] = {}

    @property
    def hungry(self) -> bool:
        """Whether to read one more: there is a place, and none of those that wait can take it."""
        return self._turns.free > 0 and self._turns.waiting < self._most

    @property
    def idle(self) -> bool:
        """Whether none is under way."""
        return not self._under_way

    def add(self, case: Case) -> None:
        """Take one that was read."""
        self._read[self._count] = case
        self._turns.add(case.database, self._count)
        self._count += 1

    def begin(self) -> Iterator[tuple[int, Future[_T]]]:
        """Submit those that find a place. Raises as `Driver.submit`."""
        while (found := self._turns.next()) is not None:
            _, position = found
            case = self._read.pop(position)
            future = self._driver.submit(case, self._stages, self._make, self._progress)
            self._under_way[position] = case, future
            yield position, future

    def end(self, position: int) -> _T:
        """What came of one that has ended; its place is free. Raises AssistantClosed."""
        case, future = self._under_way.pop(position)
        self._turns.end(case.database)
        return final(future)

    def give_up(self) -> None:
        """Give up what is under way."""
        for _, future in self._under_way.values():
            future.cancel()


def as_they_end(
    driver: Driver,
    stages: Sequence[Stage],
    cases: Iterable[Case],
    make: Callable[[State], _T],
    progress: Progress | None,
) -> Generator[tuple[int, _T], None, None]:
    """Take cases through the stages; to close the generator gives up what is under way.

    Args:
        driver: takes them.
        stages: in order.
        cases: read by the caller's thread, as they can be worked on.
        make: makes of a final state what is handed out, see `Driver.submit`.
        progress: called after each stage, by the thread that works on the case.

    Returns:
        Position of each case and what came of it, as it ends.

    Raises:
        AssistantClosed: the driver is closed, or was closed meanwhile.
    """
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    many = _Cases(driver, stages, make, progress)
    source: Iterator[Case] | None = iter(cases)

    def put(position: int, _: Future[_T]) -> None:
        ended.put(position)

    try:
        while True:
            for position, future in many.begin():
                future.add_done_callback(partial(put, position))
            # What has ended is handed out first: the source may take its time.
            if source is not None and many.hungry and ended.empty():
                try:
                    many.add(next(source))
                except StopIteration:
                    source = None
                continue
            if many.idle:
                return
            position = ended.get()
            yield position, many.end(position)
    finally:
        many.give_up()


async def aas_they_end(
    driver: Driver,
    stages: Sequence[Stage],
    cases: Iterable[Case] | AsyncIterable[Case],
    make: Callable[[State], _T],
    progress: Progress | None,
) -> AsyncGenerator[tuple[int, _T], None]:
    """As `as_they_end`, for the caller's event loop, in which `cases` is read and `progress` is called. Cases
    end while the source is waited for."""
    loop = asyncio.get_running_loop()
    news: asyncio.Queue[int | None] = asyncio.Queue()
    wanted = asyncio.Event()
    many = _Cases(driver, stages, make, told_in(loop, progress))

    async def read() -> None:
        async for case in _each(cases):
            many.add(case)
            wanted.clear()
            news.put_nowait(None)
            await wanted.wait()

    def put(position: int, _: Future[_T]) -> None:
        with suppress(RuntimeError):  # the caller's loop has closed: nobody listens
            loop.call_soon_threadsafe(news.put_nowait, position)

    reading = asyncio.ensure_future(read())
    reading.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while True:
            for position, future in many.begin():
                future.add_done_callback(partial(put, position))
            if many.hungry:
                wanted.set()
            if reading.done():
                reading.result()  # raises what the source raised
                if many.idle:
                    return
            found = await news.get()
            if found is not None:
                yield found, many.end(found)
    finally:
        many.give_up()
        reading.cancel()
        await asyncio.wait({reading})
        if not reading.cancelled():
            reading.exception()  # was raised, or nobody asks any more


async def _each(cases: Iterable[Case] | AsyncIterable[Case]) -> AsyncIterator[Case]:
    if isinstance(cases, AsyncIterable):
        async for case in cases:
            yield case
    else:
        for case in cases:
            yield case


def told_in(loop: asyncio.AbstractEventLoop, progress: Progress | None) -> Progress | None:
    """A callback that has `progress` called in an event loop; None for none."""
    if progress is None:
        return None
    listener = progress

    def told(ended: StageEnd) -> None:
        with suppress(RuntimeError):  # the caller's loop has closed: nobody listens
            loop.call_soon_threadsafe(listener, ended)

    return told


def final(future: Future[_T]) -> _T:
    """What came of a case that was submitted, waited for. Raises AssistantClosed."""
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        # A case is only ever given up because the assistant is closed under it.
        raise AssistantClosed("the assistant was closed; make another") from None
