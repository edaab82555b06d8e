"""A run's cases, cut into blocks: the same blocks each time, so that a resumed run knows which are done.

A block is a range of bytes of a JSON Lines file, or of rows of a Parquet file. No one reads the whole input
to cut it: a line belongs to the block in which its first byte lies. Ray Data's own readers are not used for
this: one line that is no JSON would end the read for all, and their blocks differ from one start to the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from share_sql.benchmarks.cases import LabelledCase, case_at, read_line
from share_sql.database.address import shown
from share_sql.errors import BenchmarkError
from share_sql.runfolder.record import fingerprint
from share_sql.scale.places import place_at

if TYPE_CHECKING:
    from pyarrow import NativeFile

NEED = ("question", "database", "draft")
"""Fields that each case must have, beside `id`."""
COLUMNS = ("id", "question", "evidence", "database", "draft")
"""What is read of a Parquet file."""
BLOCKS = 4096
"""Blocks that an input is cut into, as far as `SMALLEST` and `LARGEST` allow it."""
SMALLEST, LARGEST = 16 << 10, 4 << 20
"""Bytes of a block: some fifty cases, and some ten thousand."""
LARGEST_ROWS = 10_000
"""The same in rows of a Parquet file."""
_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """A part of the input that one worker does in one go."""

    number: int
    """From 0, in the order of the input."""
    file: str
    """Path or URL."""
    start: int
    """Its first byte (JSON Lines) or row (Parquet)."""
    end: int
    """The first one after it."""
    most: int | None = None
    """Only its first cases; None for all."""

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.file.rsplit("/", 1)[-1]

    @property
    def is_parquet(self) -> bool:
        """Whether it is of a Parquet file."""
        return _is_parquet(self.file)


def cut(cases: str, block_bytes: int | None = None) -> list[Block]:
    """Cut an input into blocks.

    Args:
        cases: path or URL of a file, or of a folder whose files ending in `.jsonl` and `.parquet` are read,
            in the order of their names. A file of another ending is read as JSON Lines.
        block_bytes: bytes of a block; None: by the input's size.

    Returns:
        The blocks, in order; some may hold no case.

    Raises:
        BenchmarkError: there is no such file or folder, it holds no cases, or a file cannot be read.
    """
    from pyarrow.fs import FileSelector, FileType

    place = place_at(cases)
    try:
        found = place.filesystem.get_file_info(place.path)
        if found.type == FileType.NotFound:
            raise BenchmarkError(
                f"there is no {shown(cases)}; give a file of cases, or a folder of such files"
            )
        if found.type == FileType.Directory:
            inside = place.filesystem.get_file_info(FileSelector(place.path))
            files = sorted(
                (f"{cases.rstrip('/')}/{each.base_name}", each.size)
                for each in inside
                if each.type == FileType.File and each.base_name.endswith((".jsonl", ".parquet"))
            )
        else:
            files = [(cases, found.size)]
    except OSError as error:
        raise BenchmarkError(f"{shown(cases)} cannot be read: {error}") from error
    if not files:
        raise BenchmarkError(f"{shown(cases)} holds no file that ends in .jsonl or .parquet")
    each = block_bytes or min(max(sum(size for _, size in files) // BLOCKS, SMALLEST), LARGEST)
    ranges = (
        (file, start, end)
        for file, size in files
        for start, end in (_rows(file, size, each) if _is_parquet(file) else _steps(size, each))
    )
    return [Block(number, *found) for number, found in enumerate(ranges)]


def _is_parquet(file: str) -> bool:
    return file.endswith(".parquet")


def _rows(file: str, size: int, block_bytes: int) -> Iterator[tuple[int, int]]:
    """The row ranges of a Parquet file."""
    with _parquet(file) as parquet:
        rows = parquet.metadata.num_rows
    yield from _steps(rows, min(max(1, rows * block_bytes // max(size, 1)), LARGEST_ROWS))


def _steps(whole: int, each: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + each, whole)) for start in range(0, whole, each))


def _numbered(block: Block, line: int) -> Iterator[tuple[int, LabelledCase | None]]:
    """Each line's number, with its case; None for a blank line."""
    rows = _parquet_rows(block) if block.is_parquet else _json_rows(block)
    for number, (there, row) in enumerate(rows, line):
        if not there:
            yield number, None
            continue
        labelled = case_at(number, row, block.name, NEED)
        # Neither a run folder nor a message holds a password.
        yield number, replace(labelled, case=replace(labelled.case, database=shown(labelled.case.database)))


def _json_rows(block: Block) -> Iterator[tuple[bool, Any]]:
    for at, line in enumerate(_lines(block)):
        text = line.removeprefix(_BOM) if block.start == 0 and at == 0 else line
        if block.start == 0 and at == 0 and text.lstrip()[:1] == b"[":
            raise BenchmarkError(
                f"{block.name} is a JSON list, which no two workers can share; write one object a line"
            )
        yield bool(text.strip()), read_line(text)


def _lines(block: Block) -> Iterator[bytes]:
    """The lines whose first byte lies in the block."""
    try:
        place = place_at(block.file)
        with place.filesystem.open_input_file(place.path) as file:
            # A byte earlier: where that ends a line, the next one begins in this block.
            at = max(block.start - 1, 0)
            file.seek(at)
            rest = _following(file)
            if block.start:
                at += len(next(rest, b""))
            for line in rest:
                if at >= block.end:
                    return
                yield line
                at += len(line)
    except OSError as error:
        raise BenchmarkError(f"{block.name} cannot be read: {error}") from error


def _following(file: NativeFile) -> Iterator[bytes]:
    """The lines from where a file stands."""
    left = b""
    while more := file.read(_CHUNK):
        *whole, left = (left + more).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if left:
        yield left


def _parquet(file: str) -> Any:
    from pyarrow.lib import ArrowException
    from pyarrow.parquet import ParquetFile

    place = place_at(file)
    try:
        return ParquetFile(place.path, filesystem=place.filesystem)
    except (OSError, ArrowException) as error:
        raise BenchmarkError(f"{file.rsplit('/', 1)[-1]} cannot be read as Parquet: {error}") from error


def _parquet_rows(block: Block) -> Iterator[tuple[bool, Any]]:
    from pyarrow.lib import ArrowException

    with _parquet(block.file) as parquet:
        names = set(parquet.schema_arrow.names)
        at, groups = 0, []
        first: int | None = None
        for group in range(parquet.metadata.num_row_groups):
            after = at + parquet.metadata.row_group(group).num_rows
            if at < block.end and after > block.start:
                groups.append(group)
                first = at if first is None else first
            at = after
        at = first or 0
        try:
            for batch in parquet.iter_batches(
                batch_size=1024, row_groups=groups, columns=[name for name in COLUMNS if name in names]
            ):
                inside = batch.slice(max(block.start - at, 0), block.end - max(block.start, at))
                at += len(batch)
                for row in inside.to_pylist():
                    yield True, row
                if at >= block.end:
                    return
        except (OSError, ArrowException) as error:
            raise BenchmarkError(f"{block.name} cannot be read as Parquet: {error}") from error


@dataclass(frozen=True)
class Seen:
    """What one reading of a block found."""

    cases: list[LabelledCase]
    lines: int
    """Blank ones too."""
    sum: str
    """Over all that is asked in it; it does not depend on where the block lies."""

    @classmethod
    def of(cls, block: Block, line: int = 1) -> Seen:
        """Read a block. Raises BenchmarkError."""
        last = line - 1
        cases: list[LabelledCase] = []
        whole = hashlib.blake2b(digest_size=8)
        for number, labelled in _numbered(block, line):
            if labelled is not None and block.most is not None and len(cases) >= block.most:
                break
            last = number
            if labelled is not None:
                asked = labelled.case if is_named(labelled) else replace(labelled.case, id="")
                whole.update(f"{len(asked.id)}:{asked.id}{fingerprint(asked)}".encode("utf-8", "replace"))
                cases.append(labelled)
        return cls(cases, last - line + 1, whole.hexdigest())


def is_named(labelled: LabelledCase) -> bool:
    """Whether the case's id is its own, and not made from its line."""
    return str(labelled.raw.get("id")) == labelled.case.id
