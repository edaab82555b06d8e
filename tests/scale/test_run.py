"""Runs on a cluster of this machine with two workers: the same as `--engine local`, whatever ends."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.answers import GOOD, serving

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import CaseFile
from share_sql.errors import BenchmarkError, RunFolderError
from share_sql.runfolder.execute import run_cases
from share_sql.runfolder.final import FINAL_FILES, RUN, VARYING_FILES
from share_sql.scale.blocks import NEED
from share_sql.scale.cluster import cluster
from share_sql.scale.recipe import Recipe
from share_sql.scale.run import run_on_ray
from share_sql.scale.survey import survey

from .processes import children, command_of, has_ended

# Ray warns of its own settings, and leaves its children's ends to the system.
pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are looked for in /proc"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    # Ray takes half a minute to start and end on a busy machine: one process of xdist does all.
    pytest.mark.xdist_group("ray"),
]

Recipes = Callable[..., Recipe]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two workers, ended afterwards with all its processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        others = set(children(os.getpid()))  # servers of other tests
        ray.init("local", num_cpus=2, object_store_memory=100 << 20, include_dashboard=False)
        with cluster(None) as joined:  # which takes what is there
            ours = [pid for pid in children(os.getpid()) if pid not in others]
            yield joined
        ray.shutdown()
    late = time.monotonic() + 60
    while alive := [pid for pid in ours if not has_ended(pid)]:
        assert time.monotonic() < late, f"Ray's processes {alive} have not ended"
        time.sleep(0.1)


def workers() -> list[int]:
    """Processes of the run's workers."""
    commands = {pid: command_of(pid) for pid in children(os.getpid())}
    return [pid for pid, name in commands.items() if name.startswith(b"ray::") and b"Worker" in name]


def locally(recipe: Recipe, cases: Path, out: Path) -> None:
    with Assistant(
        catalog=recipe.catalog(), models=recipe.load(), prompts=recipe.settings.prompts, concurrency=4
    ) as assistant:
        run_cases(assistant, CaseFile(cases, NEED), out, recipe.settings)


def same(one: Path, other: Path) -> None:
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_files_are_those_of_a_run_on_one_machine(
    ray: Any, cases: Path, recipe: Recipes, tmp_path: Path
) -> None:
    """Bad lines, ids that are there twice and lines without an id included."""
    lines = cases.read_text().splitlines()
    bad = ["", "no json", lines[3], json.dumps({"question": "?", "database": "shop", "draft": "SELECT 1"})]
    cases.write_text("\n".join([*lines[:20], *bad, *lines[20:]]))
    locally(recipe(), cases, tmp_path / "local")
    found = survey(ray, str(cases), block_bytes=2000)
    assert len(found.blocks) > 5
    seen: list[tuple[int, int]] = []
    counts = run_on_ray(ray, recipe(form="parquet"), found, progress=lambda *told: seen.append(told))
    same(tmp_path / "local", tmp_path / "out")
    assert counts.cases == 58
    assert (seen[0], seen[-1]) == ((0, 58), (58, 58))
    about = json.loads((tmp_path / "out" / RUN).read_text())
    there = json.loads((tmp_path / "local" / RUN).read_text())
    varying = {"started", "ended", "seconds", "damaged", "engine"}
    assert {k: v for k, v in about.items() if k not in varying} == {
        k: v for k, v in there.items() if k not in varying
    }
    # Nothing is left to do; what is there says so, and goes on only where it is told to.
    with pytest.raises(RunFolderError, match="--resume"):
        run_on_ray(ray, recipe(), found)
    assert run_on_ray(ray, recipe(), found, resume=True).cases == 58
    with pytest.raises(RunFolderError, match="other cases"):
        run_on_ray(ray, recipe(), survey(ray, str(cases), limit=30, block_bytes=2000), resume=True)
    # What the input lacks is told in one line.
    (tmp_path / "list.jsonl").write_text("[]")
    with pytest.raises(BenchmarkError, match="one object a line"):
        survey(ray, str(tmp_path / "list.jsonl"))


def test_a_worker_that_is_killed_loses_no_case(
    ray: Any, cases: Path, recipe: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [json.loads(line) for line in cases.read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "cases.parquet", row_group_size=20)
    models = tmp_path / "models.toml"
    killed: list[int] = []
    with serving() as endpoint:
        models.write_text(f'[models.lom]\nbase_url = "{endpoint.url}"\nmodel = "served"\n')
        made = recipe(models)
        locally(made, cases, tmp_path / "local")
        endpoint.prompts.clear()

        def answer(number: int, prompt: str) -> Any:
            if number == 15:
                killed.extend(workers()[:1])
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.05)
            return GOOD

        endpoint.answer = answer
        found = survey(ray, str(tmp_path / "cases.parquet"), limit=40, block_bytes=500)
        assert len(found.blocks) > 4
        counts = run_on_ray(ray, made, found)
    assert (counts.cases, len(killed)) == (40, 1)
    assert has_ended(killed[0])
    ours = (tmp_path / "out" / "corrections.jsonl").read_text().splitlines()
    assert ours == (tmp_path / "local" / "corrections.jsonl").read_text().splitlines()[:40]
    # Only what was under way was asked again.
    assert 40 <= len(endpoint.prompts) < 70


def test_a_worker_without_the_models_ends_the_run_in_one_line(ray: Any, cases: Path, recipe: Recipes) -> None:
    from dataclasses import replace

    from share_sql.errors import UsageError

    made = recipe()
    other = recipe(settings=replace(made.settings, models={"lom": "only here"}))
    with pytest.raises(UsageError, match="have the same SHARE, models and weights on each"):
        run_on_ray(ray, other, survey(ray, str(cases)))


def test_one_run_at_a_time_and_no_other_kind(ray: Any, cases: Path, recipe: Recipes, tmp_path: Path) -> None:
    made = recipe()
    locally(made, cases, tmp_path / "out")
    with pytest.raises(RunFolderError, match="--engine local"):
        run_on_ray(ray, made, survey(ray, str(cases)), resume=True)
    started = threading.Event()
    other = recipe(out=str(tmp_path / "fresh"))

    def meanwhile(done: int, total: int) -> None:
        if not started.is_set():
            started.set()
            with pytest.raises(RunFolderError, match="another run"):
                run_on_ray(ray, other, found, resume=True)

    found = survey(ray, str(cases))
    run_on_ray(ray, other, found, progress=meanwhile)
    assert started.is_set()
    with pytest.raises(RunFolderError, match="--engine ray"):
        locally(made, cases, tmp_path / "fresh")
