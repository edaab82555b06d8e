"""Cases in several processes: the same ends, models asked here alone, and no case lost with a process."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pytest

from share_sql.assistant import STAGES, Assistant
from share_sql.case import Case, Correction
from share_sql.catalog import Catalog
from share_sql.demo.cases import load_cases
from share_sql.driver.progress import StageEnd
from share_sql.driver.workers import START_AFTER
from share_sql.errors import AssistantClosed, ModelLimited, UsageError
from share_sql.models.base import ModelReply, ModelRequest, Usage
from share_sql.schema.model import ColumnName
from share_sql.stages.state import State
from tests.driver.living import ENDLESS, Model, case, cases, for_ever
from tests.driver.working import Long, alive, children, endless, fill, until, where, workers

MANY = 40


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")


@pytest.fixture
def database(shop_path: Path) -> str:
    return str(shop_path)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(cache=tmp_path / "cache")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No process stays behind."""
    before = children()
    yield
    until(lambda: not [each for each in children() if each not in before and alive(each)])


@dataclass(frozen=True)
class Killer:
    """Kills the process in which a case whose name begins so ends, unless it is that of the test."""

    name: str
    test: int

    def __call__(self, state: State) -> Correction:
        assert state.correction is not None
        if state.case.id.startswith(self.name) and os.getpid() != self.test:
            os.kill(os.getpid(), signal.SIGKILL)
        return state.correction


def test_corrections_are_the_same(database: str, catalog: Catalog) -> None:
    asked = [each.case(database) for each in load_cases()]
    with Assistant(catalog=catalog) as assistant:
        alone = list(assistant.correct_many(asked))
    assert len({each.verdict for each in alone}) > 1
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        several = list(assistant.correct_many(asked))
        ended = [process for _, (_, process) in assistant.correct_as(asked, where)]
    assert os.getpid() not in ended
    assert [timeless(each) for each in several] == [timeless(each) for each in alone]


def timeless(correction: Correction) -> Correction:
    return replace(correction, steps=tuple(replace(step, seconds=0.0) for step in correction.steps))


def test_few_cases_start_no_process(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        assert len(list(assistant.correct_many(cases(database, 20)))) == 20
        assert not workers()


def test_cases_that_come_two_by_two_start_no_process(database: str, catalog: Catalog) -> None:
    async def main(assistant: Assistant) -> None:
        for _ in range(START_AFTER + 10):
            await asyncio.gather(*(assistant.acorrect(each) for each in cases(database, 2)))

    with Assistant(catalog=catalog, processes=2) as assistant:
        asyncio.run(main(assistant))
        assert not workers()


def test_what_is_made_of_a_case_is_bounded_there_too(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        asked = [case(database, name="long"), case(database)]
        (_, long), (_, other) = sorted(assistant.correct_as(asked, Long(*workers())))
    assert (long.verdict, long.steps[-1].cause) == ("kept", "work")
    assert other.steps[-1].cause is None


def test_a_database_that_is_forgotten_is_closed_there(
    database: str, catalog: Catalog, tmp_path: Path
) -> None:
    file = tmp_path / "upload.sqlite"
    shutil.copy(database, file)
    catalog.add("upload", file)
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, "upload")
        (worker,) = workers()
        assert holding(worker, file)
        catalog.remove("upload")
        assistant.forget("upload")
        until(lambda: not holding(worker, file))
        assert list(assistant.correct_many(cases(database, 3)))


def holding(pid: int, file: Path) -> bool:
    """Whether a process, or one below it, has a file open."""
    found = []
    for each in (pid, *children(pid)):
        for link in Path(f"/proc/{each}/fd").glob("*"):
            with suppress(OSError):
                found.append(os.readlink(link))
    return str(file) in found


def test_no_more_processes_than_asked_for_and_all_of_them_work(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        at_work = fill(assistant, database, processes=2)
        list(assistant.correct_many(cases(database, 3 * START_AFTER)))
        assert set(workers()) == at_work


def test_dead_processes_are_replaced_for_good(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        for each in fill(assistant, database, processes=2):
            os.kill(each, signal.SIGKILL)

        def settled() -> bool:
            ended = {process for _, (_, process) in assistant.correct_as(cases(database, 60), where)}
            return len(ended) == 2 and ended == set(workers())

        until(settled)


def test_no_more_processes_than_cases_at_once(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=8, concurrency=1) as assistant:
        assert len(list(assistant.correct_many(cases(database, 2 * START_AFTER)))) == 2 * START_AFTER
        assert not workers()


def test_models_are_asked_here(database: str, catalog: Catalog) -> None:
    class Unsendable(Model):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()  # nothing that holds one can be pickled
            self.askers: set[int] = set()

        async def ask(self, request: ModelRequest) -> ModelReply:
            with self.lock:
                self.askers.add(os.getpid())
            return await super().ask(request)

    model = Unsendable()
    with Assistant(catalog=catalog, models={"sam": model}, processes=2) as assistant:
        fill(assistant, database)
        model.requests.clear()
        corrections = list(assistant.correct_many(cases(database, MANY)))
    assert model.askers == {os.getpid()}
    assert sorted(each.case_id for each in model.requests) == sorted(str(at) for at in range(MANY))
    assert {each.usage["sam"].requests for each in corrections} == {1}
    assert not any(each.failures for each in corrections)


def test_what_a_model_raises_reaches_its_case(database: str, catalog: Catalog) -> None:
    def answer(request: ModelRequest) -> str | ModelReply:
        error = ModelLimited("too many requests")
        error.spent = {"prompt_tokens": 3, "requests": 2}
        raise error if request.case_id == "1" else ValueError("what is this?")

    model = Model(answer)
    with Assistant(catalog=catalog, models={"sam": model}, processes=2) as assistant:
        fill(assistant, database)
        even, odd = assistant.correct_many(cases(database, 2))
    assert [(each.cause, each.message) for each in odd.failures] == [("limited", "too many requests")]
    assert odd.usage["sam"] == Usage(prompt_tokens=3, requests=2)
    assert [each.cause for each in even.failures] == ["unavailable"]
    assert "scripted failed (ValueError: what is this?)" in even.reason


def test_a_reply_that_cannot_be_sent_is_told(database: str, catalog: Catalog) -> None:
    class Odd(ModelReply):
        def __reduce__(self) -> str:
            raise TypeError("not me")

    async def answer() -> ModelReply:
        reply = await Model().ask(ModelRequest("sam", "1", ()))
        return Odd(reply.answers)

    with Assistant(
        catalog=catalog, models={"sam": Model(lambda request: answer())}, processes=2
    ) as assistant:
        fill(assistant, database)
        (correction,) = assistant.correct_many(cases(database, 1))
    assert [each.cause for each in correction.failures] == ["unreadable"]


@pytest.mark.parametrize("given_up", ["one", "all"])
def test_a_case_that_is_given_up_takes_its_question_back(
    given_up: str, database: str, catalog: Catalog
) -> None:
    asked, closed = threading.Event(), threading.Event()

    class Sometimes(Model):
        async def ask(self, request: ModelRequest) -> ModelReply:
            if request.case_id != "waits":
                return await super().ask(request)
            asked.set()
            try:
                await for_ever()
            finally:
                closed.set()
            raise AssertionError

    async def main() -> None:
        async with Assistant(catalog=catalog, models={"sam": Sometimes()}, processes=2) as assistant:
            await asyncio.to_thread(fill, assistant, database)
            waits = asyncio.create_task(assistant.acorrect(case(database, name="waits")))
            assert await asyncio.to_thread(asked.wait, 60)
            if given_up == "one":
                waits.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waits
                assert await asyncio.to_thread(closed.wait, 60)
                assert (await assistant.acorrect(case(database))).verdict == "kept"
                return
            await assistant.aclose()
            with pytest.raises(AssistantClosed):
                await waits

    asyncio.run(main())
    assert closed.is_set()


def test_a_killed_process_costs_no_case(
    database: str, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[int] = []

    def kill(each: Case) -> bool:
        if each.id == str(MANY // 2):
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)
        return True

    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        source = (each for each in cases(database, MANY) if kill(each))
        corrections = list(assistant.correct_many(source))
        assert not set(killed) & fill(assistant, database, processes=2)
    assert [each.id for each in corrections] == [str(at) for at in range(MANY)]
    assert not [each.reason for each in corrections if any(step.cause for step in each.steps)]
    assert "a process that works on cases died (SIGKILL" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_case_that_kills_its_process_harms_no_other(database: str, catalog: Catalog) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        asked = [*cases(database, 7), case(database, name="bad"), *cases(database, MANY - 8)]
        ends = dict(assistant.correct_as(asked, Killer("bad", os.getpid())))
    assert sorted(ends) == list(range(MANY))
    causes = {each.id: [step.cause for step in each.steps if step.cause] for each in ends.values()}
    assert {name: found for name, found in causes.items() if found} == {"bad": ["internal"]}
    assert ends[7].verdict == "kept"
    assert "died twice (SIGKILL" in ends[7].reason


def test_where_each_case_kills_its_process_all_end(
    database: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.driver.workers.MOST_ENDED", 3)
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        ends = dict(assistant.correct_as(cases(database, MANY), Killer("", os.getpid())))
    assert sorted(ends) == list(range(MANY))
    assert {step.cause for each in ends.values() for step in each.steps if step.cause} == {"internal"}
    assert "died, one after another" in ends[MANY - 1].reason


def test_a_stopped_process_holds_nothing_up_for_ever(
    database: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.driver.workers.GRACE_SECONDS", 0.0)
    with Assistant(catalog=catalog, processes=2, case_seconds=5.0) as assistant:
        at_work = fill(assistant, database)
        os.kill(at_work.pop(), signal.SIGSTOP)
        corrections = list(assistant.correct_many(cases(database, MANY)))
    assert len(corrections) == MANY
    causes = [step.cause for each in corrections for step in each.steps if step.cause]
    assert "work" in causes
    assert len(causes) < MANY


def test_where_no_process_can_be_started_the_work_is_done_here(
    database: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Assistant(catalog=catalog, processes=2) as assistant:
        assistant.correct(case(database))  # the database has its process
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        found = [end for _, end in assistant.correct_as(cases(database, 3 * START_AFTER), where)]
    assert {process for _, process in found} == {os.getpid()}
    assert "cases are worked on in this one" in caplog.text


def test_to_close_in_the_middle_ends_all(database: str, catalog: Catalog) -> None:
    assistant = Assistant(catalog=catalog, processes=2)
    closing: list[threading.Thread] = []

    def close() -> bool:
        if not closing and len(workers()) == 2:
            closing.append(threading.Thread(target=assistant.close))
            closing[0].start()
        return True

    with pytest.raises(AssistantClosed):
        for _ in assistant.correct_many(endless(database, close)):
            pass
    closing[0].join()
    assert not workers()


def test_a_database_that_hangs_in_a_process_hides_no_other(
    database: str, tmp_path: Path, catalog: Catalog
) -> None:
    other = tmp_path / "other.sqlite"
    other.write_bytes(Path(database).read_bytes())
    with Assistant(catalog=catalog, processes=2, concurrency=4) as assistant:
        fill(assistant, database)
        hanging = [case(str(other), f"{ENDLESS} -- {at}", f"hangs {at}") for at in range(2)]
        states = assistant.correct_as([*hanging, *cases(database, 60)], where)
        first = [name for _, (name, _) in (next(states) for _ in range(60))]
        states.close()
    assert not any(name.startswith("hangs") for name in first)


def test_what_is_told_of_each_stage_is_worked_on_here(database: str, catalog: Catalog) -> None:
    told: list[str] = []

    def progress(ended: StageEnd) -> None:
        told.append(ended.stage)

    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        list(assistant.correct_many(cases(database, 2), progress=progress))
        assert [each.case.id for each in assistant.correct_states(cases(database, 1))] == ["0"]
    assert len(told) == 2 * len(STAGES)


def test_logs_come_from_the_processes_too(
    database: str, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "share_sql")
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        list(assistant.correct_many(cases(database, 1)))
    assert "case 0: judge" in caplog.text


def test_names_of_the_catalog_are_known_to_the_processes(database: str, catalog: Catalog) -> None:
    catalog.add("shop", database)
    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, "shop")
        catalog.add("late", database)
        done = list(assistant.correct_many(cases("shop", 3)))
        done += assistant.correct_many(cases("late", 3))
    assert {each.verdict for each in done} == {"kept"}
    assert not [step.error for each in done for step in each.steps if step.error]


def test_what_another_process_cannot_find_is_worked_on_here(database: str, catalog: Catalog) -> None:
    hidden = ModuleType("hidden")
    exec("import os\ndef process(state): return os.getpid()", vars(hidden))
    sys.modules["hidden"] = hidden
    try:
        with Assistant(catalog=catalog, processes=2) as assistant:
            fill(assistant, database)
            found = dict(assistant.correct_as(cases(database, 3), hidden.process))
            found |= assistant.correct_as(cases(database, 3), lambda state: os.getpid())
    finally:
        del sys.modules["hidden"]
    assert set(found.values()) == {os.getpid()}


def test_what_cannot_be_sent_of_a_database_is_worked_on_here(database: str, catalog: Catalog) -> None:
    class Meanings(dict[ColumnName, str]):
        def __reduce__(self) -> str:
            raise TypeError("not me")

    with Assistant(catalog=catalog, processes=2) as assistant:
        fill(assistant, database)
        catalog.add("odd", database, meanings=Meanings())
        ((_, (_, process)),) = assistant.correct_as(cases("odd", 1), where)
    assert process == os.getpid()


def test_no_process_must_be_one() -> None:
    with pytest.raises(UsageError, match="processes is 0"):
        Assistant(processes=0)


SCRIPT = """
import sys
from collections import Counter
from share_sql import Assistant, Case

print("begin")
cases = [Case(str(at), "How many stores?", sys.argv[1], "SELECT COUNT(*) FROM stores") for at in range(300)]
with Assistant(processes=2) as assistant:
    print(*Counter(each.verdict for each in assistant.correct_many(cases)).items())
    print(len({name for _, name in assistant.correct_as(cases, lambda state: state.case.id)}))
"""


def test_a_plain_script_is_not_run_again(database: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), database], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stdout, done.stderr) == ("begin\n('kept', 300)\n300\n", "")


FOREVER = """
import sys
from share_sql import Assistant, Case
from tests.driver.working import endless
with Assistant(processes=2) as assistant:
    for done in assistant.correct_many(endless(sys.argv[1], lambda: True)):
        pass
"""


def test_processes_end_with_one_that_is_killed(database: str) -> None:
    with subprocess.Popen([sys.executable, "-c", FOREVER, database]) as process:
        until(lambda: len(workers(process.pid)) == 2)
        left = list(children(process.pid))
        process.kill()
    until(lambda: not [each for each in left if alive(each)])
