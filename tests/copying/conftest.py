"""Targets that a SQLite file is copied into: a new one of each kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.servers.database import new_database

KINDS = ("postgres", "mysql", "duckdb")
Make = Callable[..., Path]


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL or path of an empty database of one kind."""
    if request.param == "duckdb":
        yield str(tmp_path / "copy.duckdb")
        return
    with new_database(request.param, request.getfixturevalue(f"{request.param}_url")) as database:
        yield database.owner


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a SQLite file from a script and rows."""

    def made(script: str, **rows: list[tuple[object, ...]]) -> Path:
        path = tmp_path / "source.sqlite"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
            for table, values in rows.items():
                marks = ", ".join("?" * len(values[0]))
                connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', values)
            connection.commit()
        return path

    return made
