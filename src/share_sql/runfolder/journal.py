"""An append-only journal: one JSON line a finished case, from which a run's files are made.

The first line says what the run is (settings, cases); each further one holds a case's position in the
input and all that the case produced. A line counts once its line break is written: a process killed in
the middle of one leaves a torn tail, which the next opening cuts off. Lines are handed to the operating
system one by one, so that a killed process loses none; to survive a power cut as well, the file is
synced to the disk every `SYNC_SECONDS` and at the end.

A case that failed for want of a model or a database has `FAILED` in its line: it is written down, but not
finished. Its next line, if there is one, takes the place of this.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

from share_sql.errors import RunFolderError

FAILED = "failed"
"""True in the line of a case that is to be done again."""
SYNC_SECONDS = 2.0
"""Longest time that written lines wait for the disk."""


class Journal:
    """One run's journal, open for reading and appending. Used as a context manager.

    Args:
        path: the file; made where it is missing.
        head: what the run is; written as the first line of a new journal. An existing journal keeps its
            own, in `head`, for the caller to compare.

    Raises:
        RunFolderError: the file cannot be read or written, or is no journal.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self._path = path
        self._places: dict[int, int] = {}
        self._failed: set[int] = set()
        self._synced = time.monotonic()
        try:
            self._file: IO[bytes] = path.open("ab", buffering=0)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be written: {error.strerror}") from error
        try:
            self.head: Mapping[str, Any] = self._scan()
            if not self.head:
                self.head = json.loads(json.dumps({"journal": 1, **head}))
                self._write(self.head)
        except BaseException:
            self._file.close()
            raise

    def _scan(self) -> Mapping[str, Any]:
        """Note where each case's line begins; cut off a torn last line. Returns the first line's object."""
        head: Mapping[str, Any] = {}
        at = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                try:
                    row = json.loads(line)
                except ValueError:
                    row = None
                if not isinstance(row, dict) or ("journal" if at == 0 else "at") not in row:
                    # Torn lines are only ever the last; anything else was changed by another hand.
                    raise RunFolderError(
                        f"{self._path} is damaged at byte {at}; delete the folder, or cut the file off there "
                        "to run the later cases again"
                    )
                if at == 0:
                    head = row
                else:
                    self._note(row["at"], at, row)
                at += len(line)
        self._file.truncate(at)
        return head

    def _note(self, position: int, place: int, row: Mapping[str, Any]) -> None:
        if position in self:
            return
        self._places[position] = place
        (self._failed.add if row.get(FAILED) else self._failed.discard)(position)

    def __contains__(self, position: object) -> bool:
        """Whether the case is finished."""
        return position in self._places and position not in self._failed

    def __len__(self) -> int:
        return len(self._places) - len(self._failed)

    def has(self, position: int) -> bool:
        """Whether the case has a line, finished or failed."""
        return position in self._places

    def append(self, position: int, row: Mapping[str, Any]) -> None:
        """Write down a case that is finished, or failed.

        Args:
            position: its place in the input, from 0. A position that is finished already is left as it is.
            row: what it produced; JSON values only. `FAILED` says that it is to be done again.
        """
        if position in self:
            return
        self._note(position, self._write({"at": position, **row}), row)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def _write(self, row: Mapping[str, Any]) -> int:
        # ASCII only: a lone surrogate in a model's answer has no UTF-8, but it has an escape.
        line = json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"
        place = self._file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise RunFolderError(
                f"{self._path} cannot be written ({error.strerror}); mend that and go on with --resume"
            ) from error
        return place

    def read(self, position: int) -> dict[str, Any]:
        """The last row of a case. Raises KeyError where the position is not in the journal."""
        return next(self.rows([position]))

    def rows(self, positions: Iterable[int]) -> Iterator[dict[str, Any]]:
        """The last rows of cases, in the order asked for. Raises KeyError as `read`."""
        with self._path.open("rb") as lines:
            for position in positions:
                lines.seek(self._places[position])
                yield json.loads(lines.readline())

    def sync(self) -> None:
        """Bring everything to the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close. May be called twice."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
