"""What is done of a run: for each block a part with its cases' rows, and a mark that says what is in it.

    ray.json                       the run: its settings and its blocks
    parts/000012-<sum>.parquet     the rows of block 12 (or .jsonl): `record.state_row`, `record.failed_row`
    marks/000012.json              which part is the block's, how far it is, and counts of its rows

A part is written first, then its mark; each is there whole or not at all. So a worker that dies leaves either
the state before or the state after, and a block is done once its mark says so. Of two workers that did one
block, because one of them was taken for dead, the last mark counts; the other's part is removed at the end.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from share_sql.errors import RunFolderError
from share_sql.models.base import Usage
from share_sql.runfolder.counts import OF_NO_USE
from share_sql.runfolder.journal import FAILED, FINGERPRINT
from share_sql.scale.places import Place

PARTS, MARKS = "parts", "marks"
_AT_ONCE = 32
"""Marks that are read at once."""
_FLAT = ("id", "database", "sql", "verdict", "reason", "confidence", "runs", "error")
"""What a Parquet part has in columns of its own; the whole row is in `row`, as JSON."""


@dataclass(frozen=True)
class Mark:
    """What is known of a block without reading its part."""

    part: str
    """The part's file name; empty where nothing is written yet."""
    sum: str
    """A hash of the part's bytes."""
    cases: int
    """Cases of the block."""
    rows: int
    """Cases that have a row."""
    again: int
    """Of these, the ones that `--resume` does again."""
    ended: float
    """When it was written, in seconds since 1970."""
    run: str = ""
    """The start of the run that wrote it."""
    tries: int = 0
    """Workers that began the block in that start."""
    alone: int | None = None
    """Place in the block of the case that is done alone, after workers ended; else None."""
    verdicts: Mapping[str, int] = field(default_factory=dict)
    """Cases by verdict."""
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Tokens by stage."""
    failed: tuple[tuple[str, str, str], ...] = ()
    """Id, error and cause of each case that failed."""
    unusable: Mapping[str, int] = field(default_factory=dict)
    """By role, cases in which it gave nothing of use."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """By role, cases whose answers were of use."""
    not_running: int = 0
    """Cases whose SQL handed back does not run."""
    databases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By database, finished cases by the fingerprint that it had when they began."""

    @property
    def whole(self) -> bool:
        """Whether each case has a row, and none is to be done again."""
        return self.rows == self.cases and not self.again


class Parts:
    """The parts of a run's folder.

    Args:
        folder: the run's.
        form: `parquet` or `jsonl`, for parts that are written; both are read.
    """

    def __init__(self, folder: Place, form: str) -> None:
        self.folder = folder
        self._form = form

    def make_folders(self) -> None:
        """Make the folders where they are missing. Raises RunFolderError."""
        for name in (PARTS, MARKS):
            (self.folder / name).make_folder()

    def mark(self, number: int) -> Mark | None:
        """The mark of a block; None where there is none, or where it is damaged: then it is done again.

        Raises:
            RunFolderError: it cannot be read.
        """
        content = (self.folder / MARKS / _mark_name(number)).read()
        if content is None:
            return None
        try:
            found = json.loads(content)
            return Mark(**{**found, "failed": tuple(map(tuple, found["failed"]))})
        except (ValueError, TypeError, KeyError):
            return None

    def marks(self) -> dict[int, Mark]:
        """All marks, by block. Raises RunFolderError."""
        numbers = [
            int(name[:-5])
            for name in (self.folder / MARKS).names()
            if name.endswith(".json") and name[:-5].isdecimal()
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = zip(numbers, pool.map(self.mark, numbers), strict=True)
            return {number: mark for number, mark in found if mark is not None}

    def begin(self, number: int, mark: Mark) -> None:
        """Write a block's mark alone: its part stays as it is. Raises RunFolderError."""
        (self.folder / MARKS / _mark_name(number)).write(json.dumps(asdict(mark)).encode("ascii"))

    def write(self, number: int, rows: Mapping[int, Mapping[str, Any]], mark: Mark) -> Mark:
        """Write a block's part, and its mark.

        Args:
            number: the block's.
            rows: by place in the block.
            mark: how many cases the block has, when and by whom it is written.

        Returns:
            The mark, with part and counts.

        Raises:
            RunFolderError: they cannot be written.
        """
        ordered = [rows[at] for at in sorted(rows)]
        lines = [json.dumps({"at": at, **rows[at]}, separators=(",", ":")) for at in sorted(rows)]
        content = _as_parquet(ordered, lines) if self._form == "parquet" else _as_lines(lines)
        total = hashlib.blake2b(content, digest_size=8).hexdigest()
        part = f"{number:06d}-{total}.{self._form}"
        counted = Mark(
            part, total, mark.cases, len(rows), ended=mark.ended, run=mark.run, tries=mark.tries,
            **counts_of(ordered),
        )  # fmt: skip
        (self.folder / PARTS / part).write(content)
        self.begin(number, counted)
        if mark.part and mark.part != part:
            (self.folder / PARTS / mark.part).remove()
        return counted

    def rows(self, mark: Mark) -> dict[int, dict[str, Any]] | None:
        """The rows of a mark's part by place in the block; None where it is damaged or not there.

        Raises:
            RunFolderError: it cannot be read.
        """
        if not mark.part:
            return {}
        content = (self.folder / PARTS / mark.part).read()
        if content is None or hashlib.blake2b(content, digest_size=8).hexdigest() != mark.sum:
            return None
        read: Callable[[bytes], Iterable[str | bytes]]
        read = _of_parquet if mark.part.endswith(".parquet") else bytes.splitlines
        return {(row := json.loads(line)).pop("at"): row for line in read(content)}

    def all_rows(self, marks: Mapping[int, Mark]) -> Iterator[dict[str, Any]]:
        """The rows of all blocks, in the order of the input; one part at a time is in memory.

        Raises:
            RunFolderError: a part is damaged; its mark is removed, so that a resumed run does it again.
        """
        for number, mark in sorted(marks.items()):
            rows = self.rows(mark)
            if rows is None:
                (self.folder / MARKS / _mark_name(number)).remove()
                raise RunFolderError(
                    f"{mark.part} was damaged after it was written; go on with --resume, which does it again"
                )
            yield from (rows[at] for at in sorted(rows))

    def remove_others(self, marks: Mapping[int, Mark]) -> None:
        """Remove the parts that no mark names. Raises RunFolderError."""
        named = {mark.part for mark in marks.values()}
        for name in (self.folder / PARTS).names():
            if name not in named:
                (self.folder / PARTS / name).remove()


def counts_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a mark counts of a block's rows, by its fields' names."""
    verdicts: dict[str, int] = {}
    usage: dict[str, Usage] = {}
    failed, again, not_running = [], 0, 0
    unusable: dict[str, int] = {}
    answered: dict[str, int] = {}
    databases: dict[str, dict[str, int]] = {}
    for row in rows:
        correction = row["correction"]
        _count(verdicts, correction["verdict"])
        for stage, tokens in correction["usage"].items():
            usage[stage] = usage.get(stage, Usage()) + Usage(**tokens)
        if correction["error"]:
            failed.append((correction["id"], correction["error"], row["cause"]))
        failures = {each["role"]: each["cause"] for each in correction["failures"]}
        for role, cause in failures.items():
            if cause in OF_NO_USE:
                _count(unusable, role)
        for role in correction["usage"]:
            if role not in failures:
                _count(answered, role)
        not_running += correction["runs"] is False
        again += bool(row.get(FAILED))
        if row.get(FINGERPRINT) and not row.get(FAILED):
            _count(databases.setdefault(row["database"], {}), row[FINGERPRINT])
    return {
        "again": again,
        "verdicts": verdicts,
        "usage": {stage: asdict(tokens) for stage, tokens in usage.items()},
        "failed": tuple(failed),
        "unusable": unusable,
        "answered": answered,
        "not_running": not_running,
        "databases": databases,
    }


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1


NOTHING: Mapping[str, Any] = MappingProxyType(counts_of(()))
"""The counts of no row."""


def _mark_name(number: int) -> str:
    return f"{number:06d}.json"


def _as_lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _as_parquet(rows: Iterable[Mapping[str, Any]], lines: list[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    flat = [{**row["correction"], "database": row["database"]} for row in rows]
    kinds = {"confidence": pa.float64(), "runs": pa.bool_()}
    table = pa.table(
        {
            **{
                name: pa.array([_text(each[name]) for each in flat], kinds.get(name, pa.string()))
                for name in _FLAT
            },
            "row": pa.array(lines, pa.string()),
        }
    )
    written = io.BytesIO()
    parquet.write_table(table, written, compression="zstd")
    return written.getvalue()


def _text(value: Any) -> Any:
    """A value as Arrow takes it: a lone surrogate in a model's answer has no UTF-8; `row` has it whole."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _of_parquet(content: bytes) -> list[str]:
    from pyarrow import parquet

    found: list[str] = parquet.read_table(io.BytesIO(content), columns=["row"])["row"].to_pylist()
    return found
