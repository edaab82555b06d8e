"""Cases from JSON Lines: what is read, what is named, and that no case is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.benchmarks.cases import CaseFile, read_cases_jsonl
from share_sql.case import Case
from share_sql.errors import BenchmarkError, CaseError

GOOD = {"id": "a", "question": "Q", "evidence": "E", "database": "shop.sqlite", "draft": "SELECT 1"}


def write(folder: Path, *lines: object) -> Path:
    path = folder / "cases.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(texts) + b"\n")
    return path


def test_a_case_with_its_labels(tmp_path: Path) -> None:
    row = {**GOOD, "gold": "G", "prediction": "P", "difficulty": "simple", "note": [1]}
    [labelled] = read_cases_jsonl(write(tmp_path, row))
    assert labelled.case == Case("a", "Q", "shop.sqlite", "SELECT 1", "E")
    assert (labelled.gold, labelled.prediction, labelled.difficulty) == ("G", "P", "simple")
    assert labelled.raw == row
    assert labelled.problem is None


def test_numbers_are_ids_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": 7}, b"", b"   ", {"id": 8})
    assert [labelled.case.id for labelled in read_cases_jsonl(path)] == ["7", "8"]


def test_a_list_and_a_byte_order_mark_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([GOOD], indent=2).encode())
    assert [labelled.case.id for labelled in read_cases_jsonl(path)] == ["a"]


BAD_LINES = [
    (b"{", "line 2: the line is not JSON"),
    (b'{"id": "\xff"}', "line 2: the line is not UTF-8"),
    (b"[" * 100_000, "line 2: the line is not JSON"),
    (["a"], "line 2: expected a JSON object, found a list"),
    (None, "line 2: expected a JSON object, found null"),
    ({**GOOD, "id": None}, "line 2: the field 'id' is missing"),
    ({**GOOD, "id": ""}, "line 2: the field 'id' is empty"),
    ({**GOOD, "id": True}, "line 2: the field 'id' is true or false"),
    ({**GOOD, "id": "b", "draft": None}, "line 2: the field 'draft' is missing"),
    ({**GOOD, "id": "b", "draft": ["SELECT 1"]}, "line 2: the field 'draft' is a list"),
    ({**GOOD, "id": "b", "evidence": 3}, "line 2: the field 'evidence' is a number"),
    (GOOD, "line 2: the id 'a' is taken already, by cases.jsonl, line 1"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_is_named_by_strict_reading(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path, GOOD, line, {**GOOD, "id": "z"})
    with pytest.raises(CaseError) as caught:
        read_cases_jsonl(path, need=("question", "database", "draft"))
    assert message in str(caught.value)


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_costs_no_other_case(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path, GOOD, line, {**GOOD, "id": "z"})
    first, bad, last = read_cases_jsonl(path, need=("question", "database", "draft"), keep_bad=True)
    assert first.problem is None
    assert last.problem is None
    assert bad.problem is not None
    assert message.partition(": ")[2] in bad.problem
    if isinstance(line, dict) and isinstance(line["draft"], str):
        assert bad.case.draft == "SELECT 1"


def test_missing_and_empty_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"there is no file .*none\.jsonl; expected cases"):
        read_cases_jsonl(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    with pytest.raises(BenchmarkError, match="holds no case"):
        read_cases_jsonl(tmp_path / "empty.jsonl")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_cases_jsonl(tmp_path)


NEED = ("question", "database", "draft")


@pytest.mark.parametrize("line", [line for line, _ in BAD_LINES])
def test_a_file_gone_through_gives_what_reading_it_whole_gives(tmp_path: Path, line: object) -> None:
    lines = [GOOD, line, {**GOOD, "id": 7}, GOOD, {**GOOD, "id": "7"}, {"id": "7"}, {**GOOD, "id": "z"}]
    path = write(tmp_path, *lines)
    whole = read_cases_jsonl(path, need=NEED, keep_bad=True)
    file = CaseFile(path, NEED)
    assert len(file) == len(whole)
    for _ in range(2):
        for one, other in zip(file, whole, strict=True):
            assert (one.case, one.problem, one.place) == (other.case, other.problem, other.place)
            assert (one.duplicate, one.raw) == (other.duplicate, other.raw)
    assert [case.duplicate for case in whole][2:] == [False, True, True, True, False]


def test_a_list_is_gone_through_too_and_a_limit_holds(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    rows = [{**GOOD, "id": str(at), "database": f"shop{at % 3}"} for at in range(9)]
    path.write_bytes(b"\xef\xbb\xbf \n" + json.dumps(rows, indent=2).encode())
    file = CaseFile(path, NEED, limit=2, known_as=str.upper)
    assert (len(file), file.databases) == (2, ("shop0", "shop1"))
    assert [(each.case.id, each.case.database) for each in file] == [("0", "SHOP0"), ("1", "SHOP1")]


def test_a_file_without_cases_is_named_before_it_is_gone_through(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\n\n")
    for name, message in (("none.jsonl", "there is no file"), ("empty.jsonl", "holds no case")):
        with pytest.raises(BenchmarkError, match=message):
            CaseFile(tmp_path / name, NEED)
