"""Append-only files of lines with checksums: what journal.py and ledger.py have in common.

    {"sum":"<16 hex digits>", …}

Each line is a JSON object that begins with a checksum of the bytes after it (BLAKE2b, 8 bytes: one damaged
line in 1.8e19 would pass), keyed with what the file belongs to, so that a line of another run is no line of
this one. A process killed in the middle of a line leaves a torn tail, which the next line written takes the
place of. Lines are handed to the operating system one by one, so that a killed process loses none; to survive
a power cut as well, the file is synced to the disk every `SYNC_SECONDS` and at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

from share_sql.errors import RunFolderError

SYNC_SECONDS = 2.0
"""Longest time that written lines wait for the disk."""

START = b'{"sum":"'
"""What each line begins with."""
_SUM_DIGITS = 16
_BODY = len(START) + _SUM_DIGITS + len(b'",')


class ClosedByBlock:
    """What a `with` block closes; where the block has failed, that is told, and not what closing raised."""

    def close(self) -> None:
        """Close it. Raises RunFolderError where something could not be written."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except RunFolderError:
            if error is None:  # else what ended the block is told
                raise


class SealedLines:
    """A file of such lines, open for appending.

    Args:
        path: the file; made where it is missing.

    Raises:
        RunFolderError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        """Where the whole lines end, and the next one is written: told by who has read the file."""
        self._synced = time.monotonic()
        try:
            self._file: IO[bytes] = path.open("ab", buffering=0)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be written: {error.strerror}") from error

    def whole(self, lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
        """The whole lines from where `lines` stands, each with its place; `end` moves along."""
        for line in lines:
            if not line.endswith(b"\n"):
                break
            yield self.end, line
            self.end += len(line)

    def write(self, line: bytes) -> int:
        """Append a line; its place.

        Raises:
            RunFolderError: it cannot be written, or the file was shortened by another hand.
        """
        place = self.end
        try:
            size = os.fstat(self._file.fileno()).st_size
            if size > self.end:
                self._file.truncate(self.end)  # a torn tail: of a process that was killed, or of a full disk
            rest = memoryview(line) if size >= self.end else b""
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from error
        if size < self.end:
            raise RunFolderError(
                f"{self.path} was shortened by another hand while it was written; go on with --resume"
            )
        self.end += len(line)
        return place

    def sync(self) -> None:
        """Bring everything to the disk. Raises RunFolderError where that fails, or the file is not there any
        more."""
        try:
            os.fsync(self._file.fileno())
            there = os.path.samestat(os.stat(self.path), os.fstat(self._file.fileno()))
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError as error:
            raise self._unwritable(error) from error
        if not there:
            raise RunFolderError(
                f"{self.path} was deleted or moved while it was written; put it back and go on with "
                "--resume, or run again"
            )
        self._synced = time.monotonic()

    def sync_in_time(self) -> None:
        """Sync where the last time was `SYNC_SECONDS` ago. Raises RunFolderError as `sync`."""
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def close(self) -> None:
        """Sync and close. May be called twice. Raises RunFolderError as `sync`."""
        if not self._file.closed:
            with self._file:
                self.sync()

    def abandon(self) -> None:
        """Close without more."""
        self._file.close()

    def _unwritable(self, error: OSError) -> RunFolderError:
        return RunFolderError(
            f"{self.path} cannot be written ({error.strerror}); mend that and go on with --resume"
        )


def sealed(row: Mapping[str, Any], key: bytes) -> bytes:
    """A line with its checksum."""
    return with_sum(as_json(row)[1:] + b"\n", key)


def as_json(row: Mapping[str, Any]) -> bytes:
    """A row as it stands in a line."""
    # ASCII only: a lone surrogate in a model's answer has no UTF-8, but it has an escape.
    return json.dumps(row, separators=(",", ":")).encode("ascii")


def with_sum(body: bytes, key: bytes) -> bytes:
    """A line of what follows its checksum, with its end."""
    return b"".join((START, _sum(body, key), b'",', body))


def unsealed(line: bytes, key: bytes) -> dict[str, Any] | None:
    """The row of a line; None where it is not as it was written."""
    body = line[_BODY:]
    if not body or line[:_BODY] != b"".join((START, _sum(body, key), b'",')):
        return None
    row: dict[str, Any] = json.loads(b"{" + body)
    return row


def sum_of(line: bytes) -> bytes:
    """The checksum that stands in a line."""
    return line[len(START) : len(START) + _SUM_DIGITS]


def _sum(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_SUM_DIGITS // 2, key=key).hexdigest().encode()
