"""No option is silently ignored: one that would do nothing is refused, in a line that names the mend.

Those of `share eval`: test_eval.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from share_sql.cli.main import cli

SQL = "SELECT name FROM store"
TABLES = {
    "db_id": "elsewhere",
    "table_names_original": ["t"],
    "column_names_original": [[-1, "*"], [0, "a"]],
    "column_types": ["text", "text"],
    "primary_keys": [],
    "foreign_keys": [],
}
FIX = ["fix", "--db", "shop.sqlite", "--question", "Q", "--sql", SQL]
RUN = ["run", "--out", "out"]
CASES = [*RUN, "--cases", "cases.jsonl"]
CONFIG = [*RUN, "--data-config", "config.json"]
CALIBRATE = ["calibrate", "--gold", "cases.jsonl", "--out", "weights.json"]
TEACH = ["data", "teacher", "data", "--cases", "cases.jsonl"]
TRIP = ["trajectory", "roundtrip", "--cases", "cases.jsonl"]
PULL = ["models", "pull"]


@pytest.fixture
def place(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that all calls are made in."""
    case: dict[str, Any] = {"id": "1", "question": "Q", "database": "shop.sqlite", "draft": SQL}
    files = {
        "cases.jsonl": {**case, "sql": SQL, "gold": SQL, "prediction": SQL},
        "tables.json": [TABLES],
        "meanings.json": {"elsewhere|t|a": "a thing"},
    }
    for name, content in files.items():
        (shop.parent / name).write_text(json.dumps(content) + "\n")
    monkeypatch.chdir(shop.parent)
    return shop.parent


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ([*FIX, "--prompts", "default"], "--prompts is for models; name some by --models"),
        ([*FIX, "--tables", "tables.json"], "tables.json knows nothing of shop; it has elsewhere"),
        ([*FIX, "--meanings", "meanings.json"], "meanings.json knows nothing of shop; it has elsewhere"),
        ([*CASES, "--part", "dev"], "--part belongs to --data-config"),
        ([*CASES, "--drafts", "cases.jsonl"], "--questions and --drafts belong to --benchmark"),
        ([*CASES, "--tables", "tables.json"], "tables.json knows nothing of shop"),
        ([*CASES, "--meanings", "meanings.json"], "meanings.json knows nothing of shop"),
        ([*CASES, "--databases", "gone"], "there is no folder gone"),
        ([*CONFIG, "--questions", "q.json"], "--questions is what --data-config names"),
        ([*CONFIG, "--tables", "tables.json"], "--tables is what --data-config names"),
        ([*CONFIG, "--databases", "dbs"], "--databases is what --data-config names"),
        ([*CONFIG, "--meanings", "meanings.json"], "--meanings is what --data-config names"),
        ([*TEACH, "--made-up"], "--made-up needs the schemas of the databases; give --tables"),
        ([*TEACH, "--prompts", "default"], "--prompts is for models"),
        ([*TEACH, "--questions", "q.json"], "belong to --benchmark"),
        (["describe", "--db", "shop.sqlite", "--name", "x"], "--name names the database in --out and --json"),
        (["prompts", "import", "p.py", "--to", "d", "--name", "x"], "--name names a set among one's own"),
        ([*CALIBRATE, "--models", "embedded"], "--models is for the cases of --scored"),
        ([*CALIBRATE, "--meanings", "meanings.json"], "--meanings is for the cases of --scored"),
        ([*CALIBRATE, "--tables", "tables.json"], "--tables has the schemas of --text and --scored"),
        ([*CALIBRATE, "--edits", "select-drop"], "--edits says what to ask about the cases of --scored"),
        ([*TRIP, "--tables", "tables.json"], "tables.json knows nothing of shop"),
        ([*TRIP, "--databases", "gone"], "there is no folder gone"),
        ([*PULL, "--from", "gone.gguf"], "there is no gone.gguf"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_would_do_nothing_is_refused(place: Path, call: list[str], said: str) -> None:
    before = sorted(place.rglob("*"))
    result = CliRunner().invoke(cli, call)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("share: ")
    assert said in line
    assert sorted(place.rglob("*")) == before, "nothing is begun"


@pytest.mark.parametrize(
    "call",
    [FIX, CASES, TEACH, TRIP],
    ids=" ".join,
)
def test_the_same_calls_without_it_are_taken(place: Path, call: list[str]) -> None:
    result = CliRunner().invoke(cli, call)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("role", ["sam", "lom"])
def test_models_without_drafts_to_show_them_are_refused(place: Path, role: str) -> None:
    (place / "cases.jsonl").write_text(
        json.dumps({"id": "1", "question": "Q", "database": "shop.sqlite", "gold": SQL}) + "\n"
    )
    assert CliRunner().invoke(cli, TEACH).exit_code == 0
    (place / "models.toml").write_text('[models.bam]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    (place / "other.toml").write_text('[models.sam]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    call = ["data", role, "data", "--out", "out", "--models"]
    result = CliRunner().invoke(cli, [*call, "models.toml"])
    assert result.exit_code == 2
    assert "--models is for drafts, and the folders hold none" in result.stderr
    result = CliRunner().invoke(cli, [*call, "other.toml"])
    assert result.exit_code == 2
    assert "sets no model for the role bam" in result.stderr
