"""The weights file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.edits.guesses import EDIT_KINDS
from share_sql.errors import SettingsError
from share_sql.judgement.features import EDITED, SCORED
from share_sql.judgement.weights import load_weights


def test_weights_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    weights = replace(
        load_weights(),
        edits=frozenset({"ties", "operator"}),
        scored_features=SCORED,
        scored_weights=tuple(at / 8 for at in range(len(SCORED))),
        scored_threshold=0.75,
    )
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(weights.to_json()), encoding="utf-8")
    assert load_weights(path) == weights


def test_the_shipped_weights_speak_of_what_the_judge_knows() -> None:
    weights = load_weights()
    assert weights.edits <= set(EDIT_KINDS)
    assert weights.scored_features == SCORED
    assert weights.edited_features == EDITED


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"weights\.json"):
        load_weights(path)


@pytest.mark.parametrize("model", ["asked", "replace", "scored", "edited"])
def test_weights_for_other_features_are_refused(tmp_path: Path, model: str) -> None:
    raw = load_weights().to_json()
    raw[model]["of another version"] = 1.0
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"weights\.json was fitted by another version .*share calibrate"):
        load_weights(path)
