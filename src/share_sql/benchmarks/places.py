"""Where databases lie that are known by name: in a folder, a file each, or behind a URL.

    dev_databases                      dev_databases/NAME/NAME.sqlite, or dev_databases/NAME.duckdb, …
    postgresql://user@host/{name}      the database NAME of a server; {name} may stand anywhere in the URL
    postgresql://user@host/bird        one database that holds the tables of all

Or where a function says: one that looks names up in the settings, say.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from share_sql.database.address import is_url, shown
from share_sql.dialects import DIALECTS
from share_sql.errors import BenchmarkError

Places: TypeAlias = Path | str | Callable[[str], str | None]
"""A folder, a URL, or what gives path or URL of a name, None where it knows none."""

ENDINGS = tuple(ending for dialect in DIALECTS.values() for ending in dialect.endings)
"""Of files that hold a database, in the order in which they are looked for."""

_NAME = "{name}"


def read_places(text: str) -> Places:
    """The places that a text names, as `--databases` takes it."""
    return text if is_url(text) else Path(text)


def place_of(places: Places, name: str) -> str | Path:
    """Where the database of this name lies: a path, or a URL with the name in it, percent-escaped.

    Whether it is there is found out when it is opened.
    """
    if isinstance(places, Path):
        return database_path(places, name)
    if isinstance(places, str):
        return places.replace(_NAME, quote(name, ""))
    return places(name) or Path(name)


def check_places(places: Places) -> None:
    """Raises BenchmarkError where there is no such folder, or braces that are no `{name}` in a URL."""
    if isinstance(places, Path):
        if not places.is_dir():
            raise BenchmarkError(f"there is no folder {places}; expected <name>/<name>.sqlite in it")
    elif isinstance(places, str) and {*"{}"} & {*places.replace(_NAME, "")}:
        raise BenchmarkError(f"{shown(places)}: the place of a database's name in a URL is {_NAME}")


def database_path(folder: Path, name: str) -> Path:
    """Where a benchmark keeps a database: `<folder>/<name>/<name>.sqlite`, or with another of ENDINGS, or the
    same without the folder of its own.

    A name that would lead out of the folder, or that no file can have, stays a name in it that does
    not exist.
    """
    safe = name if Path(name).name == name and name not in (".", "..") else "_"
    for own in (folder / safe, folder):
        for ending in ENDINGS:
            path = own / f"{safe}{ending}"
            if os.path.exists(path):  # not Path.exists, which raises for a name that is too long
                return path
    return folder / safe / f"{safe}.sqlite"
