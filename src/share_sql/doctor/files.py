"""Databases that are a file: who may write it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator

from share_sql.database.address import file_of
from share_sql.doctor.asked import Known, right
from share_sql.doctor.check import Check


def file_rights(known: Known) -> Iterator[Check]:
    """Yield the checks of a file's permissions."""
    path = os.path.abspath(file_of(known.where) or known.where)
    mode = os.stat(path).st_mode
    if mode & stat.S_IWOTH:
        told = f"everybody may write {path}"
        yield right("file", told, f"chmod o-w {shlex.quote(path)}")
    elif os.access(path, os.W_OK):
        yield right("file", "this user may write it; SHARE opens it read-only", "", "ok")
    else:
        yield right("file", "this user may not write it", "", "ok")


def file_recipe(known: Known) -> str:
    """How to make a file that this user may not write."""
    path = shlex.quote(os.path.abspath(file_of(known.where) or known.where))
    return f"# As the file's owner; its users then read it, and nobody writes it:\nchmod a-w {path}\n"
