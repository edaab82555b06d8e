"""Drafts in the formats that generators' predictions come in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.benchmarks.drafts import Draft, read_drafts
from share_sql.errors import BenchmarkError


def write(folder: Path, text: str, name: str = "drafts.json") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_birds_object_is_keyed_and_its_tag_comes_off(tmp_path: Path) -> None:
    drafts = read_drafts(
        write(tmp_path, json.dumps({"3": "SELECT 3\t----- bird -----\tshop", "0": "SELECT\n0"}))
    )
    # Keyed, so the position says nothing.
    assert drafts.get("3", 0) == Draft("SELECT 3", "shop")
    assert drafts.get("0", 5) == Draft("SELECT\n0")
    assert drafts.get("1", 0) is None
    assert len(drafts) == 2


def test_a_list_goes_by_position(tmp_path: Path) -> None:
    drafts = read_drafts(write(tmp_path, json.dumps(["SELECT 0", "SELECT 1"])))
    assert drafts.get("whatever", 1) == Draft("SELECT 1")
    assert drafts.get("whatever", 2) is None


@pytest.mark.parametrize("key", ["sql", "draft", "prediction"])
def test_json_lines_are_keyed(tmp_path: Path, key: str) -> None:
    lines = [json.dumps({"id": name, key: f"SELECT {name}"}) for name in (5, "x")]
    drafts = read_drafts(write(tmp_path, "\n".join(lines) + "\n", "drafts.jsonl"))
    assert drafts.get("5", 1) == Draft("SELECT 5")
    assert drafts.get("x", 0) == Draft("SELECT x")


def test_one_json_line_is_no_object_of_ids(tmp_path: Path) -> None:
    drafts = read_drafts(write(tmp_path, '{"id": "a", "sql": "SELECT 1"}\n'))
    assert drafts.get("a", 3) == Draft("SELECT 1")


def test_a_list_of_objects_with_ids_is_keyed(tmp_path: Path) -> None:
    drafts = read_drafts(write(tmp_path, json.dumps([{"question_id": 9, "sql": "SELECT 9"}])))
    assert drafts.get("9", 4) == Draft("SELECT 9")


def test_spiders_lines_with_and_without_database(tmp_path: Path) -> None:
    tagged = read_drafts(write(tmp_path, "SELECT 0\tshop\nSELECT 1\tbank\n", "a.sql"))
    assert [tagged.get("", at) for at in (0, 1)] == [Draft("SELECT 0", "shop"), Draft("SELECT 1", "bank")]
    bare = read_drafts(write(tmp_path, "SELECT 0\r\n\r\nSELECT a FROM\tt\n", "b.sql"))
    assert [bare.get("", at) for at in (0, 1, 2)] == [Draft("SELECT 0"), Draft(""), Draft("SELECT a FROM\tt")]


def test_an_answer_that_is_null_is_an_empty_draft(tmp_path: Path) -> None:
    assert read_drafts(write(tmp_path, '{"0": null}')).get("0", 0) == Draft("")
    assert read_drafts(write(tmp_path, '{"id": "0", "sql": null}\n{"id": "1", "sql": "x"}')).get(
        "0", 0
    ) == Draft("")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"0": "a", "0": "b"}', "the id '0' is there twice"),
        ('{"id": 1, "sql": "a"}\n{"id": "1", "sql": "b"}', "the id '1' is there twice"),
        ('{"0": 5}', "id 0: expected SQL as text, found int"),
        ('{"0": {"query": "x"}}', "expected SQL under one of draft, sql"),
        ('{"0": "a"', "is neither JSON nor JSON Lines"),
        ('{"id": 1, "sql": "a"}\nSELECT 1', "line 2 is not JSON"),
        ("  \n", "is empty; expected drafts"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        read_drafts(write(tmp_path, text))
    assert reason in str(caught.value)


def test_a_missing_file_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="expected drafts"):
        read_drafts(tmp_path / "none.json")


@pytest.mark.parametrize(
    "text",
    [
        '{"0": "SELECT 1", "1": 5, "2": ["SELECT 2"], "3": {"note": "none"}, "4": "SELECT 4"}',
        '["SELECT 1", 5, ["SELECT 2"], {"note": "none"}, "SELECT 4"]',
    ],
)
def test_what_is_no_sql_may_be_kept_with_its_problem(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    drafts = read_drafts(path, keep_bad=True)
    found = [drafts.get(str(at), at) for at in range(5)]
    assert [draft.sql for draft in found if draft] == ["SELECT 1", "", "", "", "SELECT 4"]
    problems = [draft.problem for draft in found if draft]
    assert (problems[0], problems[4]) == (None, None)
    assert all("expected SQL" in str(problem) for problem in problems[1:4])
    with pytest.raises(BenchmarkError, match="expected SQL"):
        read_drafts(path)
    with pytest.raises(BenchmarkError, match="expected SQL"):
        read_drafts(write(tmp_path, '{"0": 5, "1": 6}'), keep_bad=True)
