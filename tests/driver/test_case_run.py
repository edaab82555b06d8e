"""What becomes of a case when its stages or its database fail on the way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from share_sql.assistant import STAGES, Assistant
from share_sql.case import Case, Correction
from share_sql.catalog import Catalog
from share_sql.database.base import QueryResult
from share_sql.driver import case_run
from share_sql.driver.source import Source
from share_sql.errors import CompileError, DatabaseUnreadable
from share_sql.models.scripted import ScriptedModel
from share_sql.requests import Query, Steps, look_up, query
from share_sql.schema.model import ColumnName, ValueMatch
from share_sql.schema.values import ValueIndex
from share_sql.stages.state import State
from tests.driver.working import Long

WRONG = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
QUESTION = "How many enterprise customers are there?"


@pytest.fixture
def path(shop_path: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "own.sqlite"
    shutil.copy(shop_path, copy)
    return copy


@pytest.fixture
def assistant(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant(catalog=Catalog(cache=tmp_path / "cache"), work_seconds=1.0) as assistant:
        yield assistant


def corrected(assistant: Assistant, path: Path) -> Correction:
    return assistant.correct(Case("1", QUESTION, str(path), WRONG))


def with_stage(monkeypatch: pytest.MonkeyPatch, after: str, stage: Callable[[State], object]) -> None:
    """The usual stages, with one more."""
    stages = list(STAGES)
    stages.insert(1 + [each.__name__ for each in stages].index(after), stage)  # type: ignore[arg-type]
    monkeypatch.setattr("share_sql.assistant.STAGES", tuple(stages))


def failing(state: State) -> State:
    raise ValueError("no such thing")


def deep(state: State) -> State:
    return deep(state)


def hungry(state: State) -> State:
    raise MemoryError


def endless(state: State) -> State:
    while True:
        pass


def refusing(state: State) -> State:
    raise CompileError("it says nothing")


@pytest.mark.parametrize(
    ("stage", "cause", "said"),
    [
        (failing, "internal", "internal error (ValueError: no such thing); please report it"),
        (deep, "work", "the query is nested too deeply for this stage"),
        (hungry, "work", "there is not enough memory for this stage"),
        (endless, "work", "the case is too much work"),
        (refusing, None, "it says nothing"),
    ],
)
def test_a_stage_that_fails_takes_nothing_from_the_others(
    assistant: Assistant,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: Callable[[State], State],
    cause: str | None,
    said: str,
) -> None:
    with_stage(monkeypatch, "repair", stage)
    done = corrected(assistant, path)
    assert (done.verdict, done.sql) == ("corrected", WRONG.replace("Enterprise", "enterprise"))
    (step,) = (each for each in done.steps if each.error)
    assert (step.stage, step.cause) == (stage.__name__, cause)
    assert said in (step.error or "")


@pytest.mark.parametrize("stage", [failing, endless])
def test_where_the_judge_fails_the_draft_is_kept(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch, stage: Callable[[State], State]
) -> None:
    def judge(state: State) -> State:
        return stage(state)

    monkeypatch.setattr("share_sql.assistant.STAGES", (*STAGES[:-1], judge))
    done = corrected(assistant, path)
    assert (done.verdict, done.sql, done.runs) == ("kept", WRONG, True)
    assert done.steps[-1].cause in ("internal", "work")


def test_what_is_made_of_a_case_is_bounded_too(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_run, "MAKE_SECONDS", 0.3)
    asked = [Case(name, QUESTION, str(path), WRONG) for name in ("long", "2")]
    ends = dict(assistant.correct_as(asked, Long(os.getpid())))
    assert (ends[0].verdict, ends[0].sql, ends[0].steps[-1].cause) == ("kept", WRONG, "work")
    assert "too much work" in ends[0].reason
    assert ends[1].verdict == "corrected"
    # It also has its time where the stages have used up theirs.
    with_stage(monkeypatch, "repair", endless)
    ((_, end),) = assistant.correct_as([Case("2", QUESTION, str(path), WRONG)], Long(os.getpid()))
    assert "too much work" in end.reason


def test_a_case_that_is_too_much_work_does_not_stop_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def slow(state: State) -> State:
        return endless(state) if state.case.id == "0" else state

    with_stage(monkeypatch, "read", slow)
    cases = [Case(str(at), QUESTION, str(path), WRONG) for at in range(20)]
    with Assistant(catalog=Catalog(cache=tmp_path), work_seconds=600) as assistant:
        states = assistant.correct_states(cases)
        first = [next(states).case.id for _ in cases[1:]]
        states.close()
    assert "0" not in first


def test_a_query_after_the_case_has_run_out_of_time_is_not_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[object] = []

    def late(state: State) -> Steps[State]:
        seen.append((yield from query("SELECT 1")))
        time.sleep(0.6)
        seen.append((yield from query("SELECT 1")))
        seen.append((yield from query("SELECT 2")))
        return state

    with_stage(monkeypatch, "read", late)
    with Assistant(catalog=Catalog(cache=tmp_path), case_seconds=0.5) as assistant:
        done = corrected(assistant, path)
    assert [type(each) for each in seen] == [QueryResult, QueryResult]
    assert (done.verdict, done.runs) == ("kept", True)
    assert {step.cause for step in done.steps if step.error} == {"work"}
    assert "the time that a case may take is used up" in done.reason


def test_a_case_without_any_time_is_told_and_nothing_is_said_of_its_sql(path: Path, tmp_path: Path) -> None:
    with Assistant(catalog=Catalog(cache=tmp_path), case_seconds=1e-6) as assistant:
        done = corrected(assistant, path)
    assert (done.verdict, done.sql, done.runs) == ("kept", WRONG, None)
    assert done.steps[-1].cause == "work"
    assert "used up" in done.reason


def test_models_have_what_is_left_of_the_case_s_time(path: Path, tmp_path: Path) -> None:
    model = ScriptedModel({"sam": "res = df.count()", "lom": "res = df.count()"}, delay=600)
    with Assistant(
        catalog=Catalog(cache=tmp_path), models={"sam": model, "lom": model}, case_seconds=0.5
    ) as assistant:
        done = corrected(assistant, path)
    assert [(each.role, each.cause) for each in done.lost] == [("sam", "timeout"), ("lom", "timeout")]
    assert "the 0.5 s that a case may take are used up" in done.reason
    assert [request.role for request in model.requests] == ["sam"]


def test_the_same_values_are_looked_up_once_a_case(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []
    texts: list[str] = []
    lookup = ValueIndex.lookup

    def counted(self: ValueIndex, text: str, *args: Any, **options: Any) -> tuple[ValueMatch, ...]:
        texts.append(text)
        return lookup(self, text, *args, **options)

    def asking(state: State) -> Steps[State]:
        for _ in range(2):
            everywhere = yield from look_up("Enterprize")
            segment = yield from look_up("Enterprize", frozenset({ColumnName("customers", "segment")}))
            found.extend((everywhere, segment))
        return state

    monkeypatch.setattr(ValueIndex, "lookup", counted)
    with_stage(monkeypatch, "warn", asking)
    corrected(assistant, path)
    assert texts.count("Enterprize") == 2
    assert found[0] is found[2]
    assert found[1] is found[3]
    corrected(assistant, path)
    assert texts.count("Enterprize") == 4


# -- databases that fail on the way -----------------------------------------------------------------------


def meddle(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Something happens to the database after it was read and before it is repaired."""

    def happens(state: State) -> State:
        deed()
        return state

    with_stage(monkeypatch, "read", happens)


def test_a_database_that_is_away_for_a_moment_is_waited_for(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = path.with_suffix(".away")

    def deed() -> None:
        os.rename(path, away)
        threading.Timer(0.3, os.rename, (away, path)).start()

    meddle(monkeypatch, deed)
    done = corrected(assistant, path)
    assert done.verdict == "corrected"
    assert not any(step.error for step in done.steps)


def test_a_database_that_is_locked_for_seconds_is_waited_for(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deed() -> None:
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        writer.execute("PRAGMA journal_mode=DELETE")
        writer.execute("BEGIN EXCLUSIVE")
        threading.Timer(3.0, writer.close).start()

    meddle(monkeypatch, deed)
    done = corrected(assistant, path)
    assert done.verdict == "corrected"
    assert not any(step.error for step in done.steps)


def test_a_database_that_stays_away_is_told_and_the_next_case_does_not_wait_again(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meddle(monkeypatch, lambda: path.unlink(missing_ok=True))
    done = corrected(assistant, path)
    assert (done.verdict, done.sql) == ("kept", WRONG)
    causes = {step.cause for step in done.steps if step.error}
    assert causes == {"database"}
    assert "there is no file" in done.reason
    waits: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda self, timeout=None: waits.append(timeout))
    again = corrected(assistant, path)
    assert again.steps[-1].cause == "database"
    assert [each for each in waits if each in (0.05, 0.1, 0.25)] == []


def test_a_database_that_comes_back_is_used_again(assistant: Assistant, path: Path, shop_path: Path) -> None:
    assert corrected(assistant, path).verdict == "corrected"
    path.unlink()
    assert corrected(assistant, path).steps[-1].cause == "database"
    shutil.copy(shop_path, path)
    assert corrected(assistant, path).verdict == "corrected"


def test_the_state_holds_the_database_s_fingerprint(assistant: Assistant, path: Path) -> None:
    def fingerprint() -> str:
        (state,) = assistant.correct_states([Case("1", QUESTION, str(path), WRONG)])
        return state.fingerprint

    before = fingerprint()
    assert before
    assert fingerprint() == before
    with sqlite3.connect(path) as writer:
        writer.execute("CREATE TABLE more (x)")
    writer.close()
    assert fingerprint() != before


def test_a_case_whose_database_is_replaced_under_it_is_done_again_on_the_new_one(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one has another table of this name; what was seen of the old one must not decide."""

    def deed() -> None:
        if not (other := path.with_name("other.sqlite")).exists():
            with sqlite3.connect(other) as writer:
                writer.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, segment TEXT)")
                writer.execute("INSERT INTO customers (segment) VALUES ('ENTERPRISE')")
            writer.close()
            shutil.copy(other, path.with_suffix(".new"))
            os.replace(path.with_suffix(".new"), path)

    meddle(monkeypatch, deed)
    done = corrected(assistant, path)
    assert done.sql == WRONG.replace("Enterprise", "ENTERPRISE")
    assert not any(step.error for step in done.steps)


def test_a_database_that_is_written_to_all_the_time_is_told(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touch() -> None:
        with sqlite3.connect(path) as writer:
            writer.execute("CREATE TABLE IF NOT EXISTS log (x)")
            writer.execute("INSERT INTO log VALUES (1)")
        writer.close()

    meddle(monkeypatch, touch)
    done = corrected(assistant, path)
    assert (done.verdict, done.sql) == ("corrected", WRONG.replace("Enterprise", "enterprise"))
    assert done.steps[-1].text == "it changed while the case was under way"
    assert not any(step.cause for step in done.steps)


def test_a_database_that_is_written_to_all_the_time_costs_no_case_twice_the_work(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    writing = True

    def touch() -> None:
        done.append(len(done))
        if writing:
            with sqlite3.connect(path) as writer:
                writer.execute("CREATE TABLE IF NOT EXISTS log (x)")
                writer.execute("INSERT INTO log VALUES (1)")
            writer.close()

    meddle(monkeypatch, touch)
    for again, written in ((2, True), (1, True), (1, True), (1, False), (2, True), (1, False)):
        done.clear()
        writing = written
        assert corrected(assistant, path).verdict == "corrected"
        assert len(done) == again


def test_endless_queries_on_one_database_do_not_hold_up_cases_on_another(
    path: Path, shop_path: Path, tmp_path: Path
) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT MAX(x) FROM c"
    slow = [Case(f"slow {at}", QUESTION, str(path), f"{endless} -- {at}") for at in range(4)]
    quick = [Case(f"quick {at}", QUESTION, str(shop_path), WRONG) for at in range(30)]
    with Assistant(catalog=Catalog(cache=tmp_path / "cache"), concurrency=4) as assistant:
        states = assistant.correct_states([*slow, *quick])
        first = [next(states).case.id for _ in quick]
        states.close()
    assert all(name.startswith("quick") for name in first)


def test_a_database_answers_one_case_after_another(path: Path, tmp_path: Path) -> None:
    catalog = Catalog(cache=tmp_path / "cache")
    first, second = (Source(catalog, str(path), time.monotonic() + 60) for _ in range(2))
    first.open()
    second.open()
    turn = first._use.turn
    turn.acquire()
    threading.Timer(0.6, turn.release).start()
    assert isinstance(second.query(Query("SELECT 1")), QueryResult)
    turn.acquire()
    second.give_up()
    with pytest.raises(DatabaseUnreadable, match="other cases"):
        second.query(Query("SELECT 2"))
    turn.release()
    first.close()
    second.close()
    catalog.close()


def test_the_log_of_the_stages_can_be_written_whatever_a_model_said(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = "res = df.where(element = customers.segment, filter = '\ud800').select(t.\udfff)"
    with (
        caplog.at_level("INFO", "share_sql.stages"),
        Assistant(catalog=Catalog(cache=tmp_path), models={"sam": ScriptedModel({"sam": said})}) as assistant,
    ):
        corrected(assistant, path)
    assert "sam" in caplog.text
    assert caplog.text.encode()


def test_a_database_that_goes_away_at_the_end_takes_no_correction_along(
    assistant: Assistant, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(state: State) -> Steps[State]:
        after = yield from STAGES[-1](state)  # type: ignore[misc]
        path.unlink()
        return after

    monkeypatch.setattr("share_sql.assistant.STAGES", (*STAGES[:-1], judge))
    done = corrected(assistant, path)
    assert (done.verdict, done.sql) == ("corrected", WRONG.replace("Enterprise", "enterprise"))
    assert done.steps[-1].cause == "database"
    assert "there is no file" in done.reason
