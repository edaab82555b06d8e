"""What is said of a candidate that the scorer weighed."""

from __future__ import annotations

import math

import pytest

from share_sql.evidence.compare import EDITED, SCORED, edited_features, scored_features


def _told(
    *,
    forth: float = 1.5,
    mends: bool = False,
    best: bool = False,
    agreeing: int = 0,
    likely: float | None = None,
    lom_keeps: float | None = None,
) -> dict[str, float]:
    row = scored_features(
        2.0, forth=forth, mends=mends, best=best, agreeing=agreeing, likely=likely, lom_keeps=lom_keeps
    )
    told = dict(zip(SCORED, row, strict=True))
    assert told.pop("bias") == 1.0
    return {name: value for name, value in told.items() if value}


def test_a_rewritten_candidate_is_as_sure_as_its_weaker_direction() -> None:
    assert _told() == {"score": 2.0, "least": 0.5}
    assert _told(forth=0.25) == {"score": 2.0, "least": 0.25}


def test_what_else_is_told_of_a_rewritten_candidate() -> None:
    assert _told(likely=math.log(0.5), agreeing=2, mends=True) == {
        "score": 2.0, "least": 0.5, "mends": 1.0, "rows-agree": 1.0, "likely": pytest.approx(0.5),
        "likely-score": pytest.approx(1.0),
    }  # fmt: skip
    assert _told(best=True, lom_keeps=math.log(0.25)) == {
        "score": 2.0, "least": 0.5, "best": 1.0, "lom-keeps": 1.0, "lom-keeps-likely": pytest.approx(0.25),
    }  # fmt: skip


def _edited(forth: float = 2.0, *, drops: bool = False) -> dict[str, float]:
    return dict(zip(EDITED, edited_features(3.0, forth=forth, drops=drops), strict=True))


def test_an_edit_is_as_sure_as_its_weaker_direction() -> None:
    assert _edited() == {"bias": 1.0, "score": 3.0, "least": 1.0, "drops": 0.0, "score-drops": 0.0}
    assert _edited(forth=0.5)["least"] == 0.5


def test_an_edit_that_drops_columns_has_a_score_of_its_own() -> None:
    assert _edited(drops=True) == {**_edited(), "drops": 1.0, "score-drops": 3.0}
