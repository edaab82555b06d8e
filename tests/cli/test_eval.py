"""`share eval` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["eval", *map(str, arguments)])


@pytest.fixture
def cases(tmp_path: Path, shop_path: Path) -> Path:
    file = tmp_path / "cases.jsonl"
    rows = [
        {
            "id": "a",
            "database": str(shop_path),
            "gold": "SELECT 1",
            "prediction": "SELECT 1",
            "draft": "SELECT 2",
        },
        {"id": 2, "database": str(shop_path), "gold": "SELECT 1, 2", "prediction": "SELECT 1", "draft": ""},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_json(cases: Path) -> None:
    done = call("--cases", cases, "--metrics", "ex,soft-f1", "--json")
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    assert [(case["id"], case["ex"]) for case in report["cases"]] == [("a", True), (2, False)]
    assert report["cases"][1]["soft-f1"] == pytest.approx(2 / 3)
    assert report["total"]["cases"] == 2
    assert report["total"]["ex"] == 50
    assert report["total"]["soft-f1"] == pytest.approx(83.3333)
    assert report["drafts"]["ex"]["fixed"] == 1


def test_table_and_comparison(cases: Path, tmp_path: Path) -> None:
    done = call("--cases", cases)
    assert "ex against the drafts: 0 right before, 1 after; fixed 1, broken 0, net +1" in done.stdout
    first = tmp_path / "first.json"
    first.write_text(call("--cases", cases, "--json").stdout)
    done = call("compare", first, first)
    assert done.exit_code == 0
    assert "2 cases" in done.stdout
    assert json.loads(call("compare", first, first, "--json").stdout)["pairs"][0]["p"] == 1.0


def test_compare_shows_how_it_is_called(cases: Path, tmp_path: Path) -> None:
    help_text = call("compare", "--help").stdout
    assert "share eval compare out/first out/second" in help_text
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eval.json").write_text(call("--cases", cases, "--json").stdout)
    assert call("compare", tmp_path / "first", tmp_path / "second").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to score"),
        (("--cases", "none.jsonl"), "there is no file none.jsonl"),
        (("--benchmark", "bird"), "also needs --questions and --databases and --predictions"),
        (("--cases", "x", "--metrics", "accuracy"), "unknown metric 'accuracy'"),
        (("--cases", "x", "--metrics", "em"), "give --tables"),
    ],
)
def test_wrong_calls_exit_2_and_name_the_mend(arguments: tuple[str, ...], message: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_linking_of_a_run(tmp_path: Path, shared_data: Path) -> None:
    bird, recorded = shared_data / "bird" / "dev", shared_data / "recorded" / "bird-gpt-4o"
    predictions = tmp_path / "final_sql.json"
    predictions.write_bytes((recorded / "final_sql.json").read_bytes())
    (tmp_path / "augmented_schema.json").write_bytes((recorded / "augmented_schema.json").read_bytes())
    done = call(
        *("--benchmark", "bird", "--questions", bird / "dev.json", "--databases", bird / "dev_databases"),
        *("--tables", bird / "dev_tables.json", "--predictions", predictions, "--only-present"),
        *("--drafts", bird / "drafts" / "gpt-4o.json", "--metrics", "ex", "--linking", "--json"),
    )
    linking = json.loads(done.stdout)["linking"]
    assert linking["draft"]["cases"] == linking["augmented"]["cases"] == 287
    # sam adds columns: it finds more of the gold's, and more that the gold does not use.
    assert linking["augmented"]["recall"] > linking["draft"]["recall"] > 0.8
    assert linking["augmented"]["precision"] < linking["draft"]["precision"]


def test_official_figures(shared_data: Path) -> None:
    """The known counts of right drafts: BIRD by sets, Spider by its script's rules."""
    bird = shared_data / "bird" / "dev"
    done = call(
        *("--benchmark", "bird", "--questions", bird / "dev.json", "--databases", bird / "dev_databases"),
        *("--predictions", shared_data / "recorded" / "bird-gpt-4o" / "final_sql.json", "--only-present"),
        *("--drafts", bird / "drafts" / "gpt-4o.json", "--metrics", "ex", "--json"),
    )
    drafts = json.loads(done.stdout)["drafts"]["ex"]
    assert (drafts["right_before"], drafts["right_after"]) == (211, 233)
    assert (drafts["fixed"], drafts["broken"]) == (34, 12)
    spider = shared_data / "spider"
    done = call(
        *("--benchmark", "spider", "--questions", spider / "dev.json", "--tables", spider / "tables.json"),
        *("--databases", spider / "database", "--predictions", spider / "drafts" / "codes-1b.json"),
        *("--metrics", "ex,em", "--json"),
    )
    assert json.loads(done.stdout)["total"]["right"] == {"ex": 397, "em": 369}


def _run_folder(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    lines = (json.dumps(row) for row in rows)
    (folder / "corrections.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "final_sql.json").write_text(json.dumps({row["id"]: row["sql"] for row in rows}))
    return folder


@pytest.fixture
def own(tmp_path: Path, shop_path: Path) -> Path:
    """Cases of one's own, without predictions: one draft is wrong, one is right."""
    file = tmp_path / "own.jsonl"
    rows = [
        {"id": "a", "database": str(shop_path), "gold": "SELECT 1", "draft": "SELECT 2", "question": "?"},
        {"id": 2, "database": str(shop_path), "gold": "SELECT 2", "draft": "SELECT 2", "question": "?"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("what", ["", "corrections.jsonl", "final_sql.json"])
def test_a_run_over_own_cases_is_scored(own: Path, tmp_path: Path, what: str) -> None:
    rows = [
        {
            "id": "a",
            "sql": "SELECT 1",
            "verdict": "corrected",
            "confidence": 0.9,
            "changes": ["res: added x"],
        },
        {"id": "2", "sql": "SELECT 3", "verdict": "corrected", "confidence": 0.4},
        {"id": "zzz", "sql": "SELECT 4"},
    ]
    run = _run_folder(tmp_path / "run", rows)
    done = call("--cases", own, "--predictions", run / what, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [(case["id"], case["ex"], case["draft"]["ex"]) for case in report["cases"]] == [
        ("a", True, False),
        (2, False, True),
    ]
    moved = report["drafts"]["ex"]
    assert (moved["fixed"], moved["broken"], moved["right_before"], moved["right_after"]) == (1, 1, 1, 1)
    assert report["extra"] == ["zzz"]
    assert ("verdicts" in report) == (what != "final_sql.json")


def test_drafts_of_own_cases_may_come_from_another_file(own: Path, tmp_path: Path) -> None:
    drafts = tmp_path / "drafts.json"
    drafts.write_text(json.dumps({"a": "SELECT 1", "2": "SELECT 1"}))
    run = _run_folder(tmp_path / "run", [{"id": "a", "sql": "SELECT 1"}, {"id": "2", "sql": "SELECT 2"}])
    report = json.loads(call("--cases", own, "--predictions", run, "--drafts", drafts, "--json").stdout)
    assert (report["drafts"]["ex"]["fixed"], report["drafts"]["ex"]["broken"]) == (1, 0)


def test_two_runs_over_own_cases_are_compared(own: Path, tmp_path: Path) -> None:
    first = _run_folder(tmp_path / "first", [{"id": "a", "sql": "SELECT 1"}])
    second = _run_folder(tmp_path / "second", [{"id": "2", "sql": "SELECT 2"}])
    done = call("--cases", own, "--predictions", first, "--predictions", second)
    assert done.exit_code == 0
    assert "first:" in done.stdout
    assert "second:" in done.stdout


def test_predictions_of_other_cases_are_refused(own: Path, tmp_path: Path) -> None:
    run = _run_folder(tmp_path / "run", [{"id": "other", "sql": "SELECT 1"}])
    done = call("--cases", own, "--predictions", run)
    assert done.exit_code != 0
    assert "expected SQL for the cases a, 2" in done.stderr
    assert "other" in done.stderr
    assert "give --predictions" in call("--cases", own).stderr


def test_the_tables_of_a_benchmark_must_be_of_its_databases(tmp_path: Path, shop_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.sqlite").write_bytes(shop_path.read_bytes())
    question = {"question_id": 1, "db_id": "shop", "question": "Q", "evidence": "", "SQL": "SELECT 1"}
    files = {"dev.json": [question], "drafts.json": {"1": "SELECT 1"}}
    for name in ("shop", "other"):
        table = {"db_id": name, "table_names_original": ["t"], "column_names_original": [[-1, "*"], [0, "a"]]}
        files[f"{name}.json"] = [
            table | {"column_types": ["text"] * 2, "primary_keys": [], "foreign_keys": []}
        ]
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    flags = ["--benchmark", "bird", "--questions", tmp_path / "dev.json", "--databases", tmp_path]
    flags += ["--predictions", tmp_path / "drafts.json", "--metrics", "ex", "--tables"]
    assert call(*flags, tmp_path / "shop.json").exit_code == 0
    done = call(*flags, tmp_path / "other.json")
    assert done.exit_code == 2
    assert "other.json knows nothing of shop" in done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ("--questions", "q.json"),
        ("--corrected", "g.json"),
        ("--only-present",),
        ("--linking",),
        ("--tables", "t.json"),
        ("--repeats", "3"),
        ("--pairing", "position"),
        ("--drafts", "d.json"),
        ("--keep-distinct",),
        ("--plug-values",),
        ("--cache", "c", "--no-cache"),
    ],
)
def test_no_flag_is_ignored_in_silence(cases: Path, flags: tuple[str, ...]) -> None:
    done = call("--cases", cases, *flags)
    assert done.exit_code == 2
    assert f"{flags[0]} would change nothing" in done.stderr


def test_a_flag_before_compare_is_refused(cases: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.json"
    first.write_text(call("--cases", cases, "--json").stdout)
    done = call("--cases", cases, "compare", first, first)
    assert done.exit_code == 2
    assert "--cases would change nothing" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("corrections.jsonl", '{"id": "a", "sql": "SELECT 1"}\nnull\n', "position 1: no id, where others"),
        ("corrections.jsonl", "null\n", "holds no corrections by id"),
        ("corrections.jsonl", "\0" * 100, "holds no corrections by id"),
        ("corrections.jsonl", '{"id": "a", "sql": "SELECT 1"}\n{"id": "2", "sq', "line 2 is not JSON"),
        ("corrections.jsonl", '{"id": "a", "sql": "SELECT 1"}\n' + "[" * 100_000, "line 2 is not JSON"),
        (
            "corrections.jsonl",
            '{"id": "a", "sql": "SELECT 1", "usage": {"sam": 5}}',
            "the case a is no run's",
        ),
        ("timings.jsonl", "[" * 100_000, "holds no times by case"),
        ("timings.jsonl", '{"id": "a", "seconds": {"sam": 1%s}}' % ("0" * 400), "holds no times by case"),
        ("timings.jsonl", "null", "holds no times by case"),
    ],
)
def test_a_damaged_run_is_named(own: Path, tmp_path: Path, name: str, text: str, said: str) -> None:
    run = _run_folder(tmp_path / "run", [{"id": "a", "sql": "SELECT 1"}, {"id": "2", "sql": "SELECT 2"}])
    assert call("--cases", own, "--predictions", run, "--json").exit_code == 0
    (run / name).write_text(text)
    done = call("--cases", own, "--predictions", run, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("share: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_large_and_deep_texts_are_scored(tmp_path: Path, shop_path: Path) -> None:
    texts = ["SELECT " * 14_000, "SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "SELECT '" * 100_000]
    texts += [
        " UNION ALL ".join(["SELECT 1"] * 450),
        "SELECT " + ", ".join(["1"] * 1_990),
        "WITH a " * 15_000,
    ]
    file = tmp_path / "cases.jsonl"
    pairs = [(text, "SELECT 1") for text in texts] + [("SELECT 1", text) for text in texts]
    rows = [
        {"id": at, "database": str(shop_path), "gold": gold, "prediction": prediction, "draft": prediction}
        for at, (gold, prediction) in enumerate([*pairs, ("SELECT 1", "SELECT 1")])
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("--cases", file, "--metrics", "ex,strict,soft-f1", "--no-cache", "--json")
    assert done.exit_code == 0, done.output
    cases = json.loads(done.stdout)["cases"]
    assert len(cases) == len(rows)
    assert cases[-1]["ex"]


@pytest.mark.parametrize("database", ["none.sqlite", "postgresql://user:secret@127.0.0.1:9/none"])
def test_gold_that_never_runs_is_no_score(database: str, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    case = {"id": "1", "database": database, "gold": "SELECT 1", "prediction": "SELECT 1"}
    file.write_text(json.dumps(case))
    done = call("--cases", file, "--metrics", "ex", "--json")
    assert done.exit_code == 1
    assert "no gold ran, so nothing was scored" in done.stderr
    assert "secret" not in done.output
    assert json.loads(done.stdout)["cases"][0]["ex"] is False


@pytest.fixture
def reference(tmp_path: Path, shop_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reference's data_config.json in the working folder, what it names, and a folder of its output."""
    place = tmp_path / "data" / "dbs" / "shop"
    place.mkdir(parents=True)
    (place / "shop.sqlite").write_bytes(shop_path.read_bytes())
    rows = [
        {"db_id": "shop", "question": "Q?", "evidence": "", "SQL": sql} for sql in ("SELECT 1", "SELECT 2")
    ]
    tables = {"db_id": "shop", "table_names_original": [], "column_names_original": [[-1, "*"]]}
    tables |= {"column_types": ["text"], "primary_keys": [], "foreign_keys": []}
    tag = "\t----- bird -----\tshop"
    files = {
        "data/dev.json": rows,
        "data/tables.json": [tables],
        "drafts.json": {"0": "SELECT 3" + tag, "1": "SELECT 2" + tag},
        "outputs/infer/final_sql.json": {"0": "SELECT 1" + tag, "1": "SELECT 2" + tag},
        "outputs/infer/augmented_schema.json": {"0": [], "1": []},
        "data_config.json": {
            "dev_data": "data/dev.json",
            "dev_db_dir": "data/dbs",
            "dev_tables": "data/tables.json",
            "dev_column_meaning": "data/not_read.json",
        },
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return Path("data_config.json")


@pytest.mark.parametrize("predictions", ["outputs/infer", "outputs/infer/final_sql.json"])
def test_the_references_config_and_output(reference: Path, predictions: str) -> None:
    done = call(
        "--data-config",
        reference,
        "--predictions",
        predictions,
        "--drafts",
        "drafts.json",
        "--linking",
        "--json",
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["total"]["ex"], report["drafts"]["ex"]["fixed"]) == (100, 1)


def test_the_references_trajectories_are_no_predictions(reference: Path) -> None:
    file = Path("outputs/infer/final_traj.jsonl")
    file.write_text(
        json.dumps({"idx": 0, "prompt": "", "response": "```SR\nres = df.select(a.b)\n```"}) + "\n"
    )
    done = call("--data-config", reference, "--predictions", file)
    assert done.exit_code == 2
    assert "holds trajectories, no SQL; a run's SQL is in its final_sql.json" in done.stderr


def test_a_run_folders_corrections_go_before_its_final_sql(reference: Path) -> None:
    folder = Path("outputs/infer")
    rows = [{"id": "0", "sql": "SELECT 0"}, {"id": "1", "sql": "SELECT 2"}]
    (folder / "corrections.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("--data-config", reference, "--predictions", folder, "--json")
    assert json.loads(done.stdout)["total"]["ex"] == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--part", "dev"), "--part belongs to --data-config"),
        (
            ("--data-config", "data_config.json", "--benchmark", "bird"),
            "--benchmark is what --data-config names",
        ),
        (("--data-config", "data_config.json", "--cases", "c.jsonl"), "not both"),
        (("--data-config", "data_config.json"), "needs --predictions"),
        (("--data-config", "data_config.json", "--part", "bird-train"), "lacks 'bird_train_data'"),
        (("--data-config", "none.json"), "none.json"),
    ],
)
def test_wrong_calls_with_a_data_config(reference: Path, arguments: tuple[str, ...], message: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
