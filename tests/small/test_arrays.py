"""Examples as arrays, and files in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from small import arrays as module
from small.arrays import Arrays, first
from small.examples import Examples
from small.parts import join, split


def made() -> Arrays:
    prompts = [np.array(ids, np.int32) for ids in ([9, 151_000, 7], [9, 8], [9, 8, 6, 5])]
    answers = [np.array(ids, np.int32) for ids in ([3], [4, 2], [3])]
    number = np.arange(3)
    told = {"prompts": "coder", "end": 2, "yes": 3, "no": 4, "kinds": ["gold", "draft"]}
    return Arrays(
        "scorer", told, Examples(prompts, answers), number // 2, number.astype(np.uint8), number == 2,
        np.array([0, 1, 1], np.uint16), number,
    )  # fmt: skip


def test_arrays_come_back(tmp_path: Path) -> None:
    made().write(tmp_path / "scorer.npz")
    found = Arrays.read(tmp_path / "scorer.npz")
    assert (found.role, found.told) == ("scorer", made().told)
    assert [each.tolist() for each in found.examples.prompts] == [[9, 151_000, 7], [9, 8], [9, 8, 6, 5]]
    assert [each.tolist() for each in found.examples.answers] == [[3], [4, 2], [3]]
    assert found.held.tolist() == [False, False, True]
    assert (found.group.tolist(), found.fold.tolist(), found.row.tolist()) == (
        [0, 0, 1],
        [0, 1, 2],
        [0, 1, 2],
    )
    assert len(found.take([2])) == 1


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="--most"):
        made().write(tmp_path / "scorer.npz")
    assert not (tmp_path / "scorer.npz").exists()


def test_real_errors_then_short_examples_are_kept() -> None:
    assert first(made(), 2).tolist() == [1, 2]


def test_parts_become_the_file_again(tmp_path: Path) -> None:
    file = tmp_path / "base.bin"
    file.write_bytes(np.random.default_rng(0).bytes(2 * 1024 * 1024 + 5))
    *parts, _ = split(file, tmp_path / "parts", 1)
    assert [part.stat().st_size for part in parts] == [1024 * 1024, 1024 * 1024, 5]
    # Each part may have come in a folder of its own.
    (tmp_path / "parts" / "second").mkdir()
    parts[1].rename(tmp_path / "parts" / "second" / parts[1].name)
    join(tmp_path / "parts", tmp_path / "joined.bin")
    assert (tmp_path / "joined.bin").read_bytes() == file.read_bytes()


def test_damaged_and_missing_parts_are_named(tmp_path: Path) -> None:
    file = tmp_path / "base.bin"
    file.write_bytes(b"x" * (2 * 1024 * 1024 + 5))
    *parts, _ = split(file, tmp_path / "parts", 1)
    parts[0].write_bytes(b"y" * 1024 * 1024)
    parts[2].unlink()
    with pytest.raises(ValueError, match=r"base\.bin\.002, base\.bin\.000; bring them again"):
        join(tmp_path / "parts", tmp_path / "joined.bin")
    assert not (tmp_path / "joined.bin").exists()
