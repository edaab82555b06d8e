"""`share demo` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from share_sql.cli.main import cli


def test_table_counts_and_page(tmp_path: Path) -> None:
    out = tmp_path / "new" / "demo"
    done = CliRunner(env={"COLUMNS": "140"}).invoke(cli, ["demo", "--models", "none", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "How many stores are still open?" in done.stdout
    assert "Stage by stage: What is the average list price in each category?" in done.stdout
    assert "  mask        res = df.select([MASK], avg([MASK]))\n" in done.stdout
    assert done.stdout.count("`share models pull`") == 1
    assert done.stderr == ""
    assert "Right before: 18 of 55." in done.stdout
    assert "Broken: 0." in done.stdout
    assert f"Page: {out / 'demo.html'}" in done.stdout
    assert (out / "demo.html").is_file()
    assert done.stdout.rstrip().endswith("share serve --demo")


def test_json_is_one_object_for_machines(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["demo", "--models", "none", "--out", str(tmp_path), "--json"])
    told = json.loads(done.stdout)
    assert told["counts"]["cases"] == len(told["cases"]) == 55
    assert told["page"] == str(tmp_path / "demo.html")
    assert {"id", "question", "draft", "label", "sql", "verdict", "reason", "outcome"} <= set(
        told["cases"][0]
    )
    assert list(told["cases"][0]["stages"])[:3] == ["draft", "bam", "mask"]


def test_what_the_default_chose_is_told_once(tmp_path: Path) -> None:
    """In a test's own cache there are no weights."""
    done = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("models: none (")
    assert "`share models pull`" in line


def test_a_file_as_folder_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(cli, ["demo", "--models", "none", "--out", str(tmp_path / "file")])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert len(done.stderr.strip().splitlines()) == 1
