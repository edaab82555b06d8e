"""Tokens and seconds a case, by stage."""

from __future__ import annotations

import pytest

from share_sql.evaluation.cases import EvalCase
from share_sql.evaluation.spending import spending, spending_json, spending_rows


def case(
    tokens: dict[str, tuple[int, int]] | None = None,
    seconds: dict[str, float] | None = None,
    verdict: str = "kept",
) -> EvalCase:
    return EvalCase(
        "1", "d", "SELECT 1", "SELECT 1", verdict=verdict, tokens=tokens or {}, seconds=seconds or {}
    )


def test_means_are_over_all_cases_of_the_run() -> None:
    found = spending(
        [
            case({"sam": (100, 10), "generator": (30, 5)}, {"bam": 0.5, "judge": 1.0, "sam": 2.0}),
            case({}, {"bam": 0.1}),
            case(verdict=""),  # no prediction for this id: the run says nothing of it
        ]
    )
    assert found is not None
    assert found.stages == ("bam", "sam", "regenerate", "judge")
    assert found.tokens == {"sam": (50, 5), "regenerate": (15, 2.5)}
    assert found.all_tokens == (65, 7.5)
    assert found.seconds == pytest.approx({"bam": 0.3, "judge": 0.5, "sam": 1.0})
    assert found.all_seconds == pytest.approx(1.8)
    assert (found.median_seconds, found.longest_seconds) == pytest.approx((1.8, 3.5))
    report = spending_json(found)
    assert report["tokens"] == {
        "cases": 2,
        "stages": {
            "sam": {"prompt": 50, "completion": 5},
            "regenerate": {"prompt": 15, "completion": 2.5},
        },
        "total": {"prompt": 65, "completion": 7.5},
    }
    assert spending_rows(found) == [
        ["a case", "bam", "sam", "regenerate", "judge", "total"],
        ["prompt tokens", "0.0", "50.0", "15.0", "0.0", "65.0"],
        ["completion tokens", "0.0", "5.0", "2.5", "0.0", "7.5"],
        ["seconds", "0.3000", "1.0000", "0.0000", "0.5000", "1.8000"],
    ]


def test_a_run_without_models_tells_times_alone() -> None:
    found = spending([case({"sam": (0, 0)}, {"bam": 0.25, "later": 1.0})])
    assert found is not None
    assert found.stages == ("bam", "later")
    assert list(spending_json(found)) == ["seconds"]
    assert [row[0] for row in spending_rows(found)] == ["a case", "seconds"]


def test_files_of_sql_tell_nothing() -> None:
    assert spending([case(verdict="")]) is None
    assert spending([]) is None
