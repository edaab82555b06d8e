"""The demo as a whole: what it writes, what it claims, and that it does so again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.benchmarks.cases import read_cases_jsonl
from share_sql.case import Correction
from share_sql.demo.cases import load_cases
from share_sql.demo.result import DemoItem, DemoResult
from share_sql.demo.run import run_demo
from share_sql.errors import UsageError


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("demo"))


def outcomes(result: DemoResult, error: str) -> set[str]:
    return {item.outcome for item in result.items if item.case.error == error}


def test_it_fixes_drafts_and_breaks_none(result: DemoResult) -> None:
    counts = result.counts
    assert counts["cases"] == 55
    assert counts["right_before"] == 18
    assert counts["broken"] == 0
    assert counts["fixed"] > 0
    assert counts["right_after"] == 18 + counts["fixed"]
    assert counts["kept"] + counts["corrected"] + counts["abstained"] == 55


@pytest.mark.parametrize("error", ["prose", "fence", "misspelt-column", "misspelt-table", "ambiguous-column"])
def test_what_keeps_a_draft_from_running_is_mended(result: DemoResult, error: str) -> None:
    assert outcomes(result, error) == {"fixed"}


def test_every_case_ends_with_a_reason_and_sql(result: DemoResult) -> None:
    assert [item.correction.id for item in result.items] == [case.id for case in load_cases()]
    assert all(item.correction.reason and item.correction.sql for item in result.items)


def test_the_folder_holds_what_it_should(result: DemoResult) -> None:
    names = {path.name for path in result.out.iterdir() if path.is_file()}
    assert names == {"shop.sqlite", "cases.jsonl", "column_meaning.json", "corrections.jsonl", "demo.html"}
    cases = read_cases_jsonl(result.out / "cases.jsonl", ["question", "database", "draft", "gold"])
    assert len(cases) == 55
    lines = [json.loads(line) for line in (result.out / "corrections.jsonl").read_text("utf-8").splitlines()]
    assert {"id", "sql", "verdict", "reason", "confidence", "usage", "outcome"} <= set(lines[0])
    assert [line["sql"] for line in lines] == [item.correction.sql for item in result.items]


def test_another_run_in_the_same_folder_gives_the_same_bytes(result: DemoResult) -> None:
    texts = {name: (result.out / name).read_bytes() for name in ("corrections.jsonl", "demo.html")}
    calls: list[tuple[int, int]] = []
    run_demo(result.out, progress=lambda done, total: calls.append((done, total)))
    assert {name: (result.out / name).read_bytes() for name in texts} == texts
    assert calls == [(at, 55) for at in range(1, 56)]


def test_a_folder_that_cannot_be_made_names_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out"):
        run_demo(tmp_path / "file" / "demo")


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [(True, True, "right"), (True, False, "broken"), (False, True, "fixed"), (False, False, "wrong")],
)
def test_outcomes(before: bool, after: bool, outcome: str) -> None:
    case = load_cases()[0]
    correction = Correction(case.id, case.draft + " ;\n", "kept", "because", 0.5)
    item = DemoItem(case, correction, before, after, 1, 1)
    assert item.outcome == outcome
    assert not item.touched
    assert item.what_changed == ()
