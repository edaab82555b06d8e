"""When a scored candidate may replace what stands, fitted on made-up candidates."""

from __future__ import annotations

import random

import pytest

from share_sql.calibration.scored import (
    LEAST_ACTED,
    LEAST_PRECISION,
    ScoredData,
    fit_scored,
    unscored,
)
from share_sql.errors import SettingsError
from share_sql.judgement.features import SCORED
from share_sql.judgement.weights import load_weights


def _data(telling: bool) -> ScoredData:
    """600 cases of six databases, half of them wrong; where it is telling, mending candidates score high."""
    rng = random.Random(1)
    data = ScoredData()
    for number in range(600):
        right = number % 2 == 0
        mends = not right and rng.random() < 0.4
        score = (4.0 if mends else -4.0) if telling else rng.uniform(-4, 4)
        row = {"bias": 1.0, "score": score + rng.uniform(-1, 1)}
        data.rows.append([row.get(name, 0.0) for name in SCORED])
        data.kinds.append("")
        data.before.append(right)
        data.after.append(mends)
        data.groups.append(f"db{number % 6}")
        data.cases.append(str(number))
        data.drafts[str(number)] = right
    return data


def test_a_telling_score_moves_the_threshold_to_where_nothing_breaks() -> None:
    model, figures = fit_scored(_data(telling=True), SCORED)
    assert model.weights["score"] > 0
    assert figures["acted on"] >= LEAST_ACTED
    assert figures["precision"] >= LEAST_PRECISION
    assert figures["fixed"] > 50
    assert model.threshold < model([{"bias": 1.0, "score": 4.0}.get(name, 0.0) for name in SCORED])


def test_a_score_that_tells_nothing_lets_nothing_through() -> None:
    model, figures = fit_scored(_data(telling=False), SCORED)
    assert model.threshold == 1.0
    assert figures["acted on"] == 0


def test_too_little_to_learn_from_is_told_in_one_line() -> None:
    with pytest.raises(SettingsError, match="0 drafts with 0 scored candidates are too few"):
        fit_scored(ScoredData(), SCORED)
    data = _data(telling=True)
    data.drafts = dict.fromkeys(data.drafts, True)
    with pytest.raises(SettingsError, match=r"600 drafts .*right and wrong drafts are needed"):
        fit_scored(data, SCORED)


def test_weights_to_learn_with_propose_edits_and_let_nothing_through() -> None:
    weights = unscored(load_weights(), frozenset({"ties"}))
    assert weights.guesses == {"ties"}
    assert not weights.scored
    assert not weights.guessed
    assert weights.repairs == load_weights().repairs


def test_each_kind_of_candidate_is_fitted_apart() -> None:
    data = _data(telling=True)
    data.kinds = ["select-drop" if number % 2 else "" for number in range(len(data.kinds))]
    edits = data.of({"select-drop"})
    assert (set(edits.kinds), len(edits.rows), len(edits.cases)) == ({"select-drop"}, 300, 300)
    assert edits.drafts == data.drafts
    assert data.of({""}).kinds == [""] * 300
