"""A worker does a block: all of it, the rest of it, again what failed, and not what ends workers."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.catalog import Registration
from share_sql.errors import ModelUnreachable
from share_sql.models.base import ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.runfolder.execute import Outage
from share_sql.runfolder.journal import FAILED, FINGERPRINT
from share_sql.scale import worker as worker_module
from share_sql.scale.blocks import cut
from share_sql.scale.parts import NOTHING, Mark, Parts
from share_sql.scale.places import place_at
from share_sql.scale.recipe import Recipe, Task
from share_sql.scale.survey import look_at
from share_sql.scale.worker import Worker

Recipes = Callable[..., Recipe]


def task_of(cases: Path, run: str = "first") -> Task:
    """All cases as one block."""
    (block,) = cut(str(cases), 1 << 20)
    look = look_at(block)
    return Task(block, 1, look.cases, look.sum, {}, (), run)


def parts_of(recipe: Recipe) -> Parts:
    parts = Parts(place_at(recipe.out), recipe.form)
    parts.make_folders()
    return parts


def names_of(parts: Parts) -> set[str]:
    """Ids in the part of the first block."""
    mark = parts.mark(0)
    assert mark is not None
    return {row["id"] for row in (parts.rows(mark) or {}).values()}


def test_a_block_is_done_once(cases: Path, recipe: Recipes, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pickle.loads(pickle.dumps(recipe()))
    parts, task = parts_of(made), task_of(cases)
    worker = Worker(made)
    told = worker({"task": [pickle.dumps(task)]})["done"]
    assert pickle.loads(told[0]).rows == task.cases == 55
    mark = parts.mark(0)
    assert mark is not None
    assert mark.whole
    assert sum(mark.verdicts.values()) == 55
    monkeypatch.setattr(worker_module, "state_row", lambda *_: pytest.fail("a case was done twice"))
    assert worker.work(replace(task, run="second")).rows == 55


def test_a_block_that_was_begun_is_gone_on_with(
    cases: Path, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, task = parts_of(recipe()), task_of(cases)
    Worker(recipe()).work(task)
    mark = parts.mark(0)
    assert mark is not None
    rows = parts.rows(mark) or {}
    kept = {at: {**row, "marked": True} for at, row in rows.items() if at % 2}
    parts.write(0, kept, mark)
    monkeypatch.setattr(worker_module, "PART_SECONDS", 0.0)  # a part after each case
    assert Worker(recipe()).work(replace(task, run="second")).rows == 55
    mark = parts.mark(0)
    assert mark is not None
    after = parts.rows(mark) or {}
    assert {at for at, row in after.items() if "marked" in row} == set(kept)
    assert {at: row["correction"] for at, row in after.items()} == {
        at: row["correction"] for at, row in rows.items()
    }


def test_what_failed_and_what_is_stale_is_done_again(cases: Path, recipe: Recipes) -> None:
    parts, task = parts_of(recipe()), task_of(cases)
    gone = recipe(databases={"shop": Registration("/nowhere/shop.sqlite")})
    assert Worker(gone).work(task).rows == 55
    mark = parts.mark(0)
    assert mark is not None
    assert (mark.again, mark.whole) == (55, False)
    # In the same start of the run, nothing is tried twice.
    Worker(recipe()).work(task)
    assert (parts.mark(0) or mark).again == 55
    Worker(recipe()).work(replace(task, run="second"))
    mark = parts.mark(0)
    assert mark is not None
    assert mark.whole
    ((name, prints),) = mark.databases.items()
    (now,) = prints
    rows = parts.rows(mark) or {}
    parts.write(0, {at: {**row, FINGERPRINT: "old"} if at < 3 else row for at, row in rows.items()}, mark)
    Worker(recipe()).work(replace(task, run="third", stale=[(name, "old")]))
    assert (parts.mark(0) or mark).databases == {name: {now: 55}}


def test_a_case_that_ends_workers_ends_with_a_verdict(cases: Path, recipe: Recipes) -> None:
    """Two workers died in the block, then one while a case was alone under way."""
    parts, task = parts_of(recipe()), task_of(cases)
    died = Mark("", "", 55, 0, ended=time.time(), run="first", tries=3, alone=7, **NOTHING)
    parts.begin(0, died)
    assert Worker(recipe()).work(task).rows == 55
    mark = parts.mark(0)
    assert mark is not None
    rows = parts.rows(mark) or {}
    ((at, row),) = [(at, row) for at, row in rows.items() if row["correction"]["error"]]
    assert (at, row["cause"], row[FAILED]) == (7, "internal", True)
    assert row["correction"]["verdict"] == "kept"
    # Nobody holds that against it in the next start of the run.
    Worker(recipe()).work(replace(task, run="second"))
    assert (parts.mark(0) or mark).whole


def test_a_model_that_is_gone_ends_the_run_and_keeps_what_is_done(
    cases: Path, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ModelRequest] = []

    def answer(request: ModelRequest) -> str | BaseException:
        asked.append(request)
        return "nonsense" if len(asked) < 20 else ModelUnreachable("nobody listens")

    monkeypatch.setattr(Outage, "PAUSE_SECONDS", 0.0)
    made = recipe(concurrency=1)
    monkeypatch.setattr(Recipe, "load", lambda _: {"lom": ScriptedModel(answer)})
    parts, task = parts_of(made), task_of(cases)
    done = Worker(made).work(task)
    assert done.stopped
    assert "nobody listens" in done.refused
    mark = parts.mark(0)
    assert mark is not None
    assert 19 <= mark.rows < 55
    assert mark.again == Outage.FIRST


def test_what_no_worker_can_do_is_told(cases: Path, recipe: Recipes, tmp_path: Path) -> None:
    task = task_of(cases)
    made = recipe()
    parts_of(made)
    cases.write_text(cases.read_text().replace("shop-03", "shop-3"))
    done = Worker(made).work(task)
    assert (done.is_usage, "changed while it was read" in done.refused) == (True, True)
    other = recipe(settings=replace(made.settings, models={"lom": "another"}))
    done = Worker(other).work(task)
    assert (done.is_usage, "lom is no model on a worker's machine" in done.refused) == (True, True)


def test_a_fault_of_its_own_leaves_one_block(
    cases: Path, recipe: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe()
    parts = parts_of(made)

    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(worker_module, "state_row", broken)
    done = Worker(made).work(task_of(cases))
    assert "internal error (KeyError" in done.left
    monkeypatch.undo()
    assert Worker(made).work(task_of(cases)).rows == 55
    assert len(names_of(parts)) == 55


def test_ids_and_lines_are_those_of_the_whole_input(tmp_path: Path, recipe: Recipes) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps({"question": "", "database": "shop", "draft": "SELECT 1"}) + "\nnonsense\n")
    made = recipe()
    parts = parts_of(made)
    Worker(made).work(replace(task_of(path), line=11, doubles={1: "first.jsonl, line 1"}))
    mark = parts.mark(0)
    assert mark is not None
    rows = parts.rows(mark) or {}
    assert [row["id"] for row in rows.values()] == ["line 11", "line 12"]
    assert rows[1]["duplicate"]
