"""The report and the comparison of runs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from share_sql.errors import UsageError
from share_sql.evaluation.cases import EvalCase, Options
from share_sql.evaluation.compare import compare_runs, comparison_lines, read_scored_run
from share_sql.evaluation.runner import Evaluation, evaluate
from share_sql.evaluation.summary import as_json

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)> & \u2028"


def scored(shop_path: Path, answers: list[int], samples: int = 0) -> Evaluation:
    cases = [
        EvalCase(
            id=at,
            database=str(shop_path),
            gold="SELECT 1",
            prediction=f"SELECT {answer} -- {NASTY}",
            draft=f"SELECT {at % 2}",
            difficulty="simple" if at % 2 else "moderate",
            question=NASTY,
            confidence=0.5 + at / 10,
            reason=NASTY,
            tokens={"sam": (10, 5)},
            seconds={"bam": 0.001, "regenerate": 0.25},
            verdict="corrected" if answer != at % 2 else "kept",
        )
        for at, answer in enumerate(answers)
    ]
    return evaluate(cases, ("ex", "strict"), Options(samples=samples))


def test_report_holds_all_and_fetches_nothing(shop_path: Path, tmp_path: Path) -> None:
    from share_sql.evaluation.report import write_report

    file = tmp_path / "report.html"
    evaluation = scored(shop_path, [1, 1, 0, 0], samples=5)
    write_report(file, evaluation, evaluation)
    page = file.read_text("utf-8")
    assert page.count("<svg") == 6
    assert len(re.findall(r'id="([^"]+)"', page)) == len(set(re.findall(r'id="([^"]+)"', page)))
    addresses = set(re.findall(r'(?:src|href)="([^"]*)"', page))
    assert all(address.startswith("#") for address in addresses), addresses
    assert "<img" not in page
    text = re.sub(r"\s+", " ", page)
    assert "Kept 2, corrected 2 (firing rate 50.0%), abstained 0 (0.0%)" in text
    assert "<th>a case</th><th>bam</th><th>sam</th><th>regenerate</th><th>total</th>" in text
    assert "<td>seconds</td><td>0.0010</td><td>0.0000</td><td>0.2500</td><td>0.2510</td>" in text
    assert page.count("<script") == 2
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    cases = json.loads(data[1])
    assert [case["move"] for case in cases] == ["fixed", "", "", "broken"]
    assert cases[0]["question"] == NASTY
    assert cases[0]["result"].endswith("\n1")
    assert cases[0]["draftResult"].endswith("\n0")
    assert "read off how many cases may be answered" in text
    assert "calibration error is the mean distance" in text


def test_the_content_policy_names_each_style_and_script(shop_path: Path, tmp_path: Path) -> None:
    from share_sql.evaluation.report import write_report

    file = tmp_path / "report.html"
    write_report(file, scored(shop_path, [1, 1, 0, 0], samples=5))
    page = file.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert "script-src 'unsafe-inline'" not in policy[1]
    for part in re.findall(r"<style[^>]*>(.*?)</style>|<script>(.*?)</script>", page, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256("".join(part).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


def test_differences_are_marked_word_by_word(shop_path: Path, tmp_path: Path) -> None:
    from share_sql.evaluation.report import write_report

    file = tmp_path / "report.html"
    case = EvalCase(1, str(shop_path), "SELECT 1", "SELECT '😀', b, 2", draft="SELECT '😀', a, 2")
    write_report(file, evaluate([case], ("ex",), Options(samples=5)))
    data = re.search(r'id="data">(.*?)</script>', file.read_text("utf-8"), re.DOTALL)
    assert data
    (shown,) = json.loads(data[1])
    start = len("SELECT '😀', ") + 1  # two units in JavaScript
    assert shown["marks"] == [[start, 1, 3], [start, 1, 3]]


def test_comparison(shop_path: Path, tmp_path: Path) -> None:
    for name, answers in (("one", [1, 1, 0, 0]), ("two", [0, 1, 1, 1])):
        (tmp_path / name).mkdir()
        report = as_json(scored(shop_path, answers))
        (tmp_path / name / "eval.json").write_text(json.dumps(report))
    runs = [run for name in ("one", "two") for run in read_scored_run(tmp_path / name)]
    pairs = {pair.metric: pair for pair in compare_runs(runs)}
    assert pairs["ex"].only_first == ("0",)
    assert pairs["ex"].only_second == ("2", "3")
    assert pairs["ex"].p_value == 1.0
    text = "\n".join(comparison_lines(runs))
    assert "ex: one fixed 1 (alone 1: 0), broke 1 (3)" in text
    with pytest.raises(UsageError, match="at least two"):
        compare_runs(runs[:1])
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(UsageError, match="no evaluation"):
        read_scored_run(tmp_path / "other.json")
    with pytest.raises(UsageError, match="cannot read"):
        read_scored_run(tmp_path / "none.json")
