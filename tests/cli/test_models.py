"""`share models`: what it prints and where it ends."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from share_sql.cli.main import cli


def test_list_says_what_is_missing_and_how_to_get_it() -> None:
    shown = CliRunner().invoke(cli, ["models", "list"])
    assert shown.exit_code == 0
    assert "share models pull" in shown.output
    told = json.loads(CliRunner().invoke(cli, ["models", "list", "--json"]).output)
    assert told["bases"][0]["name"] == "smollm2-135m"
    assert told["bases"][0]["here"] is False
    assert [row["role"] for row in told["adapters"]] == ["bam", "sam", "lom", "scorer", "drafter"]


def test_pull_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    shown = CliRunner().invoke(cli, ["models", "pull", "--from", str(tmp_path / "x.gguf")])
    assert shown.exit_code != 0
    assert "SHA-256" in shown.output
    shown = CliRunner().invoke(cli, ["models", "pull", "gpt-9"])
    assert "smollm2-135m" in shown.output
