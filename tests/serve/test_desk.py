"""The desk: what it does beside the event loop is bounded in time, and no database waits for another."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.database.base import Limits
from share_sql.errors import DatabaseMissing, QueryTimeout, ServiceBusy, WorkExceeded
from share_sql.serve import desk as desks
from share_sql.serve.bodies import CheckBody, CorrectBody, RunBody, TrajectoryBody
from share_sql.serve.desk import Desk
from tests.driver.working import workers
from tests.serve.conftest import shop_desk
from tests.serve.models import CASE, SLOW


def test_work_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "WORK_SECONDS", 0.3)

    def endless(*_: object) -> None:
        at = 0
        while True:
            at += 1

    monkeypatch.setattr(desks, "_trajectory", endless)

    async def main() -> None:
        with shop_desk(tmp_path) as desk:
            asked = TrajectoryBody(database="shop", sql="SELECT 1")
            with pytest.raises(WorkExceeded):
                await asyncio.wait_for(desk.trajectory(asked), 60)
            # The thread is free again, and so is the loop.
            answer = await asyncio.wait_for(desk.correct(CorrectBody(**CASE)), 60)
            assert answer.verdict == "corrected"

    asyncio.run(main())


def test_other_processes_answer_alike(tmp_path: Path) -> None:
    async def answers(desk: Desk) -> list[dict[str, object]]:
        asked = [
            CorrectBody(database="shop", question=each.question, draft=each.draft) for each in desk.examples
        ]
        corrected = await asyncio.gather(*(desk.correct(body) for body in asked))
        seen = await asyncio.gather(
            *(
                desk.check(CheckBody(database="shop", question=each.question, draft=each.draft))
                for each in asked
            )
        )
        told = [*(each.model_dump() for each in corrected), *map(asdict, seen)]
        # The file is written anew for each desk, and times are never the same.
        vary = ("stages", "fingerprint")
        return [{name: said for name, said in each.items() if name not in vary} for each in told]

    async def main(**several: int) -> list[dict[str, object]]:
        with shop_desk(tmp_path, **several) as desk:
            desk._checker = desk._assistant
            if several:
                body = CorrectBody(**CASE)
                while not workers():
                    await asyncio.gather(*(desk.correct(body) for _ in range(8)))
            return await answers(desk)

    alone = asyncio.run(main())
    assert len({str(each.get("verdict")) for each in alone}) > 2
    assert asyncio.run(main(processes=2)) == alone


def test_an_upload_that_is_deleted_is_closed_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Assistant, "forget", lambda _, name: told.append(name))
    with shop_desk(tmp_path) as desk:
        desk.add("tried", tmp_path / "tried.sqlite", Limits(), tmp_path)
        desk.drop("tried")
    assert told == ["tried", "tried"], "of corrections, and of checks"


def test_queries_that_hang_keep_no_other_database_waiting(tmp_path: Path) -> None:
    async def main() -> None:
        with shop_desk(tmp_path) as desk:
            file = desk._catalog._known["shop"].where
            desk._catalog.add("other", file)
            desk.names = (*desk.names, "other")
            hang = RunBody(database="shop", sql=SLOW, seconds=60)
            hanging = [asyncio.create_task(desk.run(hang)) for _ in range(12)]
            await asyncio.sleep(0.2)
            for _ in range(3):
                asked = RunBody(database="other", sql="SELECT COUNT(*) FROM customers")
                assert (await asyncio.wait_for(desk.run(asked), 30)).rows[0][0]
            assert not any(task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 60, "the queries went on when nobody waited for them"


def test_a_query_has_the_time_that_it_is_given(tmp_path: Path) -> None:
    async def main() -> None:
        with shop_desk(tmp_path) as desk:
            with pytest.raises(QueryTimeout):
                await desk.run(RunBody(database="shop", sql=SLOW, seconds=0.2))
            answer = await desk.run(RunBody(database="shop", sql="SELECT 1"))
            assert answer.rows == [[1]]
            with pytest.raises(DatabaseMissing, match="did you mean shop"):
                await desk.schema("shopp")

    asyncio.run(main())


def test_cases_that_wait_for_a_slow_database_are_bounded_in_number_and_time(tmp_path: Path) -> None:
    slow = CorrectBody(database="shop", draft=SLOW)

    async def main() -> None:
        bounds = {"most_cases": 3, "case_seconds": 0.5}
        with shop_desk(tmp_path, bounds, concurrency=1) as desk:
            asked = [asyncio.create_task(desk.correct(slow)) for _ in range(5)]
            answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
            assert [type(answer) for answer in answers] == [ServiceBusy] * 5
            told = sorted(str(answer) for answer in answers)
            assert sum("as many cases under way as it may" in each for each in told) == 2
            assert sum("found no place in time" in each for each in told) == 3
            assert desk.under_way == 0
            answer = await asyncio.wait_for(desk.correct(CorrectBody(**CASE)), 60)
            assert answer.verdict == "corrected"

    asyncio.run(main())
