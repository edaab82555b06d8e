"""`--models auto`: the small models where they can work, none elsewhere, and why."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from share_sql.cli.common import models_for
from share_sql.errors import SettingsError
from share_sql.models import load
from share_sql.models.base import Model
from share_sql.models.scripted import ScriptedModel


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Model]:
    """A machine where the small models work; scripts stand in for them."""
    models: dict[str, Model] = {role: ScriptedModel({}) for role in ("sam", "scorer")}

    def embedded(folder: Path, among: object) -> Mapping[str, Model]:
        return models

    monkeypatch.setattr(load, "_embedded_all", embedded)
    monkeypatch.setattr("share_sql.models.weights_file.has_base", lambda name: True)
    return models


def test_the_small_models_where_they_work(small: Mapping[str, Model]) -> None:
    chosen = load.chosen_models()
    assert chosen.models == small
    assert chosen.told == "models: embedded (sam, scorer); --models none is quicker"
    assert load.load_models("auto") == small


def test_none_where_no_weights_are_pulled() -> None:
    chosen = load.chosen_models()
    assert chosen.models == {}
    assert chosen.told.startswith("models: none (the base weights ")
    assert "`share models pull`" in chosen.told
    assert load.load_models("auto") == {}


def test_none_where_the_engine_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "openvino_genai" else whole(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    monkeypatch.setattr("share_sql.models.weights_file.has_base", lambda name: True)
    assert load.chosen_models().models == {}
    assert (
        load.chosen_models().told == "models: none (models in this process need openvino-genai; install it)"
    )


def test_embedded_by_name_is_still_an_error_there() -> None:
    with pytest.raises(SettingsError, match="share models pull"):
        load.load_models("embedded")


def test_what_embedded_does_without_is_named() -> None:
    assert load.not_pulled() == {
        "sam": "smollm2-135m",
        "lom": "smollm2-135m",
        "scorer": "smollm2-135m",
        "drafter": "qwen2.5-coder-0.5b",
        "second_drafter": "qwen2.5-coder-1.5b",
    }


def test_what_embedded_does_without_is_told(
    small: Mapping[str, Model], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "not_pulled", lambda: {"drafter": "qwen2.5-coder-0.5b"})
    assert models_for("embedded") == small
    assert "drafter is left out; `share models pull qwen2.5-coder-0.5b`" in capsys.readouterr().err
