"""An input is cut into blocks, and no cut changes its cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.benchmarks.cases import CaseFile, LabelledCase
from share_sql.database.address import shown
from share_sql.errors import BenchmarkError
from share_sql.scale.blocks import NEED, Seen, cut
from share_sql.scale.survey import look_at

GOOD = {"question": "How many?", "database": "shop.sqlite", "draft": "SELECT 1", "evidence": ""}
LINES = st.lists(
    st.sampled_from(
        [
            json.dumps({"id": "a", **GOOD}).encode(),
            json.dumps({"id": 7, **GOOD, "question": "Wie viele Läden?"}, ensure_ascii=False).encode(),
            json.dumps(GOOD).encode(),
            b"",
            b"   ",
            b"{no json",
            b'{"id": "b", "draft": "SELECT 2"}',
            b"\xff\xfe",
            json.dumps({"id": "long", **GOOD, "draft": "SELECT 1 -- " + "x" * 300}).encode() + b"\r",
        ]
    ),
    min_size=1,
    max_size=12,
)


def read_all(cases: Path, block_bytes: int) -> list[LabelledCase]:
    found: list[LabelledCase] = []
    line, file = 1, ""
    for block in cut(str(cases), block_bytes):
        line = line if file == block.file else 1
        file = block.file
        seen = Seen.of(block, line)
        line += seen.lines
        found += seen.cases
    return found


@given(LINES, st.integers(1, 400), st.booleans(), st.booleans())
def test_the_cases_of_all_blocks_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, ends: bool, bom: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "cases.jsonl"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + b"\n".join(lines) + (b"\n" if ends else b""))
    try:
        whole = [each for each in CaseFile(path, NEED, known_as=shown) if not each.duplicate]
    except BenchmarkError:  # no case at all
        assert not read_all(path, size)
        return
    places = {each.place for each in whole}
    assert [each for each in read_all(path, size) if each.place in places] == whole


def test_a_block_says_the_same_wherever_it_lies(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(n), **GOOD}) for n in range(20)] + [json.dumps(GOOD), "nonsense"]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(lines))
    for block in cut(str(path), 500):
        assert Seen.of(block).sum == Seen.of(block, 1000).sum
    before = look_at(cut(str(path), 1 << 20)[0])
    path.write_text("\n".join(lines).replace("SELECT 1", "SELECT 2", 1))
    assert look_at(cut(str(path), 1 << 20)[0]).sum != before.sum


@pytest.mark.parametrize(("group", "size"), [(100, 200), (7, 300), (1, 1), (3, 100_000)])
def test_parquet_is_cut_by_rows(tmp_path: Path, group: int, size: int) -> None:
    rows: list[dict[str, Any]] = [
        {"id": n, **GOOD, "question": None if n == 5 else f"Q{n}"} for n in range(30)
    ]
    table = pa.Table.from_pylist([{**row, "other": 1.5} for row in rows])
    pq.write_table(table, tmp_path / "cases.parquet", row_group_size=group)
    found = read_all(tmp_path / "cases.parquet", size)
    assert [each.case.id for each in found] == [str(n) for n in range(30)]
    assert [each.place for each in found][:2] == ["cases.parquet, line 1", "cases.parquet, line 2"]
    assert [each.case.id for each in found if each.problem] == ["5"]
    assert found[3].case.question == "Q3"


def test_a_folder_is_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_text(json.dumps({"id": name, **GOOD}))
    (tmp_path / "notes.txt").write_text("no cases")
    pq.write_table(pa.Table.from_pylist([{"id": "c", **GOOD}]), tmp_path / "c.parquet")
    assert [each.case.id for each in read_all(tmp_path, 1000)] == ["a.jsonl", "b.jsonl", "c"]


def test_what_cannot_be_cut_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text(json.dumps([{"id": "a", **GOOD}]))
    (block,) = cut(str(tmp_path / "list.jsonl"))
    assert "one object a line" in look_at(block).problem
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    for path, said in [
        (tmp_path / "nowhere.jsonl", "there is no"),
        (tmp_path / "torn.parquet", "Parquet"),
        ("nosuch://bucket/cases.jsonl", "no filesystem"),
    ]:
        with pytest.raises(BenchmarkError, match=said):
            cut(str(path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchmarkError, match=r"\.jsonl or \.parquet"):
        cut(str(tmp_path / "empty"))


def test_no_password_is_in_a_case(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({**GOOD, "id": "a", "database": "postgresql://me:secret@host/shop"}))
    (block,) = cut(str(path))
    assert "secret" not in repr(Seen.of(block).cases[0].case)
    assert look_at(block).databases == ("postgresql://me:secret@host/shop",)
