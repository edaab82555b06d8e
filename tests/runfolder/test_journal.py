"""The journal: good lines count, torn and damaged ones do not."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import RunFolderError
from share_sql.runfolder.journal import FAILED, FINGERPRINT, Journal
from share_sql.runfolder.known import KnownCases

SETTINGS = {"policy": "gated"}
CASES = KnownCases((name, "aa") for name in "abcd")


def row(position: int, text: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": "abcd"[position], "text": text, **more}


def write(path: Path, count: int = 4) -> bytes:
    """A journal of so many cases; its bytes."""
    with Journal(path, SETTINGS, CASES) as journal:
        for position in range(count):
            journal.append(position, row(position, "x" * position))
    return path.read_bytes()


def done(path: Path) -> tuple[list[int], int]:
    """Positions that are finished, and the number of damaged lines."""
    with Journal(path, SETTINGS, CASES) as journal:
        return [position for position in range(4) if position in journal], journal.damaged


def test_rows_come_back_by_position(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS, CASES) as journal:
        journal.append(2, row(2, "zwei\n\ud800"))
        journal.append(0, row(0, "null"))
        assert len(journal) == 2
    with Journal(tmp_path / "j", {"policy": "always"}, CASES) as journal:
        assert journal.head["settings"] == SETTINGS
        assert [position in journal for position in range(3)] == [True, False, True]
        assert [each["text"] for each in journal.rows([0, 2])] == ["null", "zwei\n\ud800"]
        with pytest.raises(KeyError):
            journal.read(1)


def test_a_position_is_written_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS, CASES) as journal:
        journal.append(0, row(0, "first"))
        journal.append(0, row(0, "second"))
        assert [each["text"] for each in journal.rows([0])] == ["first"]


def test_a_failed_or_reopened_case_is_written_again_and_the_last_line_counts(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS, CASES) as journal:
        journal.append(0, row(0, "failed", **{FAILED: True}))
        journal.append(1, row(1, "old"))
        assert (0 in journal, journal.has(0)) == (False, True)
        journal.append(0, row(0, "done"))
        journal.reopen([1, 2])
        assert (1 in journal, journal.has(1), journal.has(2)) == (False, True, False)
        journal.append(1, row(1, "new"))
    with Journal(tmp_path / "j", SETTINGS, CASES) as journal:
        assert [each["text"] for each in journal.rows([0, 1])] == ["done", "new"]
        assert len(journal) == 2


def test_databases_are_told_with_the_state_that_came_last_at_the_end(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS, CASES) as journal:
        journal.append(3, row(3, database="shop", **{FINGERPRINT: "before"}))
        journal.append(0, row(0, database="shop", **{FINGERPRINT: "after"}))
        journal.append(1, row(1, database="shop", **{FINGERPRINT: "before"}))
        journal.append(2, row(2, database="bank", **{FINGERPRINT: ""}))
        assert [(state, list(at)) for state, at in journal.databases()["shop"].items()] == [
            ("after", [0]),
            ("before", [1, 3]),
        ]
        assert journal.databases().keys() == {"shop"}


@given(data=st.data())
def test_cut_anywhere_it_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    whole = write(path)
    head = whole.index(b"\n") + 1
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    lines = max(0, whole[:cut].count(b"\n") - 1)
    with Journal(path, SETTINGS, CASES) as journal:
        assert (len(journal), journal.damaged) == (lines, 0)
        for position in range(lines, 4):
            journal.append(position, row(position, "x" * position))
    if cut >= head:
        # Made again, the file is the same to the byte.
        assert path.read_bytes() == whole
    assert done(path) == ([0, 1, 2, 3], 0)


def test_what_is_only_looked_at_is_not_cut(tmp_path: Path) -> None:
    whole = write(tmp_path / "j")
    (tmp_path / "j").write_bytes(whole[:-3])
    assert done(tmp_path / "j") == ([0, 1, 2], 0)
    assert (tmp_path / "j").read_bytes() == whole[:-3]


def test_each_flipped_bit_costs_its_line_alone(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole")
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    path = tmp_path / "j"
    for at in range(ends[0] + 1, len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            line = sum(end < at for end in ends) - 1
            # A line break that is lost joins two lines, or leaves the last one torn.
            lost = {line, line + 1} if at in ends else {line}
            finished, damaged = done(path)
            assert finished == [position for position in range(4) if position not in lost], (at, bit)
            assert damaged >= 1 or at == ends[-1], (at, bit)


def test_a_damaged_first_line_is_named_or_known_by_its_checksum(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole")
    path = tmp_path / "j"
    end = whole.index(b"\n")
    known = whole.index(b'"settings"')
    for at in range(end + 1):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        if at >= known:
            assert done(path) == ([1, 2, 3] if at == end else [0, 1, 2, 3], 1)
        other = {"policy": "always"}
        for settings in (SETTINGS, other) if at < known else (other,):
            with pytest.raises(RunFolderError, match="its first line is damaged"):
                Journal(path, settings, CASES)
        assert path.read_bytes() == flipped


def test_a_line_break_in_the_first_line_costs_no_case(tmp_path: Path) -> None:
    whole = write(tmp_path / "j")
    (tmp_path / "j").write_bytes(whole.replace(b'"settings"', b'"sett\nngs"'))
    assert done(tmp_path / "j") == ([0, 1, 2, 3], 2)


def test_many_flipped_bits_are_never_taken_for_a_row(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = write(path)
    head = whole.index(b"\n") + 1
    rows = {position: row(position, "x" * position) for position in range(4)}
    dice = random.Random(1)
    for _ in range(200):
        flipped = bytearray(whole)
        for _ in range(dice.choice((2, 5, 40))):
            flipped[dice.randrange(head, len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(flipped)
        with Journal(path, SETTINGS, CASES) as journal:
            for position in range(4):
                if position in journal:
                    assert journal.read(position) == {"at": position, **rows[position]}


def test_lines_doubled_or_in_another_order_still_count(tmp_path: Path) -> None:
    path = tmp_path / "j"
    head, *lines = write(path).splitlines(keepends=True)
    path.write_bytes(b"".join([head, lines[1], *reversed(lines)]))
    assert done(path) == ([0, 1, 2, 3], 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"at":1', b'"at":2'),
        (b'"id":"b"', b'"id":"c"'),
        (b'"text":"x"', b'"text":"y"'),
        (b'"text":"x"', b'"text": "x"'),
        (b'"text":"x"', b'"text":"x'),
        (b'"text":"x"', b'"text":"x\n"'),
        (b'"text":"x"', b'"text":"\xff"'),
        (b'{"sum":', b' {"sum":'),
    ],
)
def test_a_line_changed_by_another_hand_counts_for_nothing(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "j"
    head, *lines = write(path).splitlines(keepends=True)
    lines[1] = lines[1].replace(old, new)
    path.write_bytes(b"".join([head, *lines]))
    finished, damaged = done(path)
    assert finished == [0, 2, 3]
    assert damaged == new.count(b"\n") + 1


def test_a_line_of_another_run_counts_for_nothing(tmp_path: Path) -> None:
    # The same settings, the same cases: only the run is another.
    ours, theirs = (write(tmp_path / name).splitlines(keepends=True) for name in ("ours", "theirs"))
    (tmp_path / "j").write_bytes(b"".join([*ours[:2], theirs[2], *ours[3:]]))
    assert done(tmp_path / "j") == ([0, 2, 3], 1)


def test_a_line_damaged_after_it_was_written_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, SETTINGS, CASES) as journal:
        for position in range(4):
            journal.append(position, row(position))
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b'"id":"c","text":"x"', b'"id":"c","text":"z"'))
        with pytest.raises(RunFolderError, match=r"the line of case number 3 was damaged .* --resume"):
            list(journal.rows(range(4)))
        # A whole good line, yet not the one that was written there.
        head, *lines = whole.splitlines(keepends=True)
        path.write_bytes(b"".join([head, lines[1], lines[0], *lines[2:]]))
        with pytest.raises(RunFolderError, match="case number 1 was damaged"):
            list(journal.rows(range(4)))


def test_a_journal_that_was_deleted_moved_or_shortened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, SETTINGS, CASES)
    journal.append(0, row(0))
    path.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(RunFolderError, match="deleted or moved while it was written"):
            journal.sync()
    with pytest.raises(RunFolderError, match="No such file"):
        journal.read(0)
    (tmp_path / "elsewhere").rename(path)
    journal.sync()
    os.truncate(path, path.stat().st_size - 5)
    with pytest.raises(RunFolderError, match=r"shortened by another hand.*--resume"):
        journal.append(1, row(1))
    journal.close()
    assert done(path) == ([], 0)


def test_what_ended_the_block_is_told_before_what_closing_finds(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Journal(tmp_path / "j", SETTINGS, CASES):
            (tmp_path / "j").unlink()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for text, reason in (
        ('{"at": 0}\n', "its first line is damaged"),
        ('{"journal":1,"settings":{},"cases":[]}\n', "written by another version"),
        ("my own notes", "is no journal"),
        ("[" * 100_000 + "\n", "its first line is damaged"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RunFolderError, match=reason):
            Journal(path, SETTINGS, CASES)
        assert path.read_text(encoding="utf-8") == text
    with pytest.raises(RunFolderError, match="cannot be written"):
        Journal(tmp_path, SETTINGS, CASES)


def test_each_line_is_json(tmp_path: Path) -> None:
    head, *lines = map(json.loads, write(tmp_path / "j").decode("ascii").splitlines())
    assert (head["journal"], head["cases"]["count"]) == (3, 4)
    assert [(each["at"], each["id"]) for each in lines] == list(enumerate("abcd"))
