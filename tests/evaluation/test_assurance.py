"""What confidences and verdicts were worth, in figures, JSON and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from share_sql.evaluation.assurance import assurance, assurance_json, verdicts, verdicts_json
from share_sql.evaluation.cases import CaseResult, EvalCase, Options, Score
from share_sql.evaluation.runner import Evaluation
from share_sql.evaluation.summary import as_json
from share_sql.evaluation.tables import tables


def result(confidence: float | None, right: bool | None, verdict: str = "kept", **more: Any) -> CaseResult:
    case = EvalCase("1", "d", "g", "p", confidence=confidence, verdict=verdict)
    return CaseResult(case, {"ex": right}, **more)


RESULTS = (result(1.0, True), result(0.75, True, "corrected"), result(0.5, False, "abstained"))


def test_assurance_by_hand() -> None:
    found = assurance([*RESULTS, result(None, True)], "ex")
    assert found is not None
    assert found.cases == 3
    assert found.brier == pytest.approx((0 + 0.0625 + 0.25) / 3)
    assert found.calibration_error == pytest.approx((0 + 0.25 + 0.5) / 3)
    assert found.area == pytest.approx((0 + 0 + 1 / 3) / 3)
    report = assurance_json(found)
    assert report["risk_coverage"] == [
        {"coverage": 0.333333, "risk": 0, "confidence": 1.0},
        {"coverage": 0.666667, "risk": 0, "confidence": 0.75},
        {"coverage": 1.0, "risk": 0.333333, "confidence": 0.5},
    ]
    assert report["reliability"] == [
        {"from": 0.5, "to": 0.6, "cases": 1, "confidence": 0.5, "right": 0.0},
        {"from": 0.7, "to": 0.8, "cases": 1, "confidence": 0.75, "right": 1.0},
        {"from": 0.9, "to": 1.0, "cases": 1, "confidence": 1.0, "right": 1.0},
    ]


def test_confidences_out_of_range_are_brought_in_and_untold_cases_count_wrong() -> None:
    found = assurance([result(1.5, True), result(-1.0, None)], "ex")
    assert found is not None
    assert found.brier == 0


def test_nothing_to_say_without_confidences_or_verdicts() -> None:
    assert assurance([result(None, True)], "ex") is None
    assert verdicts([result(None, True, "")]) is None


def test_rates_of_verdicts() -> None:
    found = verdicts([*RESULTS, result(None, True, "corrected"), result(None, False, "")])
    assert found is not None
    assert verdicts_json(found) == {
        "cases": 4, "kept": 1, "corrected": 2, "abstained": 1, "firing_rate": 0.5, "abstention_rate": 0.25,
    }  # fmt: skip


def test_json_and_text_have_what_the_report_draws(tmp_path: Path) -> None:
    case = EvalCase(
        "1", "d", "g", "p", confidence=0.9, verdict="kept", tokens={"sam": (8, 2)}, seconds={"sam": 1.5}
    )
    scores: dict[str, Score] = {"ex": True, "strict": False}
    scored = (
        CaseResult(case, scores, gold_empty=True),
        CaseResult(EvalCase("2", "d", "g", "p"), {"ex": False, "strict": False}, gold_error="no such table"),
    )
    evaluation = Evaluation(("ex", "strict"), Options(), scored)
    report: dict[str, Any] = as_json(evaluation)
    told = {"verdict": "kept", "confidence": 0.9, "tokens": 10, "seconds": 1.5}
    assert told.items() <= report["cases"][0].items()
    assert report["verdicts"]["abstention_rate"] == 0
    assert report["confidence"]["ex"]["brier"] == pytest.approx(0.01)
    assert report["confidence"]["strict"]["brier"] == pytest.approx(0.81)
    assert report["spent"]["tokens"]["total"] == {"prompt": 8, "completion": 2}
    assert report["spent"]["seconds"]["stages"] == {"sam": 1.5}
    assert report["ex_and_strict_differ"] == ["1"]
    assert report["gold_empty"] == ["1"]
    assert report["gold_failed"] == [{"id": "2", "error": "no such table"}]
    text = "\n".join(tables(evaluation))
    for line in (
        "verdicts: kept 1, corrected 0 (firing rate 0.0%), abstained 0 (0.0%)",
        "confidence by ex, 1 case: risk-coverage area 0.0000, Brier 0.0100, calibration error 0.1000",
        "prompt tokens         8.0     8.0",
        "seconds of all stages: median 1.5000, longest 1.5000",
        "ex and strict differ in 1 case (1)",
        "gold gives no rows in 1 case (1)",
        "gold fails in 1 case (2)",
    ):
        assert line in text, text


def test_json_of_sql_alone_leaves_them_out() -> None:
    scored = (CaseResult(EvalCase("1", "d", "g", "p"), {"ex": True}),)
    report = as_json(Evaluation(("ex",), Options(), scored))
    assert not {"verdicts", "confidence", "spent"} & report.keys()
