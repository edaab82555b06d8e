"""Databases by name and flags from share.toml: flags over the environment over the file; no password told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import VERBS, cli

DRAFT = "SELECT name FROM store WHERE city = 'bonn'"
SECRET = "hunter2-secret"
NOWHERE = f"postgresql://reader:{SECRET}@127.0.0.1:1/shop"


def call(*words: object, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(cli, [*map(str, words)])


@pytest.fixture(autouse=True)
def folder(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that calls are made in, with a settings file that names the shop."""
    monkeypatch.chdir(shop.parent)
    for name in ("SHARE_CONFIG", "SHARE_MODELS", "SHARE_POLICY", "SHARE_MIN_CONFIDENCE", "SHARE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    write("[databases.shop]\npath = 'shop.sqlite'\n")
    return shop.parent


def write(text: str, name: str = "share.toml") -> None:
    Path(name).write_text(text, encoding="utf-8")


def cases(*databases: str, **fields: str) -> str:
    rows = [
        {"id": str(at), "question": "Which stores are in Bonn?", "database": name, "draft": DRAFT, **fields}
        for at, name in enumerate(databases)
    ]
    write("".join(json.dumps(row) + "\n" for row in rows), "cases.jsonl")
    return "cases.jsonl"


@pytest.mark.parametrize(
    "words",
    [
        ("fix", "--question", "Which stores are in Bonn?", "--sql", DRAFT),
        ("check", "--sql", "SELECT name FROM store WHERE id = 1"),
        ("describe",),
        ("values", "build"),
        ("values", "lookup", "bonn"),
        ("trajectory", "show", "--sql", DRAFT),
        ("doctor",),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_name_of_the_settings_is_a_database_to_each_verb(words: tuple[str, ...]) -> None:
    done = call(*words, "--db", "shop")
    assert done.exit_code == 0, done.output
    wrong = call(*words, "--db", "shpo")
    assert wrong.exit_code == 1
    assert wrong.stderr.strip().endswith("did you mean shop?")
    assert len(wrong.stderr.splitlines()) == 1


def test_a_name_of_the_settings_is_a_cases_database() -> None:
    assert call("run", "--cases", cases("shop"), "--out", "out", "--models", "none").exit_code == 0
    row = json.loads(Path("out/corrections.jsonl").read_text())
    assert row["sql"] == "SELECT name FROM store WHERE city = 'Bonn'"
    gold = cases("shop", gold=DRAFT, prediction=DRAFT)
    scored = call("eval", "--cases", gold, "--json")
    assert json.loads(scored.stdout)["cases"][0]["ex"] is True
    back = call("trajectory", "roundtrip", "--cases", cases("shop", sql=DRAFT), "--json")
    assert json.loads(back.stdout)["cases"][0]["rows"] == "same"


def test_meanings_and_tables_of_the_settings_are_used_and_must_fit() -> None:
    write("[databases.shop]\npath = 'shop.sqlite'\nmeanings = 'meanings.json'\n")
    write(json.dumps({"other|store|city": "town"}), "meanings.json")
    done = call("check", "--db", "shop", "--sql", DRAFT)
    assert done.exit_code == 2
    assert "knows nothing of shop; it has other" in done.stderr
    write(json.dumps({"shop|store|city": "town"}), "meanings.json")
    assert call("check", "--db", "shop", "--sql", "SELECT 1").exit_code == 0
    done = call("check", "--db", "shop", "--sql", "SELECT 1", "--meanings", "gone.json")
    assert "gone.json" in done.stderr  # the flag stands in the settings' place


def test_limits_of_the_settings_bound_each_query() -> None:
    write("[databases.shop]\npath = 'shop.sqlite'\nrows = 2\n")
    checked = json.loads(call("check", "--db", "shop", "--sql", "SELECT id FROM store", "--json").stdout)
    assert (checked["row_count"], checked["truncated"]) == (2, True)


def test_a_run_is_not_resumed_with_other_settings_of_its_databases() -> None:
    assert call("run", "--cases", cases("shop"), "--out", "out", "--models", "none").exit_code == 0
    again = ("run", "--cases", "cases.jsonl", "--out", "out", "--models", "none", "--resume")
    assert call(*again).exit_code == 0
    write("[databases.shop]\npath = 'shop.sqlite'\nrows = 2\n[databases.other]\npath = 'x'\n")
    done = call(*again)
    assert done.exit_code == 2
    assert "share.toml" in done.stderr


def test_a_benchmarks_databases_are_found_by_name() -> None:
    write("[databases.shop]\npath = 'shop.sqlite'\nnamespaces = ['main']\n")
    write(json.dumps([{"question_id": 0, "db_id": "shop", "question": "Q", "SQL": DRAFT}]), "dev.json")
    write(json.dumps({"0": DRAFT}), "drafts.json")
    words = ("--benchmark", "bird", "--questions", "dev.json")
    done = call("run", *words, "--drafts", "drafts.json", "--out", "out", "--models", "none")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("out/corrections.jsonl").read_text())["verdict"] == "corrected"
    done = call("eval", *words, "--predictions", "drafts.json", "--json")
    assert json.loads(done.stdout)["cases"][0]["ex"] is True


def policy_of(*words: str, **variables: str) -> Any:
    done = call("run", "--cases", cases("shop"), "--out", "out", *words, **variables)
    assert done.exit_code == 0, done.output
    found = json.loads(Path("out/run.json").read_text())["settings"]
    for file in Path("out").iterdir():
        file.unlink()
    return found


def test_flags_over_the_environment_over_the_file() -> None:
    write(
        "[databases.shop]\npath = 'shop.sqlite'\n[models]\nuse = 'none'\n[policy]\npolicy = 'errors'\n"
        "min-confidence = 0.2\nwithout = ['select-drop']\nconventions = 'benchmark'\n"
    )
    found = policy_of()
    assert (found["policy"], found["min confidence"], found["without"]) == ("errors", 0.2, "select-drop")
    assert found["conventions"] == "benchmark"
    found = policy_of(SHARE_POLICY="always", SHARE_MIN_CONFIDENCE="0.3")
    assert (found["policy"], found["min confidence"]) == ("always", 0.3)
    found = policy_of("--policy", "gated", SHARE_POLICY="always")
    assert found["policy"] == "gated"


def test_models_of_the_settings_are_loaded_as_a_models_file() -> None:
    write(
        "[databases.shop]\npath = 'shop.sqlite'\n"
        "[models.scorer]\nmodel = 'm'\nbase_url = 'http://127.0.0.1:1/v1'\nretries = 0\n"
        "[cache]\nanswers = 'answers.sqlite'\n"
    )
    done = call("run", "--cases", cases("shop"), "--out", "out")
    found = json.loads(Path("out/run.json").read_text())["settings"]
    assert found["model for scorer"].startswith("m"), done.output
    assert Path("answers.sqlite").is_file()
    without = call("run", "--cases", "cases.jsonl", "--out", "without", "--models", "none")
    assert without.exit_code == 0
    assert "model for scorer" not in json.loads(Path("without/run.json").read_text())["settings"]


def test_the_cache_of_the_settings_is_used() -> None:
    with sqlite3.connect("large.sqlite") as large:
        large.execute("CREATE TABLE t (a TEXT)")
        large.executemany("INSERT INTO t VALUES (?)", ((f"value {at} {'x' * 40}",) for at in range(40_000)))
    large.close()
    write("[cache]\nfolder = 'kept'\n")
    told = json.loads(call("values", "build", "--db", "large.sqlite", "--json").stdout)
    assert told["path"].startswith(str(Path("kept").absolute()))
    told = json.loads(call("values", "build", "--db", "large.sqlite", "--json", SHARE_CACHE="other").stdout)
    assert told["path"].startswith("other")


def test_another_file_by_flag_and_by_variable() -> None:
    write("[databases.other]\npath = 'shop.sqlite'\n", "mine.toml")
    assert call("describe", "--db", "other", "--config", "mine.toml").exit_code == 0
    assert call("describe", "--db", "other", SHARE_CONFIG="mine.toml").exit_code == 0
    assert call("describe", "--db", "other").exit_code == 1
    gone = call("describe", "--db", "other", "--config", "gone.toml")
    assert (gone.exit_code, gone.stderr) == (2, "share: there is no settings file gone.toml\n")


def test_a_fault_of_the_file_is_one_line() -> None:
    write("[databases.shop]\npaht = 'shop.sqlite'\n")
    done = call("describe", "--db", "shop")
    assert (done.exit_code, done.stderr) == (
        2,
        "share: share.toml, line 2: unknown key databases.shop.paht; did you mean path?\n",
    )


def test_verbs_without_databases_read_no_settings() -> None:
    write("nonsense")
    assert call("explain", "--help").exit_code == 0
    assert call("prompts", "list").exit_code == 0
    with_it = {name for name in VERBS if "--config" in call(name, "--help").stdout}
    plain = {"fix", "check", "run", "eval", "describe", "doctor", "serve", "mcp", "demo"}
    assert with_it == plain  # and verbs within others


def test_no_password_is_shown_or_written() -> None:
    write(f"[databases.far]\nurl = '{NOWHERE}'\n[databases.shop]\npath = 'shop.sqlite'\n")
    shown = "postgresql://reader@127.0.0.1:1/shop"
    told = []
    for name in ("far", NOWHERE):
        for words in (
            ("fix", "--question", "Q", "--sql", DRAFT),
            ("check", "--sql", DRAFT),
            ("describe",),
            ("values", "build"),
            ("trajectory", "show", "--sql", DRAFT),
            ("doctor",),
        ):
            done = call(*words, "--db", name, "-v" if words[0] == "fix" else "--json")
            assert done.exit_code == 1, (words, done.output)
            assert "Traceback" not in done.output
            told.append(done.output)
    done = call("run", "--cases", cases("shop", "far", NOWHERE), "--out", "out", "--models", "none", "-vv")
    again = call("run", "--cases", "cases.jsonl", "--out", "out", "--models", "none", "--resume", "-vv")
    scored = cases("far", NOWHERE, gold=DRAFT, prediction=DRAFT)
    told += [done.output, again.output, call("eval", "--cases", scored, "--json").output]
    told += [call("trajectory", "roundtrip", "--cases", cases(NOWHERE, sql=DRAFT), "--json").output]
    told += [path.read_text() for path in Path("out").iterdir()]
    assert not [text for text in told if SECRET in text]
    assert shown in json.loads(Path("out/corrections.jsonl").read_text().splitlines()[2])["error"]


def test_a_password_that_has_changed_is_no_other_case() -> None:
    """What a run folder knows of a case holds none."""
    write("")
    assert call("run", "--cases", cases(NOWHERE), "--out", "out", "--models", "none").exit_code == 1
    other = cases(NOWHERE.replace(SECRET, "another"))
    done = call("run", "--cases", other, "--out", "out", "--models", "none", "--resume")
    assert "other cases" not in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_cases_on_a_server_by_name_and_by_url(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(f"{kind}_database")
    server.run("CREATE TABLE store (id INTEGER PRIMARY KEY, name VARCHAR(20), city VARCHAR(20))")
    server.run("INSERT INTO store VALUES (1, 'North', 'Köln'), (2, 'South', 'Jena')")
    begin, _, end = server.reader.rpartition(":reader@")
    write(f"[databases.there]\nurl = '{begin}:${{PASSWORD}}@{end}'\n[cache]\nfolder = 'cache'\n")
    rows = [
        {
            "id": at,
            "question": "Which?",
            "database": name,
            "draft": "SELECT nme FROM store WHERE city = 'Jena'",
        }
        for at, name in enumerate(("there", server.reader))
    ]
    write("".join(json.dumps(row) + "\n" for row in rows), "cases.jsonl")
    words = ("run", "--cases", "cases.jsonl", "--out", "out", "--models", "none")
    done = call(*words, PASSWORD="reader")
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in Path("out/corrections.jsonl").read_text().splitlines()]
    assert [row["sql"] for row in found] == ["SELECT name FROM store WHERE city = 'Jena'"] * 2
    again = call(*words, "--resume", PASSWORD="reader")
    assert (again.exit_code, json.loads(Path("out/run.json").read_text())["resumed"]) == (0, 2)
    server.run("INSERT INTO store VALUES (3, 'West', 'Bonn')")
    looked = call("doctor", "--db", "there", "--json", PASSWORD="reader")
    assert json.loads(looked.stdout)["ok"], looked.stdout
    assert (
        f"GRANT SELECT{'' if kind == 'postgres' else ', SHOW VIEW'} ON"
        in json.loads(looked.stdout)["read_only"]
    )
    written = [path.read_text() for path in Path("out").iterdir()]
    assert not [text for text in (*written, done.output, looked.output) if "reader:reader@" in text]
