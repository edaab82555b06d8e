"""The demo's cases as a run on workers has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from share_sql.catalog import Registration
from share_sql.demo.cases import write_cases
from share_sql.models.load import load_models, read_models_file
from share_sql.prompts.library import load_prompts
from share_sql.runfolder.execute import RunSettings
from share_sql.scale.recipe import Recipe


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """The demo's cases, on the database `shop`."""
    write_cases(tmp_path / "cases.jsonl", "shop")
    return tmp_path / "cases.jsonl"


@pytest.fixture
def recipe(shop_path: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """Makes recipes: of no model, or of a models file."""

    def made(models: Path | None = None, **others: Any) -> Recipe:
        names = {role: each.name for role, each in (load_models(str(models)) if models else {}).items()}
        file: tuple[str, Mapping[str, Any]] | None = (
            (str(models), read_models_file(models)) if models else None
        )
        given: dict[str, Any] = {
            "settings": RunSettings("gated", names, load_prompts()),
            "models": str(models or "none"),
            "models_file": file,
            "databases": {"shop": Registration(str(shop_path))},
            "cache": tmp_path / "cache",
            "concurrency": 4,
            "case_seconds": 60.0,
            "out": str(tmp_path / "out"),
            "form": "jsonl",
        }
        return Recipe(**{**given, **others})

    return made
