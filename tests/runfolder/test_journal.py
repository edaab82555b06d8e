"""The journal: whole lines count, a torn tail does not, damage is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import RunFolderError
from share_sql.runfolder.journal import Journal

HEAD = {"settings": {"policy": "gated"}}


def test_rows_come_back_by_position(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", HEAD) as journal:
        journal.append(2, {"text": "zwei\n\ud800"})
        journal.append(0, {"text": "null"})
        assert len(journal) == 2
    with Journal(tmp_path / "j", {"settings": {"policy": "always"}}) as journal:
        assert journal.head == {"journal": 1, **HEAD}
        assert [position in journal for position in range(3)] == [True, False, True]
        assert [row["text"] for row in journal.rows([0, 2])] == ["null", "zwei\n\ud800"]


def test_a_position_is_written_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", HEAD) as journal:
        journal.append(0, {"text": "first"})
        journal.append(0, {"text": "second"})
        assert [row["text"] for row in journal.rows([0])] == ["first"]


@given(data=st.data())
def test_cut_anywhere_it_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal(path, HEAD) as journal:
        for position in range(4):
            journal.append(position, {"text": "x" * position})
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    lines = max(0, whole[:cut].count(b"\n") - 1)
    with Journal(path, HEAD) as journal:
        assert len(journal) == lines
        for position in range(lines, 4):
            journal.append(position, {"text": "x" * position})
    # Made again, the file is the same to the byte.
    assert path.read_bytes() == whole


def test_a_line_changed_by_another_hand_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, HEAD) as journal:
        journal.append(0, {"text": "a"})
        journal.append(1, {"text": "b"})
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"a'))
    with pytest.raises(RunFolderError, match="is damaged at byte"):
        Journal(path, HEAD)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"at": 0}\n', encoding="utf-8")
    with pytest.raises(RunFolderError, match="is damaged at byte 0"):
        Journal(tmp_path / "j", HEAD)
    with pytest.raises(RunFolderError, match="cannot be written"):
        Journal(tmp_path, HEAD)
