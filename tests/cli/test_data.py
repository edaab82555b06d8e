"""`share data`, from labelled cases to LLaMA-Factory's files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from share_sql.cli.main import cli
from share_sql.errors import ModelRefused
from share_sql.models.base import Model, ModelRequest
from share_sql.models.scripted import ScriptedModel

GOLD = {
    "1": ("SELECT name FROM store WHERE city = 'Bonn'", "SELECT name FROM store WHERE city = 'Jena'"),
    "2": ("SELECT SUM(amount) FROM sale", "SELECT SUM(amount) AS total FROM sale"),
    "3": ("SELECT COUNT(*) FROM store", "SELECT COUNT(*) FROM sale WHERE id > 1"),
}
GOLD_TRAJECTORIES = {
    "1": "res = df.where(element = store.city, filter = 'Bonn').select(store.name)",
    "2": "res = df.sum(sale.amount)",
    "3": "res = df.count(store.*)",
}


@pytest.fixture
def cases(tmp_path: Path, shop: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    lines = [
        {"id": name, "question": f"Question {name}?", "database": shop.name, "gold": gold, "draft": draft}
        for name, (gold, draft) in GOLD.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments], prog_name="share")
    return int(ended.value.code or 0)


def test_from_labelled_cases_to_training_data(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "ft_data"
    assert call("data", "teacher", data, "--cases", cases, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cases"], told["proved"], told["model calls"]) == (3, 3, 0)
    for role, examples in (("bam", 3), ("sam", 3), ("lom", 2)):
        assert call("data", role, data, "--out", out, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["examples"] == examples
        rows = json.loads((out / f"{role}_train_data.json").read_text())
        assert all(row["instruction"] and row["output"].startswith("```SR") for row in rows)
    assert told["drafts"]["schema right, execution right"] == 1
    assert set(json.loads((out / "dataset_info.json").read_text())) == {
        "bam_train_data",
        "sam_train_data",
        "lom_train_data",
    }
    assert json.loads((out / "error_profile.json").read_text())["kinds"]
    assert call("data", "stats", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["bam"]["examples"] == 3
    assert call("data", "stats", out) == 0
    assert "3 examples" in capsys.readouterr().out


def test_the_whole_road_with_a_scripted_teacher(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "1": "df1 = df.where(element = store.city, filter = 'Bonn')\nres = df1.select(store.name)",
        "2": "res = df.select(sum(sale.amount))",
        "3": "res = df.select(sum(sale.id))",  # the judge says no
    }

    def answer(request: ModelRequest) -> str:
        if request.role == "judge":
            return "no"
        return f"```SR\n{texts[request.case_id]}\n```"

    model = ScriptedModel(answer)

    def load(spec: str) -> Mapping[str, Model]:
        return {} if spec == "none" else dict.fromkeys(("teacher", "judge", "bam"), model)

    monkeypatch.setattr("share_sql.models.load.load_models", load)
    data, out = tmp_path / "data", tmp_path / "ft_data"
    for _ in range(2):  # the second time nothing is asked
        assert call("data", "teacher", data, "--cases", cases, "--models", "m.toml", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["proofs"] == {"rows": 2}
        assert sum(told["failed"].values()) == 1
        assert len(model.requests) == 4
    for role, examples in (("bam", 2), ("sam", 2), ("lom", 2)):
        models = () if role == "bam" else ("--models", "m.toml")
        assert call("data", role, data, "--out", out, *models, "--json") == 0
        assert json.loads(capsys.readouterr().out)["examples"] == examples
    assert len(model.requests) == 4 + 3  # the drafts' trajectories, asked once for both
    ledger = json.loads((data / "teacher_usage.json").read_text())
    assert (ledger["teacher"]["requests"], ledger["judge"]["requests"]) == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("teacher", "d"), "exactly one of --cases, --benchmark and --data-config"),
        (("teacher", "d", "--benchmark", "bird"), "--questions"),
        (("teacher", "d", "--cases", "c.jsonl", "--drafts", "x.json"), "--cases holds both"),
        (("teacher", "d", "--cases", "missing.jsonl"), "missing.jsonl"),
        (("bam", "missing", "--out", "o"), "share data teacher"),
        (("stats", "missing"), "share data bam"),
    ],
)
def test_wrong_calls_name_the_mend(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("data", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_folders_of_one_name_are_refused(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        assert call("data", "teacher", tmp_path / folder, "--cases", cases, "--name", "same") == 0
    assert call("data", "bam", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out") == 2
    assert "same" in capsys.readouterr().err


def test_another_profile_is_used_where_one_is_given(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"kinds": {"aggregate": 1}, "sizes": {"1": 1}}))
    assert call("data", "teacher", data, "--cases", cases) == 0
    assert call("data", "lom", data, "--out", out, "--profile", profile) == 0
    rows = json.loads((out / "lom_train_data.json").read_text())
    assert [row["errors"] for row in rows if row["kind"] == "perturbed"] == ["aggregate"]
    profile.write_text("{}")
    assert call("data", "lom", data, "--out", out, "--profile", profile) == 2
    capsys.readouterr()


def test_a_limit_is_kept_and_another_goes_on(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "ft_data"

    def rows() -> list[str]:
        return [json.loads(line)["id"] for line in (data / "trajectories.jsonl").read_text().splitlines()]

    for limit, wanted in ((1, ["1"]), (2, ["1", "2"]), (1, ["1"])):
        assert call("data", "teacher", data, "--cases", cases, "--limit", limit, "--json") == 0
        assert json.loads(capsys.readouterr().out)["cases"] == limit
        assert rows() == wanted
    for role in ("bam", "sam", "lom"):
        call("data", role, data, "--out", out, "--json")
        told = json.loads(capsys.readouterr().out)
        assert told["examples"] <= 1
    # Drafts that the teacher has not come to are not looked at.
    assert [json.loads(line)["id"] for line in (data / "drafts.jsonl").read_text().splitlines()] == ["1"]
    assert call("data", "teacher", data, "--cases", cases, "--json") == 0
    assert rows() == ["1", "2", "3"]


def test_a_teacher_that_does_not_answer_is_told_and_asked_again(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    down = ScriptedModel(lambda request: ModelRefused("the key is expired; set MY_KEY"))
    up = ScriptedModel(lambda request: f"```SR\n{GOLD_TRAJECTORIES[request.case_id]}\n```")
    models: Mapping[str, Model] = {"teacher": down}
    monkeypatch.setattr("share_sql.cli.data.models_for", lambda spec: models)
    data = tmp_path / "data"
    teach = ("data", "teacher", data, "--cases", cases, "--models", "m.toml", "--json")
    assert call(*teach) == 1
    assert capsys.readouterr().err == (
        "share: 3 of 3 cases lost a model (the key is expired; set MY_KEY); the same command asks for them "
        "again\n"
    )
    models = {"teacher": up}
    assert call(*teach) == 0
    assert json.loads(capsys.readouterr().out)["proved"] == 3

    many = tmp_path / "many.jsonl"
    line = json.loads(cases.read_text().splitlines()[0])
    many.write_text("".join(json.dumps({**line, "id": str(at)}) + "\n" for at in range(50)))
    down.requests.clear()
    models = {"teacher": down}
    other = ("data", "teacher", tmp_path / "other", "--cases", many, "--models", "m.toml")
    assert call(*other, "--concurrency", "1") == 1
    assert len(down.requests) == 8
    assert "stopped with 42 of 50 cases not tried: no model answered" in capsys.readouterr().err
    assert not (tmp_path / "other" / "trajectories.jsonl").exists()


def data_config(folder: Path, shop: Path) -> Path:
    """A data_config.json as the reference has it, and what it names but for BIRD's databases."""
    place = folder / "spider" / "database" / "shop"
    place.mkdir(parents=True)
    shop.rename(place / "shop.sqlite")
    gold, draft = GOLD["1"]
    (folder / "spider.json").write_text(json.dumps([{"db_id": "shop", "question": "Q?", "query": gold}]))
    (folder / "bird.json").write_text(
        json.dumps([{"db_id": "shop", "question": "Q?", "evidence": "", "SQL": gold}])
    )
    (folder / "baseline.json").write_text(json.dumps({"0": draft + "\t----- bird -----\tshop"}))
    tables = {
        "db_id": "shop",
        "table_names_original": ["store"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "name"], [0, "city"]],
        "column_types": ["text", "number", "text", "text"],
        "primary_keys": [1],
        "foreign_keys": [],
    }
    (folder / "tables.json").write_text(json.dumps([tables]))
    path = folder / "data_config.json"
    config = {
        "spider_train_data": "spider.json",
        "spider_tables": "tables.json",
        "spider_db_dir": "spider/database",
        "bird_train_data": "bird.json",
        "bird_train_tables": "tables.json",
        "bird_train_db_dir": "bird/train_databases",
        "bird_train_baseline": "baseline.json",
        "ft_data_dir": "ft_data",
    }
    path.write_text(json.dumps(config))
    return path


def test_a_data_config_stands_for_the_files(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = data_config(tmp_path, shop)
    monkeypatch.chdir(tmp_path)
    teach = ("data", "teacher", "--data-config", config, "--json")
    assert call(*teach, "one", "--part", "spider-train") == 0
    assert json.loads(capsys.readouterr().out)["proofs"] == {"rows": 1}
    # The file names BIRD's databases; where they were not downloaded, that is told, and trajectories prove.
    assert call(*teach, "two", "--part", "bird-train") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["proofs"] == {"trajectory": 1}
    assert (
        f"there is no folder {tmp_path / 'bird/train_databases'}; it is done without the databases"
        in told.err
    )
    assert json.loads((tmp_path / "two" / "source.json").read_text())["drafts"] == str(
        tmp_path / "baseline.json"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "--data-config needs --part: one of dev, bird-train, spider-train, spider-dev"),
        (("--part", "spider-train", "--questions", "q.json"), "--questions is what --data-config names"),
        (("--part", "spider-train", "--benchmark", "bird"), "--benchmark is what --data-config names"),
        (("--part", "spider-train", "--cases", "c.jsonl"), "exactly one of --cases"),
    ],
)
def test_what_a_data_config_cannot_stand_beside_is_refused(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], message: str
) -> None:
    config = data_config(tmp_path, shop)
    assert call("data", "teacher", tmp_path / "data", "--data-config", config, *more) == 2
    assert message in capsys.readouterr().err
