from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import AnswerMissing, RunFolderError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.recorded import RecordedModel

Ask = Callable[..., ModelRequest]


def lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "original_traj.jsonl").write_text(
        lines(
            {"idx": 0, "prompt": "p0", "response": "df0 = grüß"},
            {"idx": 7, "prompt": "p7", "response": "df7"},
            {"idx": "q-1", "prompt": "pq", "response": "dfq"},
        )
    )
    (tmp_path / "augmented_schema.json").write_text(json.dumps({"7": ["t.a", "t.b"]}))
    (tmp_path / "final_sql.json").write_text(
        json.dumps({"7": "SELECT 1\t----- bird -----\tshop", "8": "SELECT 2"})
    )
    (tmp_path / "prompts_for_generator.jsonl").write_text(lines({"idx": 7, "prompt": "write it again"}))
    return tmp_path


def ask(model: RecordedModel, request: ModelRequest) -> ModelReply:
    return asyncio.run(model.ask(request))


def test_finds_an_answer_by_role_and_case(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="bam", case_id="7")).text == "df7"


def test_finds_a_case_whose_id_is_text(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="bam", case_id="q-1")).text == "dfq"


def test_finds_cases_in_any_order(folder: Path, request_of: Ask) -> None:
    model = RecordedModel(folder)
    found = [ask(model, request_of(role="bam", case_id=case)).text for case in ("q-1", "7", "0")]
    assert found == ["dfq", "df7", "df0 = grüß"]


def test_spends_no_request(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="bam", case_id="7")).usage.requests == 0


def test_generator_gives_the_final_sql_without_the_databases_name(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="generator", case_id="7")).text == "SELECT 1"


def test_generator_takes_sql_without_a_database_name(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="generator", case_id="8")).text == "SELECT 2"


def test_sam_is_stood_in_for_by_the_augmented_schema(folder: Path, request_of: Ask) -> None:
    assert ask(RecordedModel(folder), request_of(role="sam", case_id="7")).text == '["t.a", "t.b"]'


def test_sams_own_answer_comes_first(folder: Path, request_of: Ask) -> None:
    (folder / "intermediate_traj.jsonl").write_text(lines({"idx": 7, "prompt": "p", "response": "filled"}))
    reply = ask(RecordedModel(folder), request_of(role="sam", case_id="7"))
    assert reply.text == "filled"


def test_null_is_no_answer(folder: Path, request_of: Ask) -> None:
    (folder / "final_traj.jsonl").write_text(lines({"idx": 7, "prompt": "", "response": None}))
    with pytest.raises(AnswerMissing):
        ask(RecordedModel(folder), request_of(role="lom", case_id="7"))


def test_the_augmented_schema_stands_in_for_a_null(folder: Path, request_of: Ask) -> None:
    (folder / "intermediate_traj.jsonl").write_text(lines({"idx": 7, "prompt": "", "response": None}))
    assert ask(RecordedModel(folder), request_of(role="sam", case_id="7")).text == '["t.a", "t.b"]'


def test_an_empty_prompt_is_none(folder: Path) -> None:
    (folder / "final_traj.jsonl").write_text(lines({"idx": 7, "prompt": "", "response": "x"}))
    assert RecordedModel(folder).prompt("lom", "7") is None


def test_knows_its_roles(folder: Path) -> None:
    assert RecordedModel(folder).roles == ("bam", "sam", "generator")


def test_gives_the_recorded_prompt(folder: Path) -> None:
    assert RecordedModel(folder).prompt("bam", "7") == "p7"


def test_gives_the_generators_prompt(folder: Path) -> None:
    assert RecordedModel(folder).prompt("generator", "7") == "write it again"


def test_gives_no_prompt_where_there_is_none(folder: Path) -> None:
    assert RecordedModel(folder).prompt("lom", "7") is None


@pytest.mark.parametrize("role", ["bam", "lom", "sam", "generator", "judge"])
def test_a_missing_answer_names_role_case_and_folder(folder: Path, request_of: Ask, role: str) -> None:
    with pytest.raises(AnswerMissing, match=rf"{folder}: {role}'s answer for case 99 "):
        ask(RecordedModel(folder), request_of(role=role, case_id="99"))


def test_may_want_the_prompt_to_be_the_same(folder: Path, request_of: Ask) -> None:
    model = RecordedModel(folder, match_prompts=True)
    assert ask(model, request_of("p7", role="bam", case_id="7")).text == "df7"
    with pytest.raises(AnswerMissing, match="another prompt"):
        ask(model, request_of("p8", role="bam", case_id="7"))


def test_matches_no_prompt_where_none_is_recorded(folder: Path, request_of: Ask) -> None:
    model = RecordedModel(folder, match_prompts=True)
    assert ask(model, request_of("anything", role="sam", case_id="7")).text == '["t.a", "t.b"]'


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"idx": 1, "response": "x"', "not a line of JSON"),
        ('{"response": "x"}', "no `idx`"),
        ('{"idx": null, "response": "x"}', "no `idx`"),
        ('{"idx": true, "response": "x"}', "no `idx`"),
        ('["x"]', "not a JSON object"),
        ('{"idx": 1, "response": ["x"]}', "`response` is not text"),
        ('{"idx": 1, "prompt": 5, "response": "x"}', "`prompt` is not text"),
        ('{"idx": 0, "response": "again"}', "there already, in line 1"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(folder: Path, request_of: Ask, line: str, fault: str) -> None:
    path = folder / "masked_traj.jsonl"
    path.write_text('{"idx": 0, "response": "x"}\n\n' + line + "\n")
    with pytest.raises(RunFolderError, match=f"{path}:3: .*{fault}"):
        ask(RecordedModel(folder), request_of(role="mask", case_id="0"))


def test_a_line_that_is_not_utf_8_is_named(folder: Path, request_of: Ask) -> None:
    (folder / "masked_traj.jsonl").write_bytes(b'{"idx": 0, "response": "\xff"}\n')
    with pytest.raises(RunFolderError, match=r"masked_traj\.jsonl:1"):
        ask(RecordedModel(folder), request_of(role="mask", case_id="0"))


@pytest.mark.parametrize("content", ["[]", "{", '{"7": 5}', '{"7": [1]}'])
def test_a_bad_augmented_schema_is_named(folder: Path, request_of: Ask, content: str) -> None:
    (folder / "augmented_schema.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"augmented_schema\.json"):
        ask(RecordedModel(folder), request_of(role="sam", case_id="7"))


@pytest.mark.parametrize("content", ["[]", "SELECT 1", '{"7": {"sql": "x"}}'])
def test_a_bad_final_sql_is_named(folder: Path, request_of: Ask, content: str) -> None:
    (folder / "final_sql.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"final_sql\.json"):
        ask(RecordedModel(folder), request_of(role="generator", case_id="7"))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nothing"):
        RecordedModel(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\0b"])
def test_a_name_that_no_folder_can_have_is_named(name: str) -> None:
    with pytest.raises(RunFolderError, match="is not a folder"):
        RecordedModel(name)


@pytest.mark.parametrize(
    "line",
    [
        '{"idx": NaN, "response": "x"}', '{"idx": 1.5, "response": "x"}', '{"idx": [], "response": "x"}',
        '{"idx": {}, "response": "x"}', '{"idx": 1, "response": NaN}', '{"idx": 1, "response": true}',
        '{"idx": 1, "response": {"text": "x"}}', '{"idx": 1, "prompt": [], "response": "x"}',
        '{"idx": ' + "1" * 5000 + "}", '{"idx": 1, "response": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "[" * 100_000, "null", "NaN", '"x"', "5", "\0",
    ],
)  # fmt: skip
def test_a_line_of_another_shape_is_named(folder: Path, request_of: Ask, line: str) -> None:
    (folder / "masked_traj.jsonl").write_text(line + "\n")
    with pytest.raises(RunFolderError, match=r"masked_traj\.jsonl:1: ") as caught:
        ask(RecordedModel(folder), request_of(role="mask", case_id="1"))
    assert "\n" not in str(caught.value)


def test_a_line_without_end_is_named(folder: Path, request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("share_sql.models.recorded._LONGEST_LINE", 1 << 20)
    (folder / "masked_traj.jsonl").write_bytes(b"x" * (3 << 20))
    with pytest.raises(RunFolderError, match="a line of over 1 MB"):
        ask(RecordedModel(folder), request_of(role="mask", case_id="1"))


@pytest.mark.parametrize("content", ["NaN", "null", '{"7": NaN}', '{"7": [null]}', "[" * 100_000, "\0", ""])
@pytest.mark.parametrize(
    ("name", "role"), [("augmented_schema.json", "sam"), ("final_sql.json", "generator")]
)
def test_a_table_of_another_shape_is_named(
    folder: Path, request_of: Ask, content: str, name: str, role: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(RunFolderError, match=name):
        ask(RecordedModel(folder), request_of(role=role, case_id="7"))


def test_a_lone_surrogate_in_an_answer_can_be_written(folder: Path, request_of: Ask) -> None:
    (folder / "masked_traj.jsonl").write_text('{"idx": 1, "response": "a \\ud800 b"}\n')
    assert ask(RecordedModel(folder), request_of(role="mask", case_id="1")).text == "a \ufffd b"


def test_a_folder_of_other_things_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds none of"):
        RecordedModel(tmp_path)


@pytest.mark.parametrize("run", ["arcwise-gpt-5.2", "bird-gpt-4o"])
def test_reads_the_published_recordings(shared_data: Path, request_of: Ask, run: str) -> None:
    model = RecordedModel(shared_data / "recorded" / run)
    assert "sam" in model.roles
    for role in model.roles:
        reply = ask(model, request_of(role=role, case_id="5"))
        assert reply.text
