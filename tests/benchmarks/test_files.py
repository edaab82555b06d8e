"""BIRD's and Spider's files become cases; what does not fit together is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.benchmarks.data_config import PARTS, read_data_config
from share_sql.benchmarks.files import BenchmarkFiles, database_path, load
from share_sql.catalog import Catalog
from share_sql.errors import BenchmarkError
from share_sql.schema.model import ColumnName

TABLES = [
    {
        "db_id": "shop",
        "table_names_original": ["item"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "unit price"]],
        "column_types": ["text", "number", "number"],
        "primary_keys": [1],
        "foreign_keys": [],
    }
]


def bird_question(**fields: object) -> dict[str, object]:
    return {"db_id": "shop", "question": "Q", "evidence": "E", "SQL": "SELECT 1", **fields}


def files(folder: Path, questions: object, drafts: object = None, benchmark: str = "bird") -> BenchmarkFiles:
    (folder / "dbs" / "shop").mkdir(parents=True, exist_ok=True)
    for name, value in (("questions", questions), ("tables", TABLES), ("drafts", drafts)):
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    (folder / "meaning.json").write_text('{"shop|item|unit price": "#in euros"}', encoding="utf-8")
    return BenchmarkFiles(
        benchmark,
        folder / "questions.json",
        folder / "dbs",
        folder / "tables.json",
        folder / "meaning.json",
        folder / "drafts.json" if drafts is not None else None,
    )


def test_bird_with_drafts_by_id(tmp_path: Path) -> None:
    questions = [bird_question(question_id=9, difficulty="simple"), bird_question(question_id=4)]
    drafts = {"4": "SELECT 4\t----- bird -----\tshop", "9": "SELECT 9\t----- bird -----\tshop", "77": "x"}
    bench = load(files(tmp_path, questions, drafts))
    first, second = bench.cases
    assert (first.case.id, first.case.draft, first.case.evidence) == ("9", "SELECT 9", "E")
    assert (first.gold, first.difficulty) == ("SELECT 1", "simple")
    assert (second.case.id, second.case.draft) == ("4", "SELECT 4")
    shop = bench.databases["shop"]
    assert shop.path == tmp_path / "dbs" / "shop" / "shop.sqlite"
    assert shop.declared is not None
    assert shop.declared.column("item", "unit price") is not None
    assert "in euros" in shop.meanings[ColumnName("item", "unit price")]
    catalog = Catalog()
    bench.register(catalog)
    assert catalog.names == ("shop",)


def test_the_idx_field_is_the_id_where_there_is_one(tmp_path: Path) -> None:
    bench = load(files(tmp_path, [bird_question(question_id="mod_1", idx=5)], {"5": "SELECT 5"}))
    assert [(each.case.id, each.case.draft) for each in bench.cases] == [("5", "SELECT 5")]


def test_spider_goes_by_position(tmp_path: Path) -> None:
    questions = [{"db_id": "shop", "question": "Q", "query": f"SELECT {at}"} for at in (0, 1)]
    bench = load(files(tmp_path, questions, ["SELECT a", "SELECT b"], "spider"))
    assert [(each.case.id, each.case.draft, each.gold) for each in bench.cases] == [
        ("0", "SELECT a", "SELECT 0"),
        ("1", "SELECT b", "SELECT 1"),
    ]


@pytest.mark.parametrize("drafts", [["SELECT a"], {"0": "SELECT a"}])
def test_questions_without_a_draft_are_reported_and_not_lost(tmp_path: Path, drafts: object) -> None:
    questions = [bird_question(), bird_question(), bird_question()]
    bench = load(files(tmp_path, questions, drafts))
    assert [each.case.id for each in bench.cases] == ["0", "1", "2"]
    assert bench.cases[0].problem is None
    assert bench.cases[2].problem == "the drafts file drafts.json has no draft for the question 2"
    assert bench.cases[2].case.draft == ""


def test_a_draft_that_is_no_sql_costs_no_other(tmp_path: Path) -> None:
    questions = [bird_question(), bird_question(), bird_question()]
    bench = load(files(tmp_path, questions, {"0": "SELECT 0", "1": 5, "2": "SELECT 2"}))
    assert [each.case.draft for each in bench.cases] == ["SELECT 0", "", "SELECT 2"]
    assert [each.problem is None for each in bench.cases] == [True, False, True]
    assert "id 1: expected SQL as text, found int" in str(bench.cases[1].problem)


def test_names_that_no_database_has_cost_no_other(tmp_path: Path) -> None:
    names = ["a" * 300, "a\0b", "a\ud800b", "..", "a/b", "~", "c" * 100_000, "shop"]
    bench = load(files(tmp_path, [bird_question(db_id=name) for name in names]))
    assert list(bench.databases) == names
    assert {database.path.parent.parent for database in bench.databases.values()} == {tmp_path / "dbs"}


def test_bad_questions_cost_no_other(tmp_path: Path) -> None:
    questions = [
        bird_question(question_id=1),
        "what?",
        bird_question(question_id=1),
        bird_question(question_id=2, db_id=None),
        bird_question(question_id=[3]),
        bird_question(question_id=6),
    ]
    bench = load(files(tmp_path, questions))
    problems = [each.problem for each in bench.cases]
    assert problems[0] is None
    assert problems[5] is None
    assert "expected a JSON object" in str(problems[1])
    assert "the id '1' is taken already" in str(problems[2])
    assert "'db_id' is missing" in str(problems[3])
    assert "neither text nor a number" in str(problems[4])


@pytest.mark.parametrize(
    ("drafts", "reason"),
    [
        (["a", "b", "c"], "3 drafts by position for 2 questions"),
        ({"x": "a", "y": "b"}, "no draft for any of the 2 questions: its ids are x, y"),
        (
            {"0": "a\t----- bird -----\tbank", "1": "b\t----- bird -----\tbank"},
            "2 of 2 drafts are tagged for another database",
        ),
    ],
)
def test_drafts_of_other_questions_are_refused(tmp_path: Path, drafts: object, reason: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        load(files(tmp_path, [bird_question(), bird_question()], drafts))
    assert reason in str(caught.value)


@pytest.mark.parametrize("questions", [{}, [], "text"])
def test_a_questions_file_of_another_kind_is_refused(tmp_path: Path, questions: object) -> None:
    with pytest.raises(BenchmarkError, match="expected a JSON list"):
        load(files(tmp_path, questions))


def test_a_missing_databases_folder_is_named(tmp_path: Path) -> None:
    good = files(tmp_path, [bird_question()])
    missing = BenchmarkFiles("bird", good.questions, tmp_path / "nowhere")
    with pytest.raises(BenchmarkError, match="there is no folder"):
        load(missing)


@pytest.mark.parametrize("name", ["../shop", "..", "a/b", "/etc"])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    assert database_path(tmp_path / "dbs", name) == tmp_path / "dbs" / "_" / "_.sqlite"


def test_a_data_config_names_the_parts_files(tmp_path: Path) -> None:
    config = {
        "dev_db_dir": "data/dbs",
        "dev_column_meaning": "data/meaning.json",
        "dev_tables": "data/tables.json",
        "dev_data": "data/dev.json",
        "spider_db_dir": "spider/dbs",
        "spider_train_data": "spider/train.json",
        "bird_train_db_dir": "train/dbs",
        "bird_train_data": "train/train.json",
        "bird_train_baseline": "train/baseline_sql.json",
        "ft_data_dir": "ft_data",
    }
    path = tmp_path / "data_config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    root = Path("/some/where")
    assert read_data_config(path, root=root) == BenchmarkFiles(
        "bird",
        root / "data/dev.json",
        root / "data/dbs",
        root / "data/tables.json",
        root / "data/meaning.json",
    )
    spider = read_data_config(path, "spider-train", root)
    assert (spider.benchmark, spider.tables, spider.drafts) == ("spider", None, None)
    assert read_data_config(path, "bird-train", root).drafts == root / "train/baseline_sql.json"
    path.write_text('{"dev_data": "x"}', encoding="utf-8")
    with pytest.raises(BenchmarkError, match="lacks 'dev_db_dir', the path of the dev databases"):
        read_data_config(path)


@pytest.mark.parametrize("part", PARTS)
def test_the_shipped_data_config_names_every_part(part: str) -> None:
    shipped = Path(__file__).parents[2] / "configs" / "data_config.json"
    found = read_data_config(shipped, part)
    assert found.meanings
    assert found.tables
    assert (found.drafts is None) == (part == "spider-train")
