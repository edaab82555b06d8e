"""The settings file: read, and what each of its databases lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from share_sql.database.address import is_url, shown
from share_sql.doctor.check import Check
from share_sql.settings import FILE, Settings

GROUP = "settings"


def check_settings(settings: Settings, fault: str = "") -> Iterator[Check]:
    """Yield the checks of a settings file.

    Args:
        settings: as they were read.
        fault: what keeps the file from being used; empty where nothing does.
    """
    if fault:
        yield Check(GROUP, "file", "failed", fault, "mend the file; without it no other verb works here")
        return
    if settings.file is None:
        yield Check(GROUP, "file", "ok", f"there is none; {FILE} in the working folder would be read")
        return
    yield Check(GROUP, "file", "ok", str(settings.file))
    for name, problem in settings.problems.items():
        yield Check(GROUP, name or "service", "warning", "cannot be used here", problem)
    for name, database in settings.databases.items():
        where = shown(database.where)
        if not is_url(where) and not os.path.isfile(where):
            yield Check(GROUP, name, "failed", f"there is no file {where}", f"mend databases.{name}.path")
            continue
        yield Check(GROUP, name, "ok", where)
        for key in ("meanings", "tables"):
            file = getattr(database, key)
            if file is not None and not Path(file).is_file():
                told = f"its {key} are not there: {file}"
                yield Check(GROUP, name, "failed", told, f"mend databases.{name}.{key}")
