"""An append-only journal: one JSON line a finished case, from which a run's files are made.

    {"sum":"<16 hex digits>","journal":3,"run":…,"settings":…,"cases":{"count":…,"sum":…,"each":…}}
    {"sum":"<16 hex digits>","at":3,"id":…, …}

The first line says what the run is (settings, cases as `known.KnownCases` tells them; `run` is drawn by
chance); each further one holds a
case's position in the input and all that the case produced. Each begins with a checksum of the bytes after it
(BLAKE2b, 8 bytes: one damaged line in 1.8e19 would pass); those of the cases are keyed with the first line's,
so that a line of another run is no line of this one. A line counts where its checksum is right and its id is
that of its position. Others are passed over and counted (`Journal.damaged`): what they held is to be done
again.

A process killed in the middle of a line leaves a torn tail, which the next line written takes the place of.
Lines are handed to the operating system one by one, so that a killed process loses none; to survive a power
cut as well, the file is synced to the disk every `SYNC_SECONDS` and at the end.

A case that failed for want of a model or a database has `FAILED` in its line: it is written down, but not
finished. The last good line of a case counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from share_sql.errors import RunFolderError

if TYPE_CHECKING:
    from share_sql.runfolder.known import KnownCases

FAILED = "failed"
"""True in the line of a case that is to be done again."""
FINGERPRINT = "fingerprint"
"""In a case's line: the fingerprint of its `database` when the case began; empty where nothing is known of
it."""
SYNC_SECONDS = 2.0
"""Longest time that written lines wait for the disk."""

_VERSION = 3
_START = b'{"sum":"'
_SUM_DIGITS = 16
_HEAD_START = re.compile(rb'\{"sum":"(?P<sum>[0-9a-f]{16})","journal":3,"run":"(?P<run>[0-9a-f]{16})",')
_BODY = len(_START) + _SUM_DIGITS + len(b'",')
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
            row["id"], row.get("database", ""), row.get(FINGERPRINT, ""), bool(row.get(FAILED)), _json(row)
        )


class Journal:
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
        self._synced = time.monotonic()
        try:
            self._file: IO[bytes] = path.open("ab", buffering=0)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be written: {error.strerror}") from error
        try:
            with path.open("rb") as lines:
                first = lines.readline()
                self._end = len(first) if first.endswith(b"\n") else 0
                if self._end:
                    self.head: Mapping[str, Any] = self._read_head(first, head)
                else:
                    self._check_torn_head(first)
                    line = _sealed({"journal": _VERSION, "run": secrets.token_hex(8), **head}, b"")
                    self.head = json.loads(line)
                self._places = array("q", [-1]) * len(cases)
                self._states = bytearray(len(cases))
                self._databases: dict[tuple[str, str], int] = {}
                self._of_database = array("l", [-1]) * len(cases)
                if self._end:
                    self._scan(lines)
            if not self._end:
                self._write(line)
                self._key = _sum_of(line)
        except OSError as error:
            self._file.close()
            raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
        except BaseException:
            self._file.close()
            raise

    def _read_head(self, line: bytes, ours: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first line; where it is damaged, but its checksum is that of our own head, this one."""
        head = _unsealed(line, b"")
        if head is None and (start := _HEAD_START.match(line)):
            made = _sealed({"journal": _VERSION, "run": start["run"].decode(), **ours}, b"")
            if _sum_of(made) == start["sum"]:
                self.damaged += 1
                head = _unsealed(made, b"")
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
        self._key = _sum_of(line)
        return head

    def _check_torn_head(self, text: bytes) -> None:
        """Nothing but a first line that was cut off may be written over."""
        start = text[: len(_START)]
        if start != _START[: len(start)]:
            raise RunFolderError(
                f"{self._path} is no journal of a run; name another folder, or delete the file"
            )

    def _scan(self, lines: IO[bytes]) -> None:
        """Note where each case's last good line begins; `_end` is then where the whole lines end."""
        for line in lines:
            if not line.endswith(b"\n"):
                break
            row = self._good(line)
            if row is None:
                self.damaged += 1
            else:
                state = row.get("database", ""), row.get(FINGERPRINT, "")
                self._note(row["at"], self._end, bool(row.get(FAILED)), state)
            self._end += len(line)

    def _good(self, line: bytes) -> dict[str, Any] | None:
        """The row of a case's line; None where the line is damaged, or of another run or case."""
        row = _unsealed(line, self._key)
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
        place = self._end
        self._write(_with_sum(b'"at":%d,' % position + line.text[1:] + b"\n", self._key))
        self._note(position, place, line.failed, (line.database, line.fingerprint))
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def _write(self, line: bytes) -> None:
        try:
            size = os.fstat(self._file.fileno()).st_size
            if size > self._end:
                self._file.truncate(self._end)  # a torn tail: of a process that was killed, or of a full disk
            rest = memoryview(line) if size >= self._end else b""
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from error
        if size < self._end:
            raise RunFolderError(
                f"{self._path} was shortened by another hand while it was written; go on with --resume"
            )
        self._end += len(line)

    def _unwritable(self, error: OSError) -> RunFolderError:
        return RunFolderError(
            f"{self._path} cannot be written ({error.strerror}); mend that and go on with --resume"
        )

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
        try:
            os.fsync(self._file.fileno())
            there = os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError as error:
            raise self._unwritable(error) from error
        if not there:
            raise RunFolderError(
                f"{self._path} was deleted or moved while it was written; put it back and go on with "
                "--resume, or run again"
            )
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close. May be called twice. Raises RunFolderError as `sync`."""
        if not self._file.closed:
            with self._file:
                self.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except RunFolderError:
            if error is None:  # else what ended the block is told
                raise


def _sealed(row: Mapping[str, Any], key: bytes) -> bytes:
    """A line with its checksum."""
    return _with_sum(_json(row)[1:] + b"\n", key)


def _json(row: Mapping[str, Any]) -> bytes:
    # ASCII only: a lone surrogate in a model's answer has no UTF-8, but it has an escape.
    return json.dumps(row, separators=(",", ":")).encode("ascii")


def _with_sum(body: bytes, key: bytes) -> bytes:
    return b"".join((_START, _sum(body, key), b'",', body))


def _unsealed(line: bytes, key: bytes) -> dict[str, Any] | None:
    """The row of a line; None where it is not as it was written."""
    body = line[_BODY:]
    if not body or line[:_BODY] != b"".join((_START, _sum(body, key), b'",')):
        return None
    row: dict[str, Any] = json.loads(b"{" + body)
    return row


def _sum_of(line: bytes) -> bytes:
    """The checksum that stands in a line."""
    return line[len(_START) : len(_START) + _SUM_DIGITS]


def _sum(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_SUM_DIGITS // 2, key=key).hexdigest().encode()
