"""A benchmark's questions on databases by URL, by name from the settings, and as a folder of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli

duckdb = pytest.importorskip("duckdb")

QUESTIONS = [
    {"question_id": 3, "db_id": "shop", "question": "Which stores?", "SQL": "SELECT name FROM store"},
    {"question_id": 5, "db_id": "shop", "question": "How many?", "SQL": "SELECT count(*) FROM store"},
]
DRAFTS = {"3": "SELECT nme FROM store\t----- bird -----\tshop", "5": "SELECT count(*) FROM store"}


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE store (id integer, name varchar)")
        connection.execute("INSERT INTO store VALUES (1, 'North'), (2, 'South')")
    (tmp_path / "questions.json").write_text(json.dumps(QUESTIONS))
    (tmp_path / "drafts.json").write_text(json.dumps(DRAFTS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_and_score(*where: object) -> dict[str, Any]:
    files = ("--benchmark", "bird", "--questions", "questions.json", *where)
    done = call("run", *files, "--drafts", "drafts.json", "--out", "out", "--models", "none", "--json")
    assert done.exit_code == 0, done.output
    done = call("eval", *files, "--predictions", "out", "--drafts", "drafts.json", "--json")
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("where", ["folder", "url", "settings"])
def test_run_and_eval(where: str, folder: Path) -> None:
    flags: dict[str, tuple[str, ...]] = {
        "folder": ("--databases", "."),
        "url": ("--databases", "duckdb:///{name}.duckdb"),
        "settings": (),
    }
    if where == "settings":
        (folder / "share.toml").write_text("[databases.shop]\npath = 'shop.duckdb'\n")
    report = run_and_score(*flags[where])
    assert report["total"]["ex"] == 100
    assert (report["drafts"]["ex"]["fixed"], report["dialects"]) == (1, {"shop": "duckdb"})
    assert {case["database"] for case in report["cases"]} == {"shop"}
    lines = (folder / "out" / "corrections.jsonl").read_text().splitlines()
    assert [json.loads(line)["sql"] for line in lines] == ["SELECT name FROM store", DRAFTS["5"]]


def test_without_databases_the_flag_is_named(folder: Path) -> None:
    files = ("--benchmark", "bird", "--questions", "questions.json")
    assert "needs --databases" in call("run", *files, "--drafts", "drafts.json", "--out", "o").output
    assert "also needs --databases" in call("eval", *files, "--predictions", "drafts.json").output


def test_a_name_that_the_settings_lack_costs_no_other(folder: Path) -> None:
    asked = [*QUESTIONS, {"question_id": 8, "db_id": "bank", "question": "Q", "SQL": "SELECT 1"}]
    (folder / "questions.json").write_text(json.dumps(asked))
    (folder / "drafts.json").write_text(json.dumps({**DRAFTS, "8": "SELECT 1"}))
    (folder / "share.toml").write_text("[databases.shop]\npath = 'shop.duckdb'\n")
    files = ("--benchmark", "bird", "--questions", "questions.json")
    done = call("run", *files, "--drafts", "drafts.json", "--out", "out", "--models", "none")
    assert done.exit_code == 1
    assert "1 of 3 cases could not be worked on (8): bank: there is no file" in " ".join(done.output.split())


@pytest.mark.parametrize("verb", ["run", "eval"])
def test_a_server_that_is_not_there_is_told_without_its_password(verb: str, folder: Path) -> None:
    files = ("--benchmark", "bird", "--questions", "questions.json")
    where = ("--databases", "postgresql://u:hidden@127.0.0.1:1/{name}", "--drafts", "drafts.json")
    more = ("--out", "out", "--models", "none") if verb == "run" else ("--predictions", "drafts.json")
    done = call(verb, *files, *where, *more)
    assert "connection" in done.output
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert b"hidden" not in b"".join([done.output.encode(), *written])
