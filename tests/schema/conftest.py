"""Small databases for the tests of `schema`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from share_sql.database.sqlite import SqliteDatabase

Make = Callable[..., SqliteDatabase]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a database file from a script, and opens it as the product does."""
    with ExitStack() as stack:

        def made(
            script: str, name: str = "shop", rows: dict[str, list[tuple[object, ...]]] | None = None
        ) -> SqliteDatabase:
            path = tmp_path / f"{name}.sqlite"
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(script)
                for table, values in (rows or {}).items():
                    marks = ", ".join("?" * len(values[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
                connection.commit()
            return stack.enter_context(SqliteDatabase(path))

        yield made
