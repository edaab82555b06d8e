"""A file that appears whole or not at all: it is written under another name, then moved into its place.

The file under way is locked by its writer. One that nobody has locked was left by a writer that was killed,
and the next writer removes it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(folder: Path, prefix: str) -> Iterator[Path]:
    """A new, empty file to write and to move into its place; where it is not moved, it is removed.

    Args:
        folder: where it is written; created where there is none.
        prefix: how its name begins. It tells the writer's files from those of other programs in the folder:
            what killed writers left under it is removed.

    Yields:
        The file's path.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder, prefix)
    handle, path = _claim(folder, prefix)
    try:
        yield path
    finally:
        with suppress(OSError):  # it was moved, or the disk is gone: what was raised before says so
            path.unlink()
        os.close(handle)


def put_in_place(path: Path, place: Path) -> None:
    """Move a file into its place once it is on the disk, so that not even a power cut leaves half of it.

    Raises OSError where it cannot be written or moved.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(path, place)


def _claim(folder: Path, prefix: str) -> tuple[int, Path]:
    """A new file, locked while its handle is open."""
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=folder)
        with suppress(OSError):  # a file system without locks: nobody can take it for abandoned either
            _lock(handle)
        if os.path.exists(name):
            return handle, Path(name)
        # Another writer took it for abandoned before it was locked.
        os.close(handle)


def _remove_abandoned(folder: Path, prefix: str) -> None:
    for path in folder.glob(f"{prefix}*.tmp"):
        with suppress(OSError):  # it is being written, or is gone, or is another's: not in the way
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                _lock(handle)
                path.unlink()
            finally:
                os.close(handle)


def _lock(handle: int) -> None:
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
