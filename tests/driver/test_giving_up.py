"""A case that is given up: its query is stopped, its thread and its place are free, its request is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.base import Limits, QueryResult
from share_sql.database.sqlite import SqliteDatabase
from share_sql.driver.progress import StageEnd
from share_sql.models.endpoint import EndpointModel
from tests.driver.living import ENDLESS, Model, case, for_ever


class Endless(threading.Semaphore):
    """Released each time that an endless query begins."""

    def __init__(self) -> None:
        super().__init__(0)
        self.ended: list[str] = []
        """The files whose queries have ended."""


@pytest.fixture
def database(shop_path: Path) -> str:
    return str(shop_path)


@pytest.fixture
def other(shop_path: Path, tmp_path: Path) -> str:
    copy = tmp_path / "other.sqlite"
    copy.write_bytes(shop_path.read_bytes())
    return str(copy)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(cache=tmp_path / "cache")


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Endless:
    """What is known of endless queries."""
    begun = Endless()

    class Told(SqliteDatabase):
        def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
            if ENDLESS not in sql:
                return super().query(sql, limits)
            begun.release()
            try:
                return super().query(sql, limits)
            finally:
                begun.ended.append(str(self.path))

    import share_sql.database.sqlite

    monkeypatch.setattr(share_sql.database.sqlite, "SqliteDatabase", Told)
    return begun


def hanging(database: str, name: str = "hangs") -> Case:
    return case(database, f"{ENDLESS} -- {name}", name)


async def until(begun: threading.Semaphore) -> None:
    assert await asyncio.to_thread(begun.acquire, True, 60)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_its_query_is_stopped(database: str, other: str, catalog: Catalog, endless: Endless) -> None:
    async def main() -> None:
        async with Assistant(catalog=catalog, concurrency=2) as assistant:
            # What hangs elsewhere runs into its time limit; so would this one, were it not stopped.
            clock = asyncio.create_task(assistant.acorrect(hanging(other)))
            await until(endless)
            given_up = asyncio.create_task(assistant.acorrect(hanging(database)))
            await until(endless)
            await cancelled(given_up)
            assert (await assistant.acorrect(case(database))).verdict == "kept"
            assert endless.ended == [database]
            await cancelled(clock)

    asyncio.run(main())


def test_it_asks_nothing_more(database: str, catalog: Catalog, endless: Endless) -> None:
    ended: list[str] = []

    def progress(stage: StageEnd) -> None:
        ended.append(stage.stage)

    async def main() -> None:
        async with Assistant(catalog=catalog) as assistant:
            for _ in range(3):
                given_up = asyncio.create_task(assistant.acorrect(hanging(database), progress=progress))
                await until(endless)
                await cancelled(given_up)
            done = await assistant.acorrect(case(database))
            assert (done.verdict, done.failures) == ("kept", ())
        assert ended == []
        assert not endless.acquire(blocking=False)

    asyncio.run(main())


def test_what_waits_for_a_place_never_begins(database: str, catalog: Catalog, endless: Endless) -> None:
    async def main() -> None:
        async with Assistant(catalog=catalog, concurrency=1) as assistant:
            under_way = asyncio.create_task(assistant.acorrect(hanging(database, "first")))
            await until(endless)
            waiting = [
                asyncio.create_task(assistant.acorrect(hanging(database, str(at)))) for at in range(50)
            ]
            await asyncio.sleep(0)
            for task in waiting:
                await cancelled(task)
            await cancelled(under_way)
            assert (await assistant.acorrect(case(database))).verdict == "kept"
            assert not endless.acquire(blocking=False)

    asyncio.run(main())


def test_many_that_wait_for_one_another_all_end(database: str, catalog: Catalog, endless: Endless) -> None:
    async def main() -> None:
        async with Assistant(catalog=catalog, concurrency=4) as assistant:
            tasks = [asyncio.create_task(assistant.acorrect(hanging(database, str(at)))) for at in range(20)]
            await until(endless)
            for task in tasks:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in found)
            assert (await assistant.acorrect(case(database))).verdict == "kept"

    asyncio.run(main())


def test_cases_of_others_on_the_same_database_are_unharmed(
    database: str, catalog: Catalog, endless: Endless
) -> None:
    async def main() -> None:
        async with Assistant(catalog=catalog, concurrency=8) as assistant:
            given_up = asyncio.create_task(assistant.acorrect(hanging(database)))
            await until(endless)
            others = [
                asyncio.create_task(assistant.acorrect(case(database, name=str(at)))) for at in range(6)
            ]
            await asyncio.sleep(0.1)
            await cancelled(given_up)
            done = await asyncio.gather(*others)
            assert {(each.verdict, each.runs) for each in done} == {("kept", True)}
            assert not any(step.error for each in done for step in each.steps if step.cause)

    asyncio.run(main())


def test_while_a_model_answers(database: str, catalog: Catalog) -> None:
    model = Model(lambda request: for_ever())

    async def main() -> None:
        async with Assistant(catalog=catalog, models={"sam": model}, concurrency=1) as assistant:
            task = asyncio.create_task(assistant.acorrect(case(database)))
            await asyncio.to_thread(model.asked.wait)
            await cancelled(task)
            model.answer = None
            assert (await assistant.acorrect(case(database))).verdict == "kept"

    asyncio.run(main())


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Event]]:
    """Takes requests and never answers. Its URL; set when one came; set when the connection was closed."""
    came, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        came.set()
        while await reader.read(1 << 16):
            pass
        closed.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", came, closed


def test_the_request_to_a_server_is_closed(database: str, catalog: Catalog) -> None:
    async def main() -> None:
        async with silent_server() as (url, came, closed):
            models = {"sam": EndpointModel(model="m", base_url=url)}
            async with Assistant(catalog=catalog, models=models) as assistant:
                task = asyncio.create_task(assistant.acorrect(case(database)))
                await asyncio.wait_for(came.wait(), 60)
                assert not closed.is_set()
                await cancelled(task)
                await asyncio.wait_for(closed.wait(), 60)  # while the assistant is open

    asyncio.run(main())
