"""Parts and their marks: whole or not there, and told when damaged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from share_sql.case import Case
from share_sql.errors import RunFolderError
from share_sql.runfolder.record import failed_row
from share_sql.scale.parts import NOTHING, Mark, Parts
from share_sql.scale.places import place_at

EMPTY = Mark("", "", 3, 0, ended=time.time(), run="r", tries=1, **NOTHING)


def row(name: str) -> dict[str, Any]:
    return failed_row(Case(name, draft=f"SELECT '{name}'", database="shop"), f"no question in {name}")


@pytest.fixture(params=["parquet", "jsonl"])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Parts:
    made = Parts(place_at(str(tmp_path)), request.param)
    made.make_folders()
    return made


def test_rows_come_back_as_they_were(parts: Parts) -> None:
    rows = {2: row("c"), 0: row("a")}
    mark = parts.write(4, rows, EMPTY)
    assert parts.marks() == {4: mark}
    assert (mark.rows, mark.cases, mark.whole, mark.verdicts) == (2, 3, False, {"kept": 2})
    assert mark.failed == (("a", "no question in a", "input"), ("c", "no question in c", "input"))
    assert parts.rows(mark) == rows
    more = parts.write(4, {**rows, 1: row("b")}, mark)
    assert more.whole
    assert [each["id"] for each in parts.all_rows(parts.marks())] == ["a", "b", "c"]


def test_only_the_last_part_of_a_block_stays(parts: Parts, tmp_path: Path) -> None:
    mark = parts.write(0, {0: row("a")}, EMPTY)
    parts.write(0, {0: row("a"), 1: row("b")}, mark)
    assert len(list((tmp_path / "parts").iterdir())) == 1
    lost = parts.write(1, {0: row("z")}, EMPTY)  # another worker's, whose mark is written over
    parts.write(1, {0: row("y")}, EMPTY)
    parts.remove_others(parts.marks())
    assert lost.part not in {path.name for path in (tmp_path / "parts").iterdir()}
    assert [path.name for path in tmp_path.rglob(".*")] == []


def test_a_damaged_part_is_told_and_done_again(parts: Parts, tmp_path: Path) -> None:
    mark = parts.write(0, {0: row("a")}, EMPTY)
    path = tmp_path / "parts" / mark.part
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert parts.rows(mark) is None
    with pytest.raises(RunFolderError, match="--resume"):
        list(parts.all_rows({0: mark}))
    assert parts.marks() == {}


@pytest.mark.parametrize("content", [b"", b'{"part": ', b"[]", b'{"part": "x"}'])
def test_a_torn_mark_is_none(parts: Parts, tmp_path: Path, content: bytes) -> None:
    parts.write(0, {0: row("a")}, EMPTY)
    (tmp_path / "marks" / "000000.json").write_bytes(content)
    assert parts.marks() == {}


def test_parquet_has_columns_to_ask_for_and_takes_any_text(tmp_path: Path) -> None:
    parts = Parts(place_at(str(tmp_path)), "parquet")
    parts.make_folders()
    odd = {**row("a"), "correction": {**row("a")["correction"], "reason": "half a pair: \ud83d"}}
    mark = parts.write(0, {0: odd}, EMPTY)
    assert parts.rows(mark) == {0: odd}
    (flat,) = pq.read_table(tmp_path / "parts").to_pylist()
    assert (flat["id"], flat["verdict"], flat["sql"], flat["confidence"]) == ("a", "kept", "SELECT 'a'", 0.0)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be made"):
        Parts(place_at(str(tmp_path / "file" / "run")), "jsonl").make_folders()
