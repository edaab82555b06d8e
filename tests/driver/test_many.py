"""Many cases in an event loop: in order or as they end, read as they can be worked on, left early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from share_sql.assistant import STAGES, Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.driver.progress import StageEnd
from share_sql.errors import AssistantClosed
from share_sql.models.base import ModelReply, ModelRequest
from tests.driver.living import Model, cases, for_ever


class Waiting(Model):
    """Answers case 0 only when all others have been asked."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.left = others
        self.open = asyncio.Event()

    async def ask(self, request: ModelRequest) -> ModelReply:
        if request.case_id == "0":
            await self.open.wait()
        else:
            self.left -= 1
            if not self.left:
                self.open.set()
        return await super().ask(request)


@pytest.fixture
def database(shop_path: Path) -> str:
    return str(shop_path)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(cache=tmp_path)


async def slowly(found: list[Case]) -> AsyncIterator[Case]:
    for each in found:
        await asyncio.sleep(0)
        yield each


@pytest.mark.parametrize("asynchronous", [False, True])
def test_corrections_come_in_order_and_states_as_they_end(
    asynchronous: bool, database: str, catalog: Catalog
) -> None:
    async def main() -> None:
        for ordered in (True, False):
            wanted = cases(database, 6)
            source = slowly(wanted) if asynchronous else wanted
            async with Assistant(catalog=catalog, models={"sam": Waiting(5)}, concurrency=4) as assistant:
                if ordered:
                    ids = [each.id async for each in assistant.acorrect_many(source)]
                    assert ids == ["0", "1", "2", "3", "4", "5"]
                else:
                    ids = [each.case.id async for each in assistant.acorrect_states(source)]
                    assert sorted(ids) == ["0", "1", "2", "3", "4", "5"]
                    assert "0" not in ids[:2]

    asyncio.run(main())


def test_progress_is_called_in_the_callers_loop_and_thread(database: str, catalog: Catalog) -> None:
    here = threading.get_ident()
    told: list[str] = []

    def progress(ended: StageEnd) -> None:
        assert threading.get_ident() == here
        assert asyncio.get_running_loop()
        told.append(ended.stage)

    async def main() -> None:
        async with Assistant(catalog=catalog) as assistant:
            assert (
                len([each async for each in assistant.acorrect_many(cases(database, 3), progress=progress)])
                == 3
            )

    asyncio.run(main())
    assert sorted(told) == sorted([stage.__name__ for stage in STAGES] * 3)


def test_progress_of_many_in_threads(database: str, catalog: Catalog) -> None:
    told: list[tuple[str, str]] = []
    with Assistant(catalog=catalog) as assistant:
        done = list(
            assistant.correct_many(
                cases(database, 3), progress=lambda ended: told.append((ended.state.case.id, ended.stage))
            )
        )
    assert [each.id for each in done] == ["0", "1", "2"]
    assert sorted(told) == sorted((at, stage.__name__) for at in "012" for stage in STAGES)


def test_whoever_leaves_the_loop_early_gives_up_the_rest(database: str, catalog: Catalog) -> None:
    asked, cancelled = threading.Event(), threading.Event()

    class Endless(Model):
        async def ask(self, request: ModelRequest) -> ModelReply:
            if request.case_id == "0":
                return await super().ask(request)
            asked.set()
            try:
                await for_ever()
            finally:
                cancelled.set()
            raise AssertionError

    async def main() -> None:
        async with Assistant(catalog=catalog, models={"sam": Endless()}, concurrency=2) as assistant:
            async with aclosing(assistant.acorrect_many(cases(database, 4))) as corrections:
                async for each in corrections:
                    assert each.id == "0"
                    assert await asyncio.to_thread(asked.wait, 60)
                    break
            assert await asyncio.to_thread(cancelled.wait, 60)
            asked.clear()
            cancelled.clear()
            async for _ in assistant.acorrect_states(cases(database, 4)):
                assert await asyncio.to_thread(asked.wait, 60)
                break
            # Without aclosing the loop ends it, once nobody holds it any more.
            assert await asyncio.to_thread(cancelled.wait, 60)

    asyncio.run(main())


def test_the_source_is_read_only_as_cases_can_be_worked_on(database: str, catalog: Catalog) -> None:
    read = 0

    def source() -> Iterator[Case]:
        nonlocal read
        for each in cases(database, 1000):
            read += 1
            yield each

    async def main() -> None:
        nonlocal read
        async with Assistant(catalog=catalog, concurrency=2) as assistant:
            for rounds in range(2):
                async with aclosing(assistant.acorrect_many(source())) as corrections:
                    for at in range(20):
                        await anext(corrections)
                        assert read <= at + 20
                assert read < 50, rounds
                read = 0
            states = assistant.correct_states(source())
            for at in range(20):
                next(states)
                assert read <= at + 20
            states.close()

    asyncio.run(main())


def test_while_nobody_asks_for_the_next_no_case_begins(database: str, catalog: Catalog) -> None:
    asked: list[str] = []

    class Counting(Model):
        async def ask(self, request: ModelRequest) -> ModelReply:
            asked.append(request.case_id)
            return await super().ask(request)

    with Assistant(catalog=catalog, models={"sam": Counting()}, concurrency=2) as assistant:
        states = assistant.correct_states(cases(database, 100))
        next(states)
        assistant.correct(Case("last", "How many stores are there?", database, "SELECT 1"))
        assert (
            len(set(asked) - {"last"}) <= 3
        )  # the one that ended, the other, and the one begun in its place
        states.close()


def test_cases_end_while_the_source_is_waited_for(database: str, catalog: Catalog) -> None:
    async def main() -> None:
        more = asyncio.Event()

        async def source() -> AsyncIterator[Case]:
            first, second = cases(database, 2)
            yield first
            await more.wait()
            yield second

        async with Assistant(catalog=catalog) as assistant:
            ids = []
            async for each in assistant.acorrect_many(source()):
                ids.append(each.id)
                more.set()  # comes only after the first correction
            assert ids == ["0", "1"]

    asyncio.run(main())


def test_what_the_source_raises_is_raised(database: str, catalog: Catalog) -> None:
    async def source() -> AsyncIterator[Case]:
        yield cases(database, 1)[0]
        raise OSError("the file is gone")

    async def main() -> None:
        async with Assistant(catalog=catalog) as assistant:
            with pytest.raises(OSError, match="the file is gone"):
                _ = [each async for each in assistant.acorrect_many(source())]
            assert (await assistant.acorrect(cases(database, 1)[0])).verdict == "kept"

    asyncio.run(main())


def test_closed_under_it_it_says_so(database: str, catalog: Catalog) -> None:
    async def main() -> None:
        model = Model(lambda request: for_ever())
        assistant = Assistant(catalog=catalog, models={"sam": model})

        async def work() -> None:
            async for _ in assistant.acorrect_many(cases(database, 3)):
                pass

        working = asyncio.create_task(work())
        await asyncio.to_thread(model.asked.wait)
        await assistant.aclose()
        with pytest.raises(AssistantClosed):
            await working
        with pytest.raises(AssistantClosed):
            async with assistant:
                pass

    asyncio.run(main())
