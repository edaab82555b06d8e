"""A value index's file in the cache folder: it appears whole or not at all, and damage to it is noticed.

Its name holds a checksum of its content, so that both come and go in one step. Part of `values`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from share_sql.schema.value_store import FileStore
from share_sql.whole_file import whole_file

_log = logging.getLogger(__name__)


def find_file(folder: Path, key: str) -> tuple[FileStore, Path] | None:
    """The store kept under a key, if its content is what was written.

    The file is read whole for that, about a gigabyte a second. One that is damaged is removed, with a
    warning in the log. What damages it later is noticed only where SQLite cannot read it.

    Args:
        folder: the cache folder; there may be none.
        key: hexadecimal digits.

    Returns:
        The store and its file; None where there is none that can be used.
    """
    for path in sorted(folder.glob(f"{key}-*.sqlite")):
        try:
            if not path.is_file():
                continue
            if path.name == _name(key, path):
                return _opened(path), path
            reason: object = "its content is damaged"
            path.unlink()
        except (OSError, sqlite3.DatabaseError) as error:
            reason = error
        _log.warning("the value index %s is built anew: %s", path, reason)
    return None


@contextmanager
def sole_builder(folder: Path, key: str) -> Iterator[None]:
    """Held while a store's file is built: others, in other processes too, wait, and find it then.

    Args:
        folder: the cache folder; created where there is none.
        key: as for `find_file`.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"share-values-{key}.lock"
    handle = _locked(path)
    try:
        yield
    finally:
        with suppress(OSError):  # it is gone already
            path.unlink()
        os.close(handle)


def _locked(path: Path) -> int:
    """A locked file of this name; whoever held it before may have removed it meanwhile."""
    import fcntl

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            return handle  # a file system without locks: two may build, and neither harms the other
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)


def build_file(folder: Path, key: str, write: Callable[[sqlite3.Connection], None]) -> tuple[FileStore, Path]:
    """Build a store's file, and open it.

    Args:
        folder: the cache folder; created where there is none.
        key: as for `find_file`.
        write: fills an empty SQLite database.

    Returns:
        The store and its file.

    Raises:
        OSError, sqlite3.Error: it cannot be written: a full disk, no rights, something else in its place.
    """
    with whole_file(folder, "share-values-") as begun:
        with closing(sqlite3.connect(begun)) as connection:
            write(connection)
        path = folder / _name(key, begun)
        os.replace(begun, path)
    return _opened(path), path


def _name(key: str, path: Path) -> str:
    """The name under which a file's content is kept."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    return f"{key}-{digest.hexdigest()}.sqlite"


def _opened(path: Path) -> FileStore:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    try:
        return FileStore(connection)
    except BaseException:
        connection.close()
        raise
