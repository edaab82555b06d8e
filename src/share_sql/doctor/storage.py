"""The cache folder: whether it can be written, and what it holds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from share_sql.doctor.check import Check
from share_sql.schema.values import default_cache

GROUP = "cache"
LITTLE = 1 << 30
"""Bytes of free disk below which it is told."""


def check_cache(folder: Path | None) -> Iterator[Check]:
    """Yield the checks of the folder for value indexes; None for the user's."""
    folder = folder or default_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = "give a folder that can be written: --cache, SHARE_CACHE or folder in [cache]"
        yield Check(GROUP, "folder", "failed", f"{folder} cannot be written: {error.strerror}", mend)
        return
    count, size = _held(folder)
    yield Check(GROUP, "folder", "ok", f"{folder}, {count} files, {size / 1e6:,.1f} MB")
    free = shutil.disk_usage(folder).free
    if free < LITTLE:
        yield Check(GROUP, "disk", "warning", f"{free / 1e6:,.0f} MB are free there", "free some, or move it")


def _held(folder: Path) -> tuple[int, int]:
    """How many files a folder holds, and their bytes; what goes away meanwhile is not counted."""
    count = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
            count += 1
    return count, size
