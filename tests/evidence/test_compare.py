"""What is said of a candidate that the scorer weighed."""

from __future__ import annotations

from share_sql.evidence.compare import SCORED, scored_features


def _told(
    forth: float = 1.5, *, agrees: bool = False, mends: bool = False, edit: str = ""
) -> dict[str, float]:
    row = scored_features(2.0, forth=forth, agrees=agrees, mends=mends, edit=edit)
    return {name: value for name, value in zip(SCORED, row, strict=True) if value}


def test_a_candidate_is_as_sure_as_its_weaker_direction() -> None:
    assert _told() == {"bias": 1.0, "score": 2.0, "least": 0.5}
    assert _told(forth=0.25)["least"] == 0.25


def test_what_else_speaks_for_it_is_told() -> None:
    assert _told(agrees=True, mends=True) == {**_told(), "agrees": 1.0, "mends": 1.0}


def test_an_edit_that_drops_columns_has_a_score_of_its_own() -> None:
    assert _told(edit="order-column") == {**_told(), "edited": 1.0}
    assert _told(edit="select-drop") == {**_told(), "edited": 1.0, "drops": 1.0, "score-drops": 2.0}
