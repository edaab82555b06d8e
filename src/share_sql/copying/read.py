"""Reads a SQLite file's rows for a copy: each column as one kind of value."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from share_sql.copying.plan import PlannedTable, quoted
from share_sql.errors import DatabaseMissing, DatabaseUnreadable

Value: TypeAlias = str | int | float | bytes | None
BATCH = 2_000
"""Rows that are in memory at once."""
_NUL = "a NUL character was replaced in"
_BROKEN = "bytes that are no UTF-8 were replaced in"


def open_source(path: Path) -> sqlite3.Connection:
    """Open a SQLite file read-only.

    Raises:
        DatabaseMissing: there is no such file.
        DatabaseUnreadable: it is no SQLite file, or cannot be read.
    """
    if not path.is_file():
        raise DatabaseMissing(f"there is no file {path}; check the path")
    if not path.stat().st_size:
        raise DatabaseUnreadable(f"{path} is an empty file, not a database")
    try:
        connection = sqlite3.connect(f"{Path(os.path.abspath(path)).as_uri()}?mode=ro", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.Error as error:
        raise DatabaseUnreadable(f"{path} cannot be read as SQLite: {error}") from None
    return connection


def batches(
    source: sqlite3.Connection, table: PlannedTable, *, nul: bool, mended: Counter[str]
) -> Iterator[list[tuple[Value, ...]]]:
    """The rows of a table in the file's order, some at a time.

    Args:
        source: from `open_source`.
        table: which, and as what kinds.
        nul: whether the target's texts may hold NUL characters; they are replaced by U+FFFD where not.
        mended: counts the values in which something was replaced, by what and where.

    Yields:
        Rows of whole and broken numbers, texts, bytes and None.
    """
    parts = []
    for name, column in zip(table.sources, table.columns, strict=True):
        written = f"{quoted(table.source)}.{quoted(name)}"
        parts.append(f"CAST({written} AS {column.cast})" if column.cast else written)
    cursor = source.cursor()
    texts = [
        (at, _mender(f"{table.name}.{column.name}", nul, mended))
        for at, column in enumerate(table.columns)
        if column.kind not in ("blob", "integer", "real")
    ]
    before, source.text_factory = source.text_factory, bytes
    try:
        cursor.execute(f"SELECT {', '.join(parts)} FROM {quoted(table.source)}")  # noqa: S608 (quoted names)
        while rows := cursor.fetchmany(BATCH):
            if not texts:
                yield rows
                continue
            changed = []
            for row in rows:
                values = list(row)
                for at, mend in texts:
                    if values[at] is not None:
                        values[at] = mend(values[at])
                changed.append(tuple(values))
            yield changed
    finally:
        source.text_factory = before


def _mender(where: str, nul: bool, mended: Counter[str]) -> Callable[[bytes], str]:
    def mend(raw: bytes) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
            mended[f"{_BROKEN} {where}"] += 1
        if not nul and "\0" in text:
            text = text.replace("\0", "�")
            mended[f"{_NUL} {where}"] += 1
        return text

    return mend
