from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import (
    BenchmarkError,
    DatabaseMissing,
    ModelRefused,
    ModelUnavailable,
    PromptError,
    RunFolderError,
)
from share_sql.models.base import ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.prompts.library import PromptSet, load_prompts
from share_sql.runfolder.journal import Journal
from share_sql.training.sources import SourceFiles, TrajectoryRow, load_source, read_rows
from share_sql.training.teacher import LEDGER, teach
from share_sql.training.validate import Validator
from share_sql.trajectory.from_sql import from_sql

from .conftest import CASES, SCHEMA, Make

BONN = "```SR\ndf1 = df.where(element = store.city, filter = 'Bonn')\nres = df1.select(store.name)\n```"
JENA = BONN.replace("Bonn", "Jena")


def by_id(rows: list[TrajectoryRow]) -> dict[str, TrajectoryRow]:
    return {row.id: row for row in rows}


def test_every_case_has_a_row_and_every_failure_a_cause(make_source: Make, tmp_path: Path) -> None:
    cases = [*CASES, {"id": "6", "question": "No database", "gold": "SELECT 1", "database": "nowhere"}]
    rows = teach(make_source(cases), tmp_path / "data")
    assert [row.id for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row.proof for row in rows] == ["rows", "rows", "rows", "rows", "", ""]
    assert rows[4].cause
    assert "nowhere" in (rows[5].cause or "")
    assert read_rows(tmp_path / "data") == by_id(rows)


def test_without_a_database_the_proof_is_by_trajectory(make_source: Make, tmp_path: Path) -> None:
    rows = teach(make_source(live=False), tmp_path / "data")
    assert [row.proof for row in rows] == ["trajectory"] * 4 + [""]
    assert all(row.paper for row in rows[:4])


def test_gold_outside_the_schema_says_so(make_source: Make, tmp_path: Path) -> None:
    cases = [{"id": "1", "question": "?", "gold": "SELECT owner FROM store"}]
    (row,) = teach(make_source(cases, live=False), tmp_path / "data")
    assert row.outside == ("owner",)


def test_an_empty_result_alone_proves_nothing(make_source: Make) -> None:
    source = make_source()
    validator = Validator(source)
    gold = "SELECT name FROM store WHERE city = 'Ulm'"
    own = from_sql(gold, SCHEMA)
    assert validator.same_query("shop", "SELECT name FROM store WHERE city = 'Ulm'", gold, own).holds
    proof = validator.same_query("shop", "SELECT city FROM store WHERE city = 'Ulm'", gold, own)
    assert not proof.holds
    assert proof.cause


def test_other_rows_and_failing_sql_are_no_proof(make_source: Make) -> None:
    validator = Validator(make_source())
    gold = "SELECT name FROM store"
    own = from_sql(gold, SCHEMA)
    assert "other rows" in (validator.same_query("shop", "SELECT city FROM store", gold, own).cause or "")
    assert "does not run" in (validator.same_query("shop", "SELECT x FROM store", gold, own).cause or "")


def test_order_counts_where_gold_sorts(make_source: Make) -> None:
    validator = Validator(make_source())
    gold = "SELECT name FROM store ORDER BY size"
    proof = validator.same_query("shop", "SELECT name FROM store", gold, from_sql(gold, SCHEMA))
    assert not proof.holds


def taught(
    make_source: Make, folder: Path, answers: Any, cases: int = 1, **roles: Any
) -> list[TrajectoryRow]:
    models = {"teacher": ScriptedModel(answers, "wise")}
    models |= {role: ScriptedModel(answer, role) for role, answer in roles.items()}
    return teach(make_source(CASES[:cases]), folder, models=models, prompts=load_prompts())


def test_a_teacher_s_trajectory_is_proved_by_rows(make_source: Make, tmp_path: Path) -> None:
    (row,) = taught(make_source, tmp_path / "data", {"teacher": BONN})
    assert (row.proof, row.by, row.cause) == ("rows", "wise", None)
    assert row.usage["teacher"]["requests"] == 1


@pytest.mark.parametrize(("word", "proof"), [("Yes.", "model"), ("no", ""), ("Not yes but no", "")])
def test_where_rows_differ_a_model_has_the_last_word(
    make_source: Make, tmp_path: Path, word: str, proof: str
) -> None:
    (row,) = taught(make_source, tmp_path / "data", {"teacher": JENA}, judge={"judge": word})
    assert row.proof == proof
    assert (row.cause is None) == bool(proof)
    assert row.usage["judge"]["requests"] == 1


def test_what_does_not_compile_is_converted(make_source: Make, tmp_path: Path) -> None:
    unclear = "```SR\nres = df.select(name_of_store_in_bonn)\n```"
    sql = "```sqlite\nSELECT name FROM store WHERE city = 'Bonn'\n```"
    (row,) = taught(make_source, tmp_path / "a", {"teacher": unclear}, generator={"generator": sql})
    assert row.proof == "rows"
    (row,) = taught(make_source, tmp_path / "b", {"teacher": unclear})
    assert "does not compile" in (row.cause or "")


@pytest.mark.parametrize("answer", ["", "I cannot.", ModelRefused("no such model")])
def test_an_answer_without_a_trajectory_is_a_row_with_a_cause(
    make_source: Make, tmp_path: Path, answer: Any
) -> None:
    (row,) = taught(make_source, tmp_path / "data", {"teacher": answer})
    assert row.trajectory is None
    assert row.cause


def test_work_goes_on_and_asks_nothing_twice(make_source: Make, tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str | BaseException:
        return BONN if request.case_id == "1" else ModelUnavailable("the server is down")

    rows = taught(make_source, tmp_path / "data", answer, cases=2)
    assert [row.proof for row in rows] == ["rows", ""]
    assert rows[1].cause == "the server is down"

    second = ScriptedModel({"teacher": "no trajectory"}, "wise")
    rows = teach(
        make_source(CASES[:2]), tmp_path / "data", models={"teacher": second}, prompts=load_prompts()
    )
    assert [request.case_id for request in second.requests] == ["2"]
    assert rows[0].proof == "rows"
    ledger = json.loads((tmp_path / "data" / LEDGER).read_text())
    assert ledger["teacher"]["requests"] == 2


def test_other_work_in_the_folder_is_refused(make_source: Make, tmp_path: Path) -> None:
    teach(make_source(CASES[:2]), tmp_path / "data")
    with pytest.raises(RunFolderError, match="other cases"):
        teach(make_source(CASES[1:3]), tmp_path / "data")


def test_the_teacher_sees_question_sql_and_columns(make_source: Make, tmp_path: Path) -> None:
    model = ScriptedModel({"teacher": BONN})
    teach(make_source(CASES[:1]), tmp_path / "d", models={"teacher": model}, prompts=load_prompts())
    text = model.requests[0].messages[-1].content
    for part in ("Which stores are in Bonn?", CASES[0]["gold"], "store.city"):
        assert part in text


def test_a_prompt_set_without_a_teacher_fails_before_any_case(make_source: Make, tmp_path: Path) -> None:
    whole = load_prompts()
    small = PromptSet("small", {"bam": whole.templates["bam"]})
    model = ScriptedModel({"teacher": BONN})
    with pytest.raises(PromptError, match="teacher"):
        teach(make_source(CASES[:1]), tmp_path / "d", models={"teacher": model}, prompts=small)
    assert not model.requests


def test_a_journal_that_cannot_be_written_is_one_error(
    make_source: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal, position: int, row: Any) -> None:
        raise RunFolderError("the disk is full")

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(RunFolderError, match="disk is full"):
        teach(make_source(), tmp_path / "d")


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="share data teacher"):
        SourceFiles.of(tmp_path)
    with pytest.raises(BenchmarkError, match="share data teacher"):
        read_rows(tmp_path)


def test_a_database_without_file_or_schema_is_named(make_source: Make) -> None:
    with pytest.raises(DatabaseMissing, match="nowhere"):
        make_source([{"id": "1", "question": "?", "gold": "SELECT 1", "database": "nowhere"}]).schema(
            "nowhere"
        )


@pytest.mark.parametrize("benchmark", ["spider", "bird"])
def test_benchmark_gold_is_proved(shared_data: Path, tmp_path: Path, benchmark: str) -> None:
    folder = shared_data / ("spider" if benchmark == "spider" else "bird/train")
    source = load_source(
        SourceFiles(
            benchmark,
            benchmark,
            benchmark=benchmark,
            questions=str(folder / "train.json"),
            tables=str(folder / ("tables.json" if benchmark == "spider" else "train_tables.json")),
            databases=str(folder / "database") if benchmark == "spider" else None,
        )
    )
    rows = teach(source, tmp_path / "data", limit=60)
    source.close()
    assert sum(row.proved for row in rows) >= 59
