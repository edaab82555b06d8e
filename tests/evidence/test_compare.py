"""What is said of a candidate that the scorer weighed."""

from __future__ import annotations

import math

import pytest

from share_sql.evidence.compare import SCORED, scored_features


def _told(
    *, best: bool = False, agreeing: int = 0, edited: bool = False, likely: float | None = None,
    lom_keeps: float | None = None,
) -> dict[str, float]:  # fmt: skip
    row = scored_features(
        2.0, best=best, agreeing=agreeing, edited=edited, likely=likely, lom_keeps=lom_keeps
    )
    told = dict(zip(SCORED, row, strict=True))
    assert told.pop("bias") == 1.0
    return {name: value for name, value in told.items() if value}


def test_a_compiled_trajectory() -> None:
    assert _told() == {"score": 2.0, "score-compiled": 2.0, "compiled": 1.0}
    assert _told(likely=math.log(0.5), agreeing=2) == {
        "score": 2.0, "score-compiled": 2.0, "compiled": 1.0, "rows-agree": 1.0,
        "likely": pytest.approx(0.5), "likely-score": pytest.approx(1.0),
    }  # fmt: skip


def test_an_edit() -> None:
    assert _told(edited=True, best=True, lom_keeps=math.log(0.25)) == {
        "score": 2.0, "best": 1.0, "lom-keeps": 1.0, "lom-keeps-likely": pytest.approx(0.25),
    }  # fmt: skip
