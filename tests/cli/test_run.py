"""`share run`: every case ends in corrections.jsonl, from each kind of input, and a stopped run goes on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.driver.working import alive, children, until, workers

from share_sql.assistant import STAGES
from share_sql.cli.main import cli
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL

WRONG = "SELECT COUNT(*) FROM store WHERE city = 'bonn'"


def run(*args: object) -> Result:
    models = () if "--models" in args else ("--models", "none")
    return CliRunner().invoke(cli, ["run", *map(str, args), *models])


def write_lines(path: Path, rows: list[Any]) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def case(name: object, draft: str, database: object = "shop.sqlite") -> dict[str, Any]:
    return {
        "id": name,
        "question": "How many stores are in Bonn?",
        "evidence": "",
        "database": str(database),
        "draft": draft,
    }


def test_cases_end_in_a_run_folder(shop: Path) -> None:
    cases = write_lines(
        shop.parent / "cases.jsonl", [case("b", WRONG), case(1, "SELECT COUNT(*) FROM store")]
    )
    out = shop.parent / "out"
    result = run("--cases", cases, "--out", out, "--models", "none")
    assert result.exit_code == 0, result.stderr
    assert "2 cases: 1 corrected, 1 kept." in result.stdout
    first, second = lines(out / "corrections.jsonl")
    assert {"id", "sql", "verdict", "reason", "confidence", "usage"} <= first.keys()
    assert (first["id"], first["verdict"]) == ("b", "corrected")
    assert "'Bonn'" in first["sql"]
    assert (second["id"], second["sql"]) == ("1", "SELECT COUNT(*) FROM store")
    assert {name for name in FINAL_FILES if (out / name).exists()} == set(FINAL_FILES)
    trajectories = lines(out / "original_traj.jsonl")
    assert [row["idx"] for row in trajectories] == ["b", 1]
    assert "store.city" in trajectories[0]["response"]
    assert "store.city" not in lines(out / "masked_traj.jsonl")[0]["response"]
    assert "store.city" in lines(out / "prompts_for_generator.jsonl")[0]["prompt"]
    assert json.loads((out / "augmented_schema.json").read_text(encoding="utf-8"))["b"] == ["store.city"]
    final = json.loads((out / "final_sql.json").read_text(encoding="utf-8"))
    assert final["1"] == "SELECT COUNT(*) FROM store\t----- bird -----\tshop.sqlite"
    timings = lines(out / "timings.jsonl")
    assert [row["id"] for row in timings] == ["b", "1"]
    for row in timings:
        stages = ["database", *(stage.__name__ for stage in STAGES)]
        assert list(row["seconds"]) == stages, "stages that leave no note are timed too"
        # A stage that is quicker than the clock's last digit kept counts as nothing.
        assert all(spent >= 0 for spent in row["seconds"].values())
        assert row["total"] > 0
        assert row["total"] == pytest.approx(sum(row["seconds"].values()))
    again = json.loads(run("--cases", cases, "--out", shop.parent / "again", "--json").stdout)
    assert again["verdicts"] == {"corrected": 1, "kept": 1}


def test_two_runs_write_the_same_bytes(shop: Path) -> None:
    rows = [case(at, WRONG if at % 3 else "SELECT name FROM store") for at in range(30)]
    cases = write_lines(shop.parent / "cases.jsonl", rows)
    for name, width in (("one", 1), ("two", 8)):
        assert run("--cases", cases, "--out", shop.parent / name, "--concurrency", width).exit_code == 0
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (shop.parent / "one" / name).read_bytes() == (shop.parent / "two" / name).read_bytes(), (
                name
            )


def test_no_bad_input_costs_another_case(shop: Path) -> None:
    folder = shop.parent
    (folder / "corrupt.sqlite").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    (folder / "empty.sqlite").write_bytes(b"")
    bad: dict[str, Any] = {
        "no such file": case("x", WRONG, "none.sqlite"),
        "corrupt": case("x", WRONG, "corrupt.sqlite"),
        "empty file": case("x", WRONG, "empty.sqlite"),
        "a folder": case("x", WRONG, folder),
        "another kind": case("x", WRONG, "postgres://user:geheim@host/db"),
        "no name": case("x", WRONG, ""),
        "no table": case("x", "SELECT * FROM zzz"),
        "prose": case("x", "I am sorry."),
        "empty draft": case("x", ""),
        "long draft": case("x", "SELECT " + "1+" * 500_000 + "1"),
        "deep draft": case("x", "SELECT " + "(" * 5000 + "1" + ")" * 5000),
        "not reading": case("x", "DELETE FROM store"),
        "two statements": case("x", "SELECT 1; DELETE FROM store"),
        "no UTF-8": case("x", "SELECT '\ud800'"),
    }
    rows: list[Any] = [case("first", WRONG)]
    rows += [{**each, "id": name} for name, each in bad.items()]
    rows += ["{not json", [1], case("first", "SELECT 2"), {"question": "Q"}, case("last", WRONG)]
    cases = write_lines(folder / "cases.jsonl", rows)
    out = folder / "out"
    result = run("--cases", cases, "--out", out)
    assert result.exit_code == 1, "databases that cannot be used"
    assert "Traceback" not in result.stderr
    assert "geheim" not in result.stderr + (out / "corrections.jsonl").read_text(encoding="utf-8")
    found = lines(out / "corrections.jsonl")
    assert len(found) == len(rows)
    assert found[0]["verdict"] == found[-1]["verdict"] == "corrected"
    for row, each in zip(rows[1:-1], found[1:-1], strict=True):
        assert each["verdict"] in ("kept", "abstained"), each
        assert each["reason"], each
        if isinstance(row, dict) and "draft" in row:
            assert each["sql"] == row["draft"]
    # Files that go by id have room for each id once, whatever was wrong with its case.
    names = list(dict.fromkeys(each["id"] for each in found))
    assert list(json.loads((out / "final_sql.json").read_text(encoding="utf-8"))) == names
    assert [str(row["idx"]) for row in lines(out / "final_traj.jsonl")] == names
    named = {each["id"]: each["error"] for each in found if each["error"]}
    assert "none.sqlite" in named["no such file"]
    assert "not JSON" in named["line 16"]
    assert named["first"].startswith("the id 'first' is taken already")
    # An internal error would be a bug, however well it is reported.
    assert not [each for each in found if "internal error" in each["reason"]]


def test_where_not_one_case_could_be_worked_on_the_exit_code_is_1(shop: Path) -> None:
    cases = write_lines(shop.parent / "cases.jsonl", [case("a", WRONG, "none.sqlite")])
    out = shop.parent / "out"
    result = run("--cases", cases, "--out", out)
    assert result.exit_code == 1
    assert "1 of 1 cases could not be worked on (a): none.sqlite" in result.stderr
    assert lines(out / "corrections.jsonl")[0]["sql"] == WRONG


def test_a_relative_database_lies_beside_the_cases_too(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = write_lines(shop.parent / "cases.jsonl", [case("a", WRONG)])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run("--cases", cases, "--out", "out").exit_code == 0
    assert lines(Path("out/corrections.jsonl"))[0]["verdict"] == "corrected"


def benchmark(folder: Path, shop: Path) -> dict[str, Path]:
    """BIRD's files over the shop."""
    place = folder / "dbs" / "shop" / "shop.sqlite"
    place.parent.mkdir(parents=True)
    place.write_bytes(shop.read_bytes())
    tables = [
        {
            "db_id": "shop",
            "table_names_original": ["store", "sale"],
            "column_names_original": [
                [-1, "*"], [0, "id"], [0, "name"], [0, "city"], [1, "id"], [1, "store_id"], [1, "amount"],
            ],
            "column_types": ["text", "number", "text", "text", "number", "number", "number"],
            "primary_keys": [1, 4],
            "foreign_keys": [[5, 1]],
        }
    ]  # fmt: skip
    question = {
        "db_id": "shop",
        "question": "How many stores are in Bonn?",
        "evidence": "",
        "SQL": "SELECT 2",
    }
    contents = {
        "questions": [{**question, "question_id": 41}, {**question, "question_id": 40}],
        "tables": tables,
        "meanings": {"shop|store|city": "# where it stands"},
        "drafts": {"40": f"{WRONG}\t----- bird -----\tshop", "41": "SELECT COUNT(*) FROM store"},
    }
    paths = {"databases": folder / "dbs"}
    for name, content in contents.items():
        paths[name] = folder / f"{name}.json"
        paths[name].write_text(json.dumps(content), encoding="utf-8")
    return paths


def test_a_benchmarks_files_are_run_by_id(shop: Path, tmp_path: Path) -> None:
    paths = benchmark(tmp_path / "bird", shop)
    flags = [part for name, path in paths.items() for part in (f"--{name}", path)]
    out = tmp_path / "out"
    result = run("--benchmark", "bird", *flags, "--out", out)
    assert result.exit_code == 0, result.stderr
    first, second = lines(out / "corrections.jsonl")
    assert (first["id"], first["verdict"]) == ("41", "kept")
    assert (second["id"], second["verdict"]) == ("40", "corrected")
    prompt = lines(out / "prompts_for_generator.jsonl")[1]["prompt"]
    assert "{'sale.store_id': 'store.id'}" in prompt
    assert "# store.city:  where it stands\n" in prompt


def test_a_data_config_stands_for_the_files(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark(tmp_path / "data", shop)
    config = {
        "dev_db_dir": "data/dbs",
        "dev_column_meaning": "data/meanings.json",
        "dev_tables": "data/tables.json",
        "dev_data": "data/questions.json",
    }
    (tmp_path / "data_config.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = run(
        "--data-config", "data_config.json", "--drafts", "data/drafts.json", "--out", "out", "--limit", 1
    )
    assert result.exit_code == 0, result.stderr
    assert [each["id"] for each in lines(Path("out/corrections.jsonl"))] == ["41"]
    without = run("--data-config", "data_config.json", "--out", "other")
    assert without.exit_code == 2
    assert "give --drafts" in without.stderr


def test_a_run_is_replayed_from_its_own_folder(shop: Path) -> None:
    cases = write_lines(shop.parent / "cases.jsonl", [case("a", WRONG), case("b", "SELECT name FROM store")])
    first, second = shop.parent / "first", shop.parent / "second"
    assert run("--cases", cases, "--out", first).exit_code == 0
    result = run("--cases", cases, "--out", second, "--models", f"recorded:{first}")
    assert result.exit_code == 0, result.stderr
    before, after = (lines(folder / "original_traj.jsonl") for folder in (first, second))
    assert [row["response"] for row in before] == [row["response"] for row in after]


def test_a_finished_folder_is_kept_and_resuming_it_changes_nothing(shop: Path) -> None:
    cases = write_lines(shop.parent / "cases.jsonl", [case("a", WRONG)])
    out = shop.parent / "out"
    assert run("--cases", cases, "--out", out).exit_code == 0
    before = {name: (out / name).read_bytes() for name in FINAL_FILES if name not in VARYING_FILES}
    refused = run("--cases", cases, "--out", out)
    assert refused.exit_code == 2
    assert "holds a run already" in refused.stderr
    assert run("--cases", cases, "--out", out, "--resume").exit_code == 0
    assert {name: (out / name).read_bytes() for name in before} == before
    other = run("--cases", cases, "--out", out, "--resume", "--policy", "always")
    assert other.exit_code == 2
    assert 'holds a run with policy "gated", not "always"' in other.stderr


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--benchmark", "bird"], "--benchmark bird needs --questions."),
        (["--cases", "x", "--benchmark", "bird"], "Give exactly one of"),
        (["--cases", "x", "--drafts", "y"], "belong to --benchmark"),
        (["--data-config", "none.json"], "there is no file none.json"),
    ],
)
def test_wrong_calls_end_with_2(tmp_path: Path, flags: list[str], reason: str) -> None:
    result = run(*flags, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not (tmp_path / "out").exists()


def test_killed_in_the_middle_it_resumes_to_the_same_files(shop: Path) -> None:
    connection = sqlite3.connect(shop)
    connection.executemany("INSERT INTO sale VALUES (?, 1, 1.0)", ((at,) for at in range(10, 350)))
    connection.commit()
    connection.close()
    # Slow enough to be caught at work: each draft makes a hundred thousand comparisons.
    slow = "SELECT COUNT(*) FROM sale AS a, sale AS b WHERE a.amount < b.amount + "
    cases = write_lines(shop.parent / "cases.jsonl", [case(at, f"{slow}{at}") for at in range(24)])
    whole, cut = shop.parent / "whole", shop.parent / "cut"
    assert run("--cases", cases, "--out", whole).exit_code == 0
    code = "from share_sql.cli.main import main; main()"
    call = [sys.executable, "-c", code, "run", "--cases", str(cases), "--out", str(cut), "--concurrency", "1"]
    call += ["--models", "none"]
    for least in (2, 9):
        process = subprocess.Popen([*call, "--resume"], stdout=subprocess.DEVNULL)
        while process.poll() is None:
            journal = cut / JOURNAL
            if journal.exists() and journal.read_bytes().count(b"\n") > least:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.01)
        assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    done = len(lines(cut / JOURNAL)) - 1
    assert 9 <= done < 24
    assert run("--cases", cases, "--out", cut, "--resume").exit_code == 0
    assert json.loads((cut / "run.json").read_text(encoding="utf-8"))["resumed"] >= 9
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_run_at_once_and_keeps_what_is_done(shop: Path) -> None:
    endless = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c"
    rows = [case("quick", "SELECT name FROM store"), case("endless", endless)]
    cases, out = write_lines(shop.parent / "cases.jsonl", rows), shop.parent / "out"
    code = "from share_sql.cli.main import main; main()"
    call = [sys.executable, "-c", code, "run", "--cases", str(cases), "--out", str(out), "--concurrency", "1"]
    call += ["--models", "none"]
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not ((out / JOURNAL).exists() and len(lines(out / JOURNAL)) == 2):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint == "share: stopped; go on with --resume\n"
    assert lines(out / JOURNAL)[1]["id"] == "quick"


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_an_interrupt_ends_the_processes_of_a_run_too(shop: Path) -> None:
    rows = [case(at, "SELECT name FROM store") for at in range(20_000)]
    cases, out = write_lines(shop.parent / "cases.jsonl", rows), shop.parent / "out"
    code = "from share_sql.cli.main import main; main()"
    call = [sys.executable, "-c", code, "run", "--cases", str(cases), "--out", str(out), "--processes", "2"]
    call += ["--models", "none"]
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: len(workers(process.pid)) == 2)
    left = list(children(process.pid))
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint == "share: stopped; go on with --resume\n"
    until(lambda: not [each for each in left if alive(each)])


def test_a_run_says_who_scores(shop: Path) -> None:
    # A draft that holds no SQL has nothing to score, so nobody need listen at the address.
    cases, out = write_lines(shop.parent / "cases.jsonl", [case("1", "no SQL")]), shop.parent / "out"
    models = shop.parent / "models.toml"
    models.write_text('[models.scorer]\nbase_url = "http://localhost:1/v1"\nmodel = "weigher"\n')
    assert run("--cases", cases, "--out", out, "--models", models).exit_code == 0
    settings = json.loads((out / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["model for scorer"].startswith("weigher@")
    assert settings["prompts"].startswith("default ")
    other = run("--cases", cases, "--out", out, "--resume")
    assert other.exit_code != 0
    assert "scorer" in other.stderr


def test_without_models_named_it_says_what_there_is(shop: Path) -> None:
    """In a test's own cache there are no weights."""
    cases, out = write_lines(shop.parent / "cases.jsonl", [case("1", "SELECT name FROM store")]), "out"
    done = CliRunner().invoke(cli, ["run", "--cases", str(cases), "--out", str(shop.parent / out)])
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("models: none (the base weights ")
    settings = json.loads((shop.parent / out / "run.json").read_text(encoding="utf-8"))["settings"]
    assert not any(key.startswith("model for ") for key in settings)
