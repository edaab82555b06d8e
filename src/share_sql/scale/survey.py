"""The input of a run, looked at before it begins: how many cases, on which databases, ids that are taken.

Each block is looked at by a task of Ray's; what comes back is 8 bytes a case.
"""

from __future__ import annotations

import pickle
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from share_sql.benchmarks.cases import id_number, repeated
from share_sql.errors import BenchmarkError
from share_sql.scale.blocks import Block, Seen, cut, is_named
from share_sql.scale.cluster import quiet_data

MOST_IDS = 20_000_000
"""Cases of a run whose ids are looked at for doubles."""


@dataclass(frozen=True)
class Look:
    """What a look at one block found."""

    cases: int
    lines: int
    sum: str
    """As of `blocks.Seen`."""
    ids: bytes
    """A number for each case's id."""
    unnamed: tuple[tuple[int, int], ...]
    """Cases whose id is made from their line: place in the block, and line within it."""
    databases: tuple[str, ...]
    """What good cases name, each once, as the file has it."""
    problem: str = ""
    """Why the block cannot be read."""


@dataclass(frozen=True)
class Survey:
    """A run's input."""

    blocks: tuple[Block, ...]
    """Those that hold cases."""
    looks: Mapping[int, Look]
    """By block."""
    lines: Mapping[int, int]
    """By block, the number of its first line in its file."""
    databases: tuple[str, ...]
    """What good cases name, each once, as the files have it."""
    doubles: Mapping[int, Mapping[int, str]]
    """By block and place in it, cases whose id another has, with that one's place."""
    checked: bool
    """Whether doubles were looked for: not in an input of more than `MOST_IDS` cases."""

    @property
    def cases(self) -> int:
        """How many there are."""
        return sum(self.looks[block.number].cases for block in self.blocks)

    def said(self) -> list[list[Any]]:
        """The blocks as JSON: a resumed run must have the same."""
        return [
            [block.name, block.start, block.end, self.looks[block.number].cases, self.looks[block.number].sum]
            for block in self.blocks
        ]


def survey(ray: Any, cases: str, *, limit: int | None = None, block_bytes: int | None = None) -> Survey:
    """Look at a run's input.

    Args:
        ray: as `cluster` gives it.
        cases: as of `blocks.cut`.
        limit: only the first cases.
        block_bytes: as of `blocks.cut`.

    Raises:
        BenchmarkError: it cannot be read, or holds no case.
    """
    blocks = cut(cases, block_bytes)
    looks = dict(_looks(ray, blocks))
    for block in blocks:
        if problem := looks[block.number].problem:
            raise BenchmarkError(problem)
    lines: dict[int, int] = {}
    for before, block in zip([None, *blocks], blocks, strict=False):
        same = before is not None and before.file == block.file
        lines[block.number] = lines[before.number] + looks[before.number].lines if before and same else 1
    kept: list[Block] = []
    left = limit
    for block in blocks:
        if left is not None and looks[block.number].cases > left:
            block = replace(block, most=left)
            looks[block.number] = look_at(block)
        if looks[block.number].cases:
            kept.append(block)
        if left is not None:
            left -= looks[block.number].cases
    if not kept:
        raise BenchmarkError(f"{cases.rsplit('/', 1)[-1]} holds no case; expected one JSON object a line")
    names = dict.fromkeys(name for block in kept for name in looks[block.number].databases)
    count = sum(looks[block.number].cases for block in kept)
    checked = count <= MOST_IDS
    doubles = _doubles(kept, looks, lines) if checked else {}
    return Survey(tuple(kept), looks, lines, tuple(names), doubles, checked)


def look_at(block: Block) -> Look:
    """Look at one block; what keeps it from being read is said in `problem`."""
    try:
        seen = Seen.of(block)
    except BenchmarkError as error:
        return Look(0, 0, "", b"", (), (), str(error))
    ids = array("q", (id_number(labelled.case.id) for labelled in seen.cases))
    unnamed = [
        (at, int(labelled.case.id.removeprefix("line ")))
        for at, labelled in enumerate(seen.cases)
        if not is_named(labelled)
    ]
    names = dict.fromkeys(str(each.raw["database"]) for each in seen.cases if not each.problem)
    return Look(len(seen.cases), seen.lines, seen.sum, ids.tobytes(), tuple(unnamed), tuple(names))


def _looks(ray: Any, blocks: Collection[Block]) -> Iterator[tuple[int, Look]]:
    with quiet_data(ray):
        tasks = [{"task": pickle.dumps(block)} for block in blocks]
        data = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(_look_batch)
        for row in data.iter_rows():
            yield pickle.loads(row["done"])  # noqa: S301  # it comes from our own function


def _look_batch(batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
    # Both ends are ours; Ray itself pickles what is no plain value.
    blocks = [pickle.loads(task) for task in batch["task"]]  # noqa: S301
    return {"done": [pickle.dumps((block.number, look_at(block))) for block in blocks]}


def _doubles(
    blocks: list[Block], looks: Mapping[int, Look], lines: Mapping[int, int]
) -> dict[int, dict[int, str]]:
    ids = array("q")
    for block in blocks:
        own = array("q", looks[block.number].ids)
        for at, line in looks[block.number].unnamed:
            own[at] = id_number(f"line {line + lines[block.number] - 1}")
        ids.extend(own)
    first = repeated(ids)
    if not first:
        return {}
    starts = [0, *accumulate(looks[block.number].cases for block in blocks)]

    def where(at: int) -> tuple[int, int]:
        """Which of the blocks a position is in, and where in it."""
        index = bisect_right(starts, at) - 1
        return index, at - starts[index]

    firsts: dict[int, dict[int, str]] = {}
    for at in sorted(set(first.values())):
        index, inside = where(at)
        firsts.setdefault(index, {})[inside] = ""
    for index, places in firsts.items():
        seen = Seen.of(blocks[index], lines[blocks[index].number])
        places.update({inside: seen.cases[inside].place for inside in places})
    found: dict[int, dict[int, str]] = {}
    for at, before in first.items():
        index, inside = where(at)
        its, there = where(before)
        found.setdefault(blocks[index].number, {})[inside] = firsts[its][there]
    return found
