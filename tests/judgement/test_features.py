"""What is said of a candidate that the scorer weighed."""

from __future__ import annotations

from share_sql.judgement.features import EDITED, SCORED, edited_features, scored_features


def _told(forth: float = 1.5, *, mends: bool = False) -> dict[str, float]:
    return dict(zip(SCORED, scored_features(2.0, forth=forth, mends=mends), strict=True))


def test_a_rewritten_candidate_is_as_sure_as_its_weaker_direction() -> None:
    assert _told() == {"bias": 1.0, "score": 2.0, "least": 0.5, "mends": 0.0}
    assert _told(forth=0.25)["least"] == 0.25
    assert _told(mends=True) == {**_told(), "mends": 1.0}


def _edited(forth: float = 2.0, *, drops: bool = False) -> dict[str, float]:
    return dict(zip(EDITED, edited_features(3.0, forth=forth, drops=drops), strict=True))


def test_an_edit_is_as_sure_as_its_weaker_direction() -> None:
    assert _edited() == {"bias": 1.0, "score": 3.0, "least": 1.0, "drops": 0.0, "score-drops": 0.0}
    assert _edited(forth=0.5)["least"] == 0.5


def test_an_edit_that_drops_columns_has_a_score_of_its_own() -> None:
    assert _edited(drops=True) == {**_edited(), "drops": 1.0, "score-drops": 3.0}
