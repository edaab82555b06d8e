"""What the file system says of a database's file, and a named error where it is none that can be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from share_sql import errors


def absolute(path: str | Path, name: str) -> Path:
    """The path from the root. Raises DatabaseMissing where it is relative and the working folder is gone."""
    try:
        return Path(path).absolute()
    except FileNotFoundError:
        raise errors.DatabaseMissing(
            f"{name}: the path is relative, and the working folder is gone; go to one that is there"
        ) from None


def look(path: Path, name: str) -> os.stat_result:
    """What the file system says of a file.

    Args:
        path: the file's.
        name: the database's, for messages.

    Raises:
        DatabaseMissing: there is no such file.
        DatabaseUnreadable: it is a folder, no regular file, empty, or may not be read.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise errors.DatabaseMissing(f"{name}: there is no file {path}; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise errors.DatabaseUnreadable(f"{name}: {path} cannot be read: {reason}") from None
    if stat.S_ISDIR(found.st_mode):
        raise errors.DatabaseUnreadable(f"{name}: {path} is a folder; name the file in it")
    if not stat.S_ISREG(found.st_mode):
        raise errors.DatabaseUnreadable(f"{name}: {path} is not a regular file")
    if not found.st_size:
        raise errors.DatabaseUnreadable(f"{name}: {path} is an empty file, not a database")
    if not os.access(path, os.R_OK):
        raise errors.DatabaseUnreadable(f"{name}: {path} may not be read; mind its permissions")
    return found
