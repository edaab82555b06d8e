"""Figures on drafts and confidences, against values worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.evaluation.assurance import (
    brier,
    calibration_error,
    reliability,
    risk_coverage,
    risk_coverage_area,
)
from share_sql.evaluation.linking import score_linking, total_linking
from share_sql.evaluation.transitions import mcnemar_exact, transitions
from share_sql.schema.model import ColumnName


def test_transitions() -> None:
    found = transitions([True, True, False, False], [True, False, True, False], [True, True, True, False])
    assert (found.fixed, found.broken, found.stayed_right, found.stayed_wrong, found.net) == (1, 1, 1, 1, 0)
    assert found.firing_rate == 0.75
    assert found.p_value == 1.0
    with pytest.raises(ValueError, match="zip"):
        transitions([True], [])


def test_mcnemar() -> None:
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(5, 0) == pytest.approx(2 / 32)
    assert mcnemar_exact(1, 8) == pytest.approx(2 * (1 + 9) / 512)
    assert mcnemar_exact(34, 12) == pytest.approx(0.00164, abs=5e-6)
    assert 0 < mcnemar_exact(3000, 0) < 1e-300 or mcnemar_exact(3000, 0) == 0.0


def test_risk_and_coverage() -> None:
    points = risk_coverage([0.9, 0.8, 0.8, 0.1], [True, False, True, False])
    assert [(point.coverage, point.risk) for point in points] == [(0.25, 0), (0.75, 1 / 3), (1.0, 0.5)]
    # 0, then one wrong spread over two equal answers (1/4, 1/3), then 2 of 4.
    assert risk_coverage_area([0.9, 0.8, 0.8, 0.1], [True, False, True, False]) == pytest.approx(
        (0 + 0.25 + 1 / 3 + 0.5) / 4
    )
    assert risk_coverage_area([], []) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_the_area_of_one_confidence_is_the_error_rate(pairs: list[tuple[float, bool]]) -> None:
    right = [is_right for _, is_right in pairs]
    assert risk_coverage_area([0.5] * len(right), right) == pytest.approx(1 - sum(right) / len(right))
    bars = reliability([confidence for confidence, _ in pairs], right)
    assert sum(bar.count for bar in bars) == len(pairs)


def test_calibration() -> None:
    bars = reliability([0.95, 0.91, 1.0, 0.05], [True, False, True, False])
    assert [(bar.count, bar.accuracy) for bar in bars if bar.count] == [(1, 0.0), (3, 2 / 3)]
    assert calibration_error(bars) == pytest.approx((0.05 + 3 * abs(2.86 / 3 - 2 / 3)) / 4)
    assert brier([1.0, 0.5], [True, False]) == 0.125


def test_linking() -> None:
    gold = frozenset({ColumnName("t", "a"), ColumnName("t", "b"), ColumnName("u", "*")})
    found = score_linking(frozenset({ColumnName("T", "A"), ColumnName("t", "c")}), gold)
    assert (found.found, found.extra, found.missing, found.complete) == (1, 1, 1, 0)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    total = total_linking([found, score_linking(gold, gold)])
    assert (total.cases, total.complete, total.recall) == (2, 1, 0.75)


def test_broken_where_gold_finds_nothing_is_told_apart() -> None:
    moved = transitions(
        [True, True, True, False], [False, False, True, False], nothing=[True, False, True, True]
    )
    assert (moved.broken, moved.broken_for_nothing) == (2, 1)
    assert moved.broken_shown == "2 (1 where gold finds nothing)"
    assert transitions([True], [False]).broken_shown == "1"
    with pytest.raises(ValueError, match="finds nothing"):
        transitions([True], [True], nothing=[])
