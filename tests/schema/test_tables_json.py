from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import BenchmarkError
from share_sql.schema.model import Column, ForeignKey
from share_sql.schema.tables_json import read_tables_json


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "db_id": "club",
        "table_names_original": ["Member", "Event"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "Zip Code"], [1, "member"], [1, "day"]],
        "column_types": ["text", "number", "text", "number", "time"],
        "primary_keys": [1, [3, 4]],
        "foreign_keys": [[3, 1]],
    } | changes


def written(folder: Path, content: Any) -> Path:
    path = folder / "tables.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_reads_tables_columns_and_keys(tmp_path: Path) -> None:
    schema = read_tables_json(written(tmp_path, [entry()]))["club"]
    member, event = schema.tables
    assert member.columns == (Column("id", "number", primary_key=True), Column("Zip Code", "text"))
    assert (member.primary_key, event.primary_key) == (("id",), ("member", "day"))
    assert [column.primary_key for column in event.columns] == [True, True]
    assert schema.foreign_keys == (ForeignKey("Event", "member", "Member", "id"),)


def test_types_without_one_for_the_star(tmp_path: Path) -> None:
    types = ["number", "text", "number", "time"]
    schema = read_tables_json(written(tmp_path, [entry(column_types=types)]))["club"]
    assert [column.type for _, column in schema.columns()] == types


def test_a_foreign_key_to_itself_and_a_repeated_one_are_left_out(tmp_path: Path) -> None:
    schema = read_tables_json(written(tmp_path, [entry(foreign_keys=[[3, 3], [3, 1], [3, 1]])]))["club"]
    assert len(schema.foreign_keys) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ({"a|b|c": "x"}, "found an object"),
        ([3], "found 3"),
        ([{"question": "?"}], "db_id, table_names_original"),
        ([entry(db_id="")], "a name as db_id"),
        ([entry(table_names_original=[1])], "names as table_names_original"),
        ([entry(column_names_original=[[5, "x"]])], "pairs of a table number"),
        ([entry(column_types=["text"])], "5 columns but 1"),
        ([entry(primary_keys=[99])], "numbers of columns in primary_keys, found 99"),
        ([entry(primary_keys=[0])], "found 0"),
        ([entry(foreign_keys=[[1]])], "pairs of column numbers"),
        ([entry(foreign_keys=[[1, "id"]])], 'found "id"'),
        ([entry(), entry(table_names_original=["A", "B"])], "two entries named 'club'"),
    ],
)
def test_a_bad_file_says_what_was_expected(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        read_tables_json(written(tmp_path, content))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="give the path"):
        read_tables_json(tmp_path / "none.json")


def test_the_benchmarks_own_files(shared_data: Path) -> None:
    spider = read_tables_json(shared_data / "spider" / "tables.json")
    assert spider["concert_singer"].table("singer_in_concert") is not None
    bird = read_tables_json(shared_data / "bird" / "dev" / "dev_tables.json")
    attendance = bird["student_club"].table("attendance")
    assert attendance is not None
    assert attendance.primary_key == ("link_to_event", "link_to_member")
