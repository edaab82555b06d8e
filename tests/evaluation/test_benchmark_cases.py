"""A benchmark's files as cases: pairing, missing and extra ids, the wrong files, corrected gold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.errors import BenchmarkError, CaseError
from share_sql.evaluation.benchmark_cases import read_benchmark, read_questions, same_columns
from share_sql.evaluation.inputs import read_eval_cases

BIRD = [
    {"question_id": 7, "db_id": "d", "question": "how many", "SQL": "SELECT 1", "difficulty": "simple"},
    {"question_id": 9, "db_id": "d", "question": "which", "SQL": "SELECT 2", "difficulty": "moderate"},
]
SPIDER = [{"db_id": "d", "question": "how many", "query": "SELECT 1"}]


@pytest.fixture
def folder(tmp_path: Path, shop_path: Path) -> Path:
    (tmp_path / "databases" / "d").mkdir(parents=True)
    (tmp_path / "databases" / "d" / "d.sqlite").write_bytes(shop_path.read_bytes())
    (tmp_path / "bird.json").write_text(json.dumps(BIRD))
    (tmp_path / "spider.json").write_text(json.dumps(SPIDER))
    return tmp_path


def put(folder: Path, name: str, value: object) -> Path:
    file = folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def test_by_id_with_missing_and_extra(folder: Path) -> None:
    predictions = put(folder, "p.json", {"9": "SELECT 2\t----- bird -----\td", "11": "SELECT 3"})
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    found = read_benchmark(loaded, predictions=predictions)
    assert [(case.id, case.prediction) for case in found.cases] == [("7", None), ("9", "SELECT 2")]
    assert found.extra == ("11",)
    assert found.cases[1].difficulty == "moderate"


def test_by_position_ids_are_passed_over(folder: Path) -> None:
    predictions = put(folder, "p.json", {"0": "SELECT 5", "1": "SELECT 6", "2": "SELECT 7"})
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    found = read_benchmark(loaded, predictions=predictions, by_position=True)
    assert [case.prediction for case in found.cases] == ["SELECT 5", "SELECT 6"]
    assert found.extra == ("position 2",)


def test_a_run_folder_brings_confidence_and_reason(folder: Path) -> None:
    (folder / "run").mkdir()
    row = {"id": "7", "sql": "SELECT 1", "verdict": "corrected", "confidence": 0.9, "reason": "a name"}
    row |= {"changes": ["+ x"], "usage": {"sam": {"prompt_tokens": 3, "completion_tokens": 4}}}
    put(folder, "run/corrections.jsonl", json.dumps(row) + "\n")
    times = put(folder, "run/timings.jsonl", '{"id": "7", "seconds": {"sam": 1.5}, "total": 1.5}\n')
    drafts = put(folder, "drafts.json", ["SELECT 0", "SELECT 0"])
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    case = read_benchmark(loaded, predictions=folder / "run", drafts=drafts).cases[0]
    assert case.seconds == {"sam": 1.5}
    assert read_benchmark(loaded, predictions=folder / "run/corrections.jsonl").cases[0].seconds
    put(folder, "run/timings.jsonl", '{"id": "7"}\n')
    with pytest.raises(BenchmarkError, match="holds no times"):
        read_benchmark(loaded, predictions=folder / "run")
    times.unlink()  # a run made before times were kept
    assert read_benchmark(loaded, predictions=folder / "run").cases[0].seconds == {}
    assert (case.verdict, case.confidence, case.reason, case.draft) == (
        "corrected",
        0.9,
        "a name",
        "SELECT 0",
    )
    assert (case.changes, case.tokens) == (("+ x",), {"sam": (3, 4)})


def test_the_wrong_benchmark_is_named(folder: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"expected spider's questions.*found bird's"):
        read_questions("spider", folder / "bird.json", folder / "databases")
    with pytest.raises(BenchmarkError, match=r"expected bird's questions.*found spider's"):
        read_questions("bird", folder / "spider.json", folder / "databases")


def test_predictions_of_another_set_are_named(folder: Path) -> None:
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    with pytest.raises(BenchmarkError, match="found ids 500"):
        read_benchmark(loaded, predictions=put(folder, "p.json", {"500": "SELECT 1"}))
    tagged = dict.fromkeys(("7", "9"), "SELECT 1\t----- bird -----\tother")
    with pytest.raises(BenchmarkError, match="2 of 2 tagged for another"):
        read_benchmark(loaded, predictions=put(folder, "p.json", tagged))


def test_only_questions_whose_database_is_there(folder: Path) -> None:
    put(folder, "bird.json", [*BIRD, BIRD[0] | {"question_id": 10, "db_id": "gone"}])
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    predictions = put(folder, "p.json", {"7": "SELECT 1"})
    assert len(read_benchmark(loaded, predictions=predictions).cases) == 3
    found = read_benchmark(loaded, predictions=predictions, only_present=True)
    assert [case.id for case in found.cases] == ["7", "9"]
    assert "1 questions left out" in found.warnings[0]


@pytest.mark.parametrize("gold", [[{"question_id": 9, "SQL": "SELECT 99"}], {"9": "SELECT 99"}])
def test_corrected_gold(folder: Path, gold: object) -> None:
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    predictions = put(folder, "p.json", {"7": "SELECT 1"})
    found = read_benchmark(loaded, predictions=predictions, corrected=put(folder, "gold.json", gold))
    assert [case.gold for case in found.cases] == ["SELECT 1", "SELECT 2"]
    assert [(case.id, case.gold) for case in found.corrected] == [("9", "SELECT 99")]
    assert not found.warnings
    with pytest.raises(BenchmarkError, match="found none for these questions"):
        read_benchmark(loaded, predictions=predictions, corrected=put(folder, "gold.json", {"1": "SELECT 1"}))


def test_corrected_questions_that_ask_otherwise_are_told(folder: Path) -> None:
    loaded = read_questions("bird", folder / "bird.json", folder / "databases")
    predictions = put(folder, "p.json", {"7": "SELECT 1"})
    same = {"idx": 7, "question": "how  many", "evidence": "", "SQL": "SELECT 70"}
    other = {"question_id": "9", "idx": 0, "question": "which one", "SQL": "SELECT 90"}
    gold = put(folder, "gold.json", [same, other, other | {"question_id": "12"}])
    found = read_benchmark(loaded, predictions=predictions, corrected=gold)
    assert [(case.id, case.gold) for case in found.corrected] == [("7", "SELECT 70"), ("9", "SELECT 90")]
    assert "1 of 2 corrected questions have another question or evidence" in found.warnings[0]


def test_foreign_keys_of_tables_json(folder: Path) -> None:
    entry = {
        "db_id": "d",
        "table_names_original": ["A", "B"],
        "column_names_original": [[-1, "*"], [0, "Id"], [1, "A_id"]],
        "foreign_keys": [[2, 1]],
    }
    assert same_columns(put(folder, "t.json", [entry])) == {"d": {"a.id": "a.id", "b.a_id": "a.id"}}
    with pytest.raises(BenchmarkError, match=r"no tables\.json"):
        same_columns(folder / "bird.json")


def test_cases_from_lines(folder: Path) -> None:
    database = str(folder / "databases" / "d" / "d.sqlite")
    lines = [
        {"id": 3, "database": database, "gold": "SELECT 1", "prediction": "SELECT 1"},
        {"id": "x", "database": "d", "gold": "SELECT 1", "prediction": None},
        {"id": "x", "database": "databases/d/d.sqlite", "gold": "SELECT 1"},
    ]
    file = put(folder, "cases.jsonl", "\n".join(json.dumps(line) for line in lines))
    found = read_eval_cases(file, folder / "databases")
    assert [case.id for case in found.cases] == [3, "x", "x"]
    assert all(Path(case.database).is_file() for case in found.cases[:2])
    assert "more than once" in found.warnings[0]
    assert Path(read_eval_cases(file).cases[2].database).is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no cases"),
        ("{]", "line 1 is no valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"id": 1, "gold": "SELECT 1"}', "no `database`"),
        ('{"id": 1, "database": "d"}', "no `gold`"),
        ('{"id": 1, "database": "d", "gold": "", "prediction": 5}', "`prediction` is int, not text"),
        ('{"id": [1], "database": "d", "gold": ""}', "neither text nor a whole number"),
    ],
)
def test_bad_lines_are_named(folder: Path, text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        read_eval_cases(put(folder, "cases.jsonl", text))
