"""`share train`: the call, and what it says when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from share_sql.cli.main import cli


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "llamafactory-cli").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (folder / "bin" / "llamafactory-cli").chmod(0o755)
    return folder


def test_missing_data_names_the_verb_that_makes_it(tmp_path: Path, environment: Path) -> None:
    call = ["train", "sam", "--data", str(tmp_path), "--out", str(tmp_path / "m"), "--gpus", "0"]
    shown = CliRunner().invoke(cli, [*call, "--environment", str(environment)])
    assert "share data sam" in shown.output


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear", encoding="utf-8")
    call = ["train", "sam", "--data", str(tmp_path), "--out", str(tmp_path / "m"), "--gpus", "0"]
    shown = CliRunner().invoke(cli, [*call, "--environment", str(tmp_path / "home")])
    assert "no virtual environment" in shown.output
    assert (tmp_path / "home" / "letter.txt").is_file()


def test_roles_are_checked() -> None:
    shown = CliRunner().invoke(cli, ["train", "mask", "--data", "x", "--out", "y"])
    assert shown.exit_code != 0
