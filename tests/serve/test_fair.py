"""Threads shared fairly: a database that hangs leaves some for the others, and little may wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from share_sql.errors import ServiceBusy
from share_sql.serve.fair import FairPool


@asynccontextmanager
async def hanging(pool: FairPool, key: str, count: int) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """So much work about a database, which goes on until the end of the block."""
    release = threading.Event()
    tasks = [asyncio.create_task(pool.do(key, lambda: release.wait(30))) for _ in range(count)]
    await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_database_that_hangs_leaves_threads_for_the_others() -> None:
    async def main() -> None:
        pool = FairPool(4, waiting=10)
        async with hanging(pool, "hangs", 9):
            others = asyncio.gather(*(pool.do("other", lambda: True) for _ in range(8)))
            assert all(await asyncio.wait_for(others, 20))
            assert pool.waiting == 7
        assert pool.waiting == 0
        pool.close()

    asyncio.run(main())


def test_little_may_wait() -> None:
    async def main() -> None:
        pool = FairPool(2, waiting=3)
        async with hanging(pool, "hangs", 4):
            with pytest.raises(ServiceBusy):
                await pool.do("hangs", lambda: True)
            assert await asyncio.wait_for(pool.do("other", lambda: True), 20)
        assert await pool.do("hangs", lambda: True)
        pool.close()

    asyncio.run(main())


def test_who_gives_up_gives_its_turn_up_but_no_thread_that_works() -> None:
    async def main() -> None:
        pool = FairPool(2, waiting=3)
        async with hanging(pool, "hangs", 3) as tasks:
            tasks[1].cancel()  # it waits
            tasks[0].cancel()  # it works, and goes on
            await asyncio.sleep(0.05)
            assert pool.waiting == 1
            assert not tasks[2].done()
        assert await tasks[2]
        pool.close()

    asyncio.run(main())


def test_an_error_of_the_work_is_the_callers() -> None:
    async def main() -> None:
        pool = FairPool(2)

        def fails() -> None:
            raise KeyError("mine")

        for _ in range(5):
            with pytest.raises(KeyError):
                await pool.do("a", fails)
        pool.close()
        with pytest.raises(ServiceBusy):
            await pool.do("a", fails)

    asyncio.run(main())
