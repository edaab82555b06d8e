"""An append-only journal: one JSON line a finished case, from which a run's files are made.

    {"sum":"<16 hex digits>","journal":3,"run":…,"settings":…,"cases":{"count":…,"sum":…,"each":…}}
    {"sum":"<16 hex digits>","at":3,"id":…, …}

The first line says what the run is (settings, cases as `known.KnownCases` tells them; `run` is drawn by
chance); each further one holds a case's position in the input and all that the case produced. Each has a
checksum (lines.py), those of the cases keyed with the first line's. A line counts where its checksum is right
and its id is that of its position. Others are passed over and counted (`Journal.damaged`): what they held is
to be done again.

A case that failed for want of a model or a database has `FAILED` in its line: it is written down, but not
finished. The last good line of a case counts.
"""

from __future__ import annotations

import json
import re
import secrets
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from share_sql.errors import RunFolderError
from share_sql.runfolder.lines import (
    START,
    ClosedByBlock,
    SealedLines,
    as_json,
    sealed,
    sum_of,
    unsealed,
    with_sum,
)

if TYPE_CHECKING:
    from share_sql.runfolder.known import KnownCases

FAILED = "failed"
"""True in the line of a case that is to be done again."""
FINGERPRINT = "fingerprint"
"""In a case's line: the fingerprint of its `database` when the case began; empty where nothing is known of
it."""

_VERSION = 3
_HEAD_START = re.compile(rb'\{"sum":"(?P<sum>[0-9a-f]{16})","journal":3,"run":"(?P<run>[0-9a-f]{16})",')
_UNTRIED, _FAILED, _FINISHED = range(3)


@dataclass(frozen=True)
class Line:
    """A case's row, written out: by the process in which the case ended, mostly, and not by the journal's."""

    id: str
    database: str
    fingerprint: str
    """As the row's `FINGERPRINT`."""
    failed: bool
    """As the row's `FAILED`."""
    text: bytes
    """The row as a JSON object, in ASCII."""

    @staticmethod
    def of(row: Mapping[str, Any]) -> Line:
        """That of a row, which has an `id` and holds JSON values only."""
        return Line(
            row["id"], row.get("database", ""), row.get(FINGERPRINT, ""), bool(row.get(FAILED)), as_json(row)
        )


class Journal(ClosedByBlock):
    """One run's journal, open for reading and appending. Used as a context manager.

    Args:
        path: the file; made where it is missing.
        settings: what determines the outcome; written, with the cases, as the first line of a new journal. An
            existing journal keeps its own, in `head`, for the caller to compare.
        cases: the run's.

    Raises:
        RunFolderError: the file cannot be read or written, is no journal, is one of another version, or its
            first line is damaged.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], cases: KnownCases) -> None:
        self.damaged = 0
        """Lines that count for nothing, as found when the journal was opened."""
        self._path = path
        self._cases = cases
        self._key = b""
        head = {"settings": dict(settings), "cases": cases.said()}
        self._lines = SealedLines(path)
        try:
            with path.open("rb") as lines:
                first = lines.readline()
                self._lines.end = len(first) if first.endswith(b"\n") else 0
                if self._lines.end:
                    self.head: Mapping[str, Any] = self._read_head(first, head)
                else:
                    self._check_torn_head(first)
                    line = sealed({"journal": _VERSION, "run": secrets.token_hex(8), **head}, b"")
                    self.head = json.loads(line)
                self._places = array("q", [-1]) * len(cases)
                self._states = bytearray(len(cases))
                self._databases: dict[tuple[str, str], int] = {}
                self._of_database = array("l", [-1]) * len(cases)
                if self._lines.end:
                    self._scan(lines)
            if not self._lines.end:
                self._lines.write(line)
                self._key = sum_of(line)
        except OSError as error:
            self._lines.abandon()
            raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
        except BaseException:
            self._lines.abandon()
            raise

    def _read_head(self, line: bytes, ours: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first line; where it is damaged, but its checksum is that of our own head, this one."""
        head = unsealed(line, b"")
        if head is None and (start := _HEAD_START.match(line)):
            made = sealed({"journal": _VERSION, "run": start["run"].decode(), **ours}, b"")
            if sum_of(made) == start["sum"]:
                self.damaged += 1
                head = unsealed(made, b"")
        if head is None:
            with suppress(ValueError, RecursionError):
                head = json.loads(line)
            # The first version had no checksums.
            if not isinstance(head, dict) or head.get("journal") != 1 or "sum" in head:
                raise RunFolderError(
                    f"{self._path}: its first line is damaged, so that no other line can be trusted; delete "
                    "the file, and all cases are done anew"
                )
        if head["journal"] != _VERSION:
            raise RunFolderError(
                f"{self._path} was written by another version of SHARE; name another folder, or delete the "
                "file, and all cases are done anew"
            )
        self._key = sum_of(line)
        return head

    def _check_torn_head(self, text: bytes) -> None:
        """Nothing but a first line that was cut off may be written over."""
        start = text[: len(START)]
        if start != START[: len(start)]:
            raise RunFolderError(
                f"{self._path} is no journal of a run; name another folder, or delete the file"
            )

    def _scan(self, lines: IO[bytes]) -> None:
        """Note where each case's last good line begins."""
        for place, line in self._lines.whole(lines):
            row = self._good(line)
            if row is None:
                self.damaged += 1
            else:
                state = row.get("database", ""), row.get(FINGERPRINT, "")
                self._note(row["at"], place, bool(row.get(FAILED)), state)

    def _good(self, line: bytes) -> dict[str, Any] | None:
        """The row of a case's line; None where the line is damaged, or of another run or case."""
        row = unsealed(line, self._key)
        position = row.get("at") if row is not None else None
        if row is None or not isinstance(position, int):
            return None
        return row if self._cases.has(position, row.get("id")) else None

    def _note(self, position: int, place: int, failed: bool, state: tuple[str, str]) -> None:
        """Note where a case's line begins, and of its database name and fingerprint."""
        self._places[position] = place
        self._states[position] = _FAILED if failed else _FINISHED
        self._of_database[position] = (
            self._databases.setdefault(state, len(self._databases)) if state[1] else -1
        )

    def __contains__(self, position: int) -> bool:
        """Whether the case is finished."""
        return self._states[position] == _FINISHED

    def __len__(self) -> int:
        return self._states.count(_FINISHED)

    def has(self, position: int) -> bool:
        """Whether the case has a line, finished or failed."""
        return self._states[position] != _UNTRIED

    def holds(self, position: int, name: str) -> bool:
        """Whether the run's case at a position has this id."""
        return self._cases.has(position, name)

    def unfinished(self, position: int, name: str) -> bool:
        """Whether a position's case has this id and is not finished."""
        return self.holds(position, name) and position not in self

    def databases(self) -> dict[str, dict[str, Sequence[int]]]:
        """By database, the fingerprints that it had when its finished cases began, with those cases'
        positions; the fingerprint of the case that was written down last is the last. Cases of which none is
        known are left out."""
        finished: dict[int, array[int]] = {}
        for position, number in enumerate(self._of_database):
            if number >= 0 and position in self:
                finished.setdefault(number, array("q")).append(position)
        found: dict[str, dict[str, Sequence[int]]] = {}
        known = list(self._databases)
        for number in sorted(finished, key=lambda number: max(self._places[at] for at in finished[number])):
            name, fingerprint = known[number]
            found.setdefault(name, {})[fingerprint] = finished[number]
        return found

    def reopen(self, positions: Iterable[int]) -> None:
        """Have finished cases done again: they count as failed until they are written down anew."""
        for position in positions:
            self._states[position] = min(self._states[position], _FAILED)

    def append(self, position: int, row: Mapping[str, Any]) -> None:
        """Write down a case that is finished, or failed.

        Args:
            position: its place in the input, from 0. A position that is finished already is left as it is.
            row: what it produced, with its `id`; JSON values only. `FAILED` says that it is to be done again.

        Raises:
            RunFolderError: it cannot be written.
        """
        self.add(position, Line.of(row))

    def add(self, position: int, line: Line) -> None:
        """As `append`, for a row that is written out already."""
        if position in self:
            return
        assert self._cases.has(position, line.id), "a row belongs to the case at its position"
        place = self._lines.write(with_sum(b'"at":%d,' % position + line.text[1:] + b"\n", self._key))
        self._note(position, place, line.failed, (line.database, line.fingerprint))
        self._lines.sync_in_time()

    def read(self, position: int) -> dict[str, Any]:
        """The last row of a case. Raises KeyError where the position is not in the journal; see `rows`."""
        return next(self.rows([position]))

    def rows(self, positions: Iterable[int]) -> Iterator[dict[str, Any]]:
        """The last rows of cases, in the order asked for.

        Raises:
            KeyError: the position is not in the journal.
            RunFolderError: the file cannot be read, or the line is not any more what was written.
        """
        try:
            with self._path.open("rb") as lines:
                for position in positions:
                    if not self.has(position):
                        raise KeyError(position)
                    lines.seek(self._places[position])
                    row = self._good(lines.readline())
                    if row is None or row["at"] != position:
                        raise RunFolderError(
                            f"{self._path}: the line of case number {position + 1} was damaged after it was "
                            "written; go on with --resume, which does it again"
                        )
                    yield row
        except OSError as error:
            raise RunFolderError(
                f"{self._path} cannot be read ({error.strerror}); mend that and go on with --resume"
            ) from error

    def sync(self) -> None:
        """Bring everything to the disk. Raises RunFolderError where that fails, or the file is not there any
        more."""
        self._lines.sync()

    def close(self) -> None:
        """Sync and close. May be called twice. Raises RunFolderError as `sync`."""
        self._lines.close()
