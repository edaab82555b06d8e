"""The weights file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.edits.guesses import EDIT_KINDS
from share_sql.edits.proofs import PROVED
from share_sql.errors import SettingsError
from share_sql.judgement.features import SCORED
from share_sql.judgement.logistic import Logistic, logit, sigmoid
from share_sql.judgement.weights import MODELS, Tally, Weights, load_weights
from share_sql.query.findings import KINDS as FINDINGS


def test_weights_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    weights = replace(
        load_weights(),
        guesses=frozenset({"ties", "operator"}),
        scored=Logistic({name: at / 8 for at, name in enumerate(SCORED)}, 0.75),
    )
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(weights.to_json()), encoding="utf-8")
    assert load_weights(path) == weights


def test_the_shipped_weights_are_for_kinds_and_features_that_there_are() -> None:
    weights = load_weights()
    assert weights.guesses <= set(EDIT_KINDS)
    assert set(weights.repairs) == set(PROVED)
    assert weights.enabled <= set(PROVED)
    assert set(weights.findings) <= set(FINDINGS)
    for name, features in MODELS.items():
        assert getattr(weights, name).features == features


def test_findings_add_up() -> None:
    weights = Weights(findings={"a": 1.0, "b": 2.0}, prior=-1.0)
    assert weights.wrong(frozenset()) == sigmoid(-1.0)
    assert weights.wrong(frozenset({"a", "b", "never seen"})) == sigmoid(2.0)


def test_a_tally_starts_from_one_half_and_follows_what_was_counted() -> None:
    assert Tally().precision == 0.5
    assert Tally(fixed=3, broken=0).precision == 3.5 / 4
    assert Tally(fired=9, fixed=3, broken=1).precision == 3.5 / 5


def test_a_model_that_was_not_fitted_says_never() -> None:
    assert not Logistic({}, 0.5)
    assert Logistic({}, 0.5)([1.0, 2.0]) == 0.0
    assert Logistic({"a": 1.0, "b": -2.0}, 0.5)([1.0, 0.5]) == 0.5
    assert sigmoid(-800) == 0.0
    assert logit(sigmoid(1.25)) == pytest.approx(1.25)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"weights\.json"):
        load_weights(path)


@pytest.mark.parametrize("model", list(MODELS))
def test_weights_for_other_features_are_refused(tmp_path: Path, model: str) -> None:
    raw = load_weights().to_json()
    raw["models"][model]["weights"]["of another version"] = 1.0
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"weights\.json was fitted by another version .*share calibrate"):
        load_weights(path)
