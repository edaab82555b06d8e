"""What the small models learn from, as far as it needs neither torch nor a tokenizer."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from small.batches import batches_by_length, shuffled_batches
from small.examples import read_rows, write_rows
from small.folds import fold_of, half_of, held_out, learnable
from small.report import area_under, areas, edit_kinds
from small.variants import varied


def test_a_fold_depends_on_names_alone() -> None:
    # The shipped models were trained by these: they must never change.
    assert [fold_of("spider-train", name) for name in ("activity_1", "bike_1", "aircraft")] == [0, 2, 1]
    assert [held_out("spider-train", name) for name in ("activity_1", "bike_1", "aircraft")] == [
        True, False, False,
    ]  # fmt: skip
    assert held_out("bird-train", "books")
    assert not held_out("bird-train", "authors")


def test_drafts_of_a_benchmark_lie_in_its_folds() -> None:
    assert held_out("spider-folds", "activity_1")
    assert half_of("spider-folds", "aircraft") == half_of("spider-train", "aircraft") == 1


def test_held_out_databases_are_not_learnt_from() -> None:
    rows = [{"source": "spider-train", "database": name} for name in ("activity_1", "bike_1")]
    assert learnable(rows) == rows[1:]


def test_batches_hold_each_text_once_within_the_bound() -> None:
    lengths = np.array([3, 40, 17, 16, 100, 5, 33])
    for found in (batches_by_length(lengths, 96), shuffled_batches(lengths, 96, random.Random(1))):
        assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
        for batch in found:
            assert len(batch) == 1 or len(batch) * -(-max(lengths[batch]) // 16) * 16 <= 96
    assert batches_by_length(lengths, 96) == [[0, 5, 3], [2, 6], [1], [4]]


def test_batches_are_shuffled() -> None:
    lengths = np.arange(1, 200)
    one, other = (shuffled_batches(lengths, 256, random.Random(seed)) for seed in (1, 2))
    assert one != other
    assert one == shuffled_batches(lengths, 256, random.Random(1))


PROMPT = "Tables:\nsinger(id, name)\nconcert(id, year)\nplace(id, city)\nValues: none\nQuestion: Who?"


def test_keys_stay_where_they_are() -> None:
    prompt = PROMPT.replace("Values:", "Keys: concert.id = place.id\nValues:")
    for seed in range(5):
        text = varied(prompt, "SELECT name FROM singer", random.Random(seed), shuffled=True)
        assert text.splitlines()[4:] == prompt.splitlines()[4:]


def test_tables_change_places_and_nothing_else() -> None:
    assert varied(PROMPT, "df.select(singer.name)", random.Random(0), shuffled=False) == PROMPT
    seen = {varied(PROMPT, "df.select(singer.name)", random.Random(i), shuffled=True) for i in range(20)}
    assert len(seen) > 3
    for text in seen:
        assert sorted(text.splitlines()) == sorted(PROMPT.splitlines())
        assert text.endswith("Values: none\nQuestion: Who?")


def test_of_a_long_schema_the_named_tables_stay() -> None:
    tables = [f"t{i}({', '.join(f'column_{i}_{j}' for j in range(30))})" for i in range(20)]
    prompt = "Tables:\n" + "\n".join(tables) + "\nValues: none"
    for seed in range(5):
        text = varied(prompt, "df.select(t13.column_13_1)", random.Random(seed), shuffled=False)
        kept = text.splitlines()[1:-1]
        assert tables[13] in kept
        assert 1 < len(kept) < len(tables)
        assert sum(map(len, kept)) <= 2_600
        assert kept == [table for table in tables if table in kept]


def test_a_prompt_of_another_set_is_refused() -> None:
    with pytest.raises(ValueError, match="brief"):
        varied("Write SQL.", "", random.Random(0), shuffled=True)


def test_rows_of_both_layouts(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "a\u2028b"}, {"id": "2", "text": "Ü\n"}]
    write_rows(tmp_path / "sub" / "rows.jsonl", rows)
    assert read_rows(tmp_path / "sub" / "rows.jsonl") == rows
    (tmp_path / "rows.json").write_text('[{"id": "3"}]', encoding="utf-8")
    assert read_rows(tmp_path / "rows.json") == [{"id": "3"}]


def test_area_under_the_curve() -> None:
    assert area_under([0.1, 0.2, 0.8, 0.9], [False, False, True, True]) == 1
    assert area_under([0.1, 0.2, 0.8, 0.9], [True, False, False, True]) == 0.5
    assert area_under([0.1, 0.2], [True, True]) == 0


def test_areas_by_kind() -> None:
    pairs = [
        {"kind": "gold: select-drop", "output": "no"},
        {"kind": "gold: limit-add", "output": "yes"},
        {"kind": "back: limit-add", "output": "yes"},
    ]
    lines = list(areas(pairs, [0.0, 1.0, -1.0]))
    assert lines == ["  held out, all: 3 pairs, area 0.500", "  held out, gold: 2 pairs, area 1.000"]


def test_edits_of_a_kind_mend_until_the_first_is_broken() -> None:
    def edit(draft: str, before: bool, after: bool) -> dict[str, object]:
        return {"source": "s", "draft": draft, "kind": "limit-add", "before": before, "after": after}

    edits = [edit("1", False, True), edit("1", False, False), edit("2", True, False), edit("3", False, True)]
    lines = list(edit_kinds(edits, [3.0, 2.0, 1.0, 0.0]))
    assert lines == ["  s, limit-add: 3 drafts, mended 1 at 1.0, 2 in all"]
    # Of draft 1 the edit that mends is no longer the best one.
    lines = list(edit_kinds(edits, [1.5, 2.0, 1.0, 0.0]))
    assert lines == ["  s, limit-add: 3 drafts, mended 0 at 1.0, 1 in all"]
