"""An event loop whose time passes at once, and servers in it as queues: no machine decides what they do."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Jumps(selectors.DefaultSelector):
    """Waits for nothing: where nothing is ready, it is later."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("it waits for ever: nothing is under way")
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now


def run(what: Coroutine[Any, Any, _T]) -> _T:
    """As `asyncio.run`, in a time that begins at 0 and passes at once."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(what)


def now() -> float:
    return asyncio.get_running_loop().time()


class Batching:
    """A server as vLLM: in each step all calls under way get one token, and more of them make it longer.

    Args:
        step: seconds of a step with no call.
        each: seconds that each call adds.
        most: calls that it batches; all others wait.
        tokens: of an answer, from and to.
    """

    def __init__(self, step: float, each: float, most: int, tokens: tuple[int, int] = (20, 80)) -> None:
        self.step, self.each, self.most, self.tokens = step, each, most, tokens
        self.batched: list[list[Any]] = []
        self.queue: deque[list[Any]] = deque()
        self.random = random.Random(1)
        self.most_busy = self.answers = 0
        self._going: asyncio.Task[None] | None = None

    @property
    def busy(self) -> int:
        return len(self.batched) + len(self.queue)

    async def __call__(self) -> None:
        done = asyncio.get_running_loop().create_future()
        self.queue.append([self.random.randint(*self.tokens), done])
        self.most_busy = max(self.most_busy, self.busy)
        if self._going is None or self._going.done():
            self._going = asyncio.ensure_future(self._go())
        await done

    async def _go(self) -> None:
        while self.busy:
            while self.queue and len(self.batched) < self.most:
                self.batched.append(self.queue.popleft())
            await asyncio.sleep(self.step + self.each * len(self.batched))
            for call in self.batched:
                call[0] -= 1
                if call[0] <= 0 and not call[1].done():
                    self.answers += 1
                    call[1].set_result(None)
            self.batched = [call for call in self.batched if not call[1].done()]


async def crowd(calls: int, callers: int, ask: Callable[[int], Coroutine[Any, Any, None]]) -> float:
    """Make calls, some at once; the seconds that it took."""
    began, left = now(), iter(range(calls))

    async def caller() -> None:
        for number in left:
            await ask(number)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return now() - began


class Slots:
    """A server that works on a few calls at once; all others wait."""

    def __init__(self, slots: int, seconds: float) -> None:
        self.slots = slots
        self.seconds = seconds
        self._free = asyncio.Semaphore(slots)

    def grow_to(self, slots: int) -> None:
        for _ in range(slots - self.slots):
            self._free.release()
        self.slots = max(slots, self.slots)

    async def __call__(self) -> None:
        async with self._free:
            await asyncio.sleep(self.seconds)
