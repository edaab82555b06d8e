"""A run in several processes: the same files, to the byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from tests.driver.working import fill, workers

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.catalog import Catalog
from share_sql.demo.cases import load_cases, load_meanings
from share_sql.demo.database import NAME
from share_sql.prompts.library import load_prompts
from share_sql.runfolder.execute import RunSettings, run_cases
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")


def files_of(
    out: Path, processes: int, cases: Collection[LabelledCase], register: Callable[[Catalog], None]
) -> dict[str, bytes]:
    """What a run leaves that must not vary. All its cases are worked on in other processes where there are
    several."""
    catalog = Catalog(cache=out.parent / "cache")
    register(catalog)
    database = next(iter(cases)).case.database
    prompts = load_prompts()
    with Assistant(catalog=catalog, prompts=prompts, processes=processes) as assistant:
        if processes > 1:
            fill(assistant, database)
        counts = run_cases(assistant, cases, out, RunSettings("gated", {}, prompts))
        assert not counts.failed
        assert bool(workers(os.getpid())) == (processes > 1)
    return {name: (out / name).read_bytes() for name in FINAL_FILES if name not in VARYING_FILES}


def test_the_demos_cases_give_the_same_files(shop_path: Path, tmp_path: Path) -> None:
    cases = [LabelledCase(each.case(), raw={"id": each.id}) for each in load_cases()]

    def register(catalog: Catalog) -> None:
        catalog.add(NAME, shop_path, meanings=load_meanings())

    made = [files_of(tmp_path / f"{count}", count, cases, register) for count in (1, 2, 4)]
    assert made[0] == made[1] == made[2]
    assert b"corrected" in made[0]["corrections.jsonl"]


def test_drafts_of_spider_give_the_same_files(shared_data: Path, tmp_path: Path) -> None:
    spider = shared_data / "spider"
    drafts = sorted((spider / "drafts").glob("*.json"))[0]
    loaded = load(
        BenchmarkFiles(
            "spider",
            spider / "dev.json",
            spider / "database",
            tables=spider / "tables.json",
            meanings=spider / "column_meaning.json",
            drafts=drafts,
        )
    )
    cases = [each for each in loaded.cases if not each.problem][:200]
    made = [files_of(tmp_path / f"{count}", count, cases, loaded.register) for count in (1, 2)]
    assert made[0] == made[1]
