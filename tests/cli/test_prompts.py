"""`share prompts`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from share_sql.cli.main import cli
from share_sql.prompts.library import load_prompts

MODULE = "mask_schema_user_prompt = 'Hide {sr}'\nsystem_prompt = 'Be brief.'\n"


@pytest.fixture(autouse=True)
def own_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHARE_PROMPTS", str(tmp_path / "sets"))
    return tmp_path / "sets"


def share(*args: str) -> str:
    result = CliRunner().invoke(cli, ["prompts", *args])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_an_imported_set_is_listed_shown_and_loaded(tmp_path: Path) -> None:
    module = tmp_path / "for_infer.py"
    module.write_text(MODULE, encoding="utf-8")
    assert "1 prompts (mask)" in share("import", str(module), "--name", "paper")
    listed = json.loads(share("list", "--json"))
    assert {"name": "paper", "roles": ["mask"]} in listed["sets"]
    assert "paper: mask" in share("list").splitlines()
    assert share("show", "mask", "--set", "paper").endswith("--- user ---\nHide {{trajectory}}\n")
    assert json.loads(share("show", "mask", "--set", "paper", "--json"))["variables"] == ["trajectory"]
    assert load_prompts("paper").render("mask", trajectory="T")[1].content == "Hide T"


def test_the_set_may_be_written_elsewhere(tmp_path: Path, own_sets: Path) -> None:
    module = tmp_path / "for_infer.py"
    module.write_text(MODULE, encoding="utf-8")
    folder = tmp_path / "mine"
    out = json.loads(share("import", str(module), "--to", str(folder), "--json"))
    assert out == {"name": "for_infer", "folder": str(folder), "roles": ["mask"]}
    assert load_prompts(folder).roles == ("mask",)
    assert not own_sets.exists()


@pytest.mark.parametrize("name", ["default", "../x", "a/b", ".hidden", ".."])
def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    module = tmp_path / "for_infer.py"
    module.write_text(MODULE, encoding="utf-8")
    result = CliRunner().invoke(cli, ["prompts", "import", str(module), "--name", name])
    assert result.exit_code == 2
    assert "cannot be the name of a prompt set" in result.stderr


def test_code_is_refused_with_exit_code_2(tmp_path: Path) -> None:
    module = tmp_path / "for_infer.py"
    module.write_text("import os\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["prompts", "import", str(module)])
    assert result.exit_code == 2
    assert "line 1: Import is refused" in result.stderr
