"""A database whose queries hang keeps no case on another database waiting."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.driver.driver import MOST_THREADS
from tests.driver.living import ENDLESS, RIGHT


@pytest.fixture
def databases(shop_path: Path, tmp_path: Path) -> list[str]:
    copies = [tmp_path / f"shop{at}.sqlite" for at in range(6)]
    for copy in copies:
        shutil.copy(shop_path, copy)
    return list(map(str, copies))


def on(database: str, count: int, draft: str) -> list[Case]:
    return [
        Case(f"{draft[:6]} {at}", "How many stores?", database, f"{draft} -- {at}") for at in range(count)
    ]


@pytest.mark.parametrize("hanging", [1, 3])
def test_others_are_corrected_while_a_hundred_cases_hang(
    hanging: int, databases: list[str], tmp_path: Path
) -> None:
    async def main() -> None:
        async with Assistant(catalog=Catalog(cache=tmp_path), concurrency=8) as assistant:
            hung = [
                asyncio.create_task(assistant.acorrect(each))
                for database in databases[:hanging]
                for each in on(database, 100, ENDLESS)
            ]
            await asyncio.sleep(0.5)  # so that they hold all that they can get
            quick = [
                asyncio.create_task(assistant.acorrect(each))
                for database in databases[hanging:]
                for each in on(database, 20, RIGHT)
            ]
            done = await asyncio.wait_for(asyncio.gather(*quick), 120)
            assert all((each.verdict, each.runs) == ("kept", True) for each in done)
            # A hundred queries of one file, one after another, take their time limit each.
            assert sum(task.done() for task in hung) < len(hung) / 4
            assert (
                sum(thread.name.startswith("share-case") for thread in threading.enumerate()) <= MOST_THREADS
            )
            for task in hung:
                task.cancel()
            await asyncio.gather(*hung, return_exceptions=True)

    asyncio.run(main())


def test_a_source_that_begins_with_what_hangs_does_not_hide_the_others(
    databases: list[str], tmp_path: Path
) -> None:
    cases = [*on(databases[0], 10, ENDLESS), *on(databases[1], 30, RIGHT)]
    with Assistant(catalog=Catalog(cache=tmp_path), concurrency=4) as assistant:
        states = assistant.correct_states(cases)
        assert {next(states).case.database for _ in range(30)} == {databases[1]}
        states.close()
