"""Reads the distinct text values of every column through a read-only connection. Part of `values`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from share_sql.database.base import Database, Limits, Row
from share_sql.errors import QueryError
from share_sql.schema.model import Schema
from share_sql.schema.value_text import MAX_LENGTH, quoted

_log = logging.getLogger(__name__)
MAX_VALUES = 200_000
"""Distinct values kept of one column."""
MAX_TOTAL = 5_000_000
"""Values kept of one database; columns that come after have none."""
SMALL = 10_000
"""A database with no more values than this is read with few queries and kept in memory."""
_TOGETHER = 200
"""Columns read by one query; SQLite takes 500 parts in a compound SELECT."""
_SECONDS = 60.0
"""Deadline for reading one column."""


@dataclass(frozen=True)
class ScannedColumn:
    """The text values of one column."""

    table: str
    column: str
    values: list[str]
    """Distinct, as stored, in the order the database gave them."""
    complete: bool
    """Every value of the column is a text in `values`, a longer text, a blob or NULL."""


def scan(database: Database, schema: Schema) -> Iterator[ScannedColumn]:
    """Read the text values of every column of every table; views are left out, they repeat tables.

    Args:
        database: an open connection; of dialect sqlite.
        schema: which tables and columns to read.

    Yields:
        Every column, in schema order, numeric ones without values. A column that cannot be read in time, or
        at all, is given without values and not complete, with a warning in the log.
    """
    names = [(table.name, column.name) for table, column in schema.columns() if not table.is_view]
    room = MAX_TOTAL
    for start in range(0, len(names), _TOGETHER):
        part = names[start : start + _TOGETHER]
        for column in _together(database, part) or (_alone(database, *name) for name in part):
            if len(column.values) > room:
                column = replace(column, values=[], complete=False)
            room -= len(column.values)
            yield column


def _together(database: Database, names: list[tuple[str, str]]) -> list[ScannedColumn] | None:
    """Read small columns with one query; None where they are not small or one cannot be read."""
    sql = " UNION ALL ".join(
        f"SELECT {number}, v FROM ({_select(*name)})"  # noqa: S608 (quoted names)
        for number, name in enumerate(names)
    )
    try:
        result = database.query(sql, Limits(seconds=_SECONDS, rows=SMALL))
    except QueryError:
        # One column that cannot be read, or too much to read: column by column it will show which.
        return None
    if result.truncated:
        return None
    found: list[list[Row]] = [[] for _ in names]
    for row in result.rows:
        found[int(row[0] or 0)].append(row[1:])
    return [_column(*name, rows) for name, rows in zip(names, found, strict=True)]


def _alone(database: Database, table: str, column: str) -> ScannedColumn:
    # One more for NULL and one for the number's mark, so that a full column shows as cut.
    limits = Limits(seconds=_SECONDS, rows=MAX_VALUES + 3, bytes=256 * 1024 * 1024)
    try:
        result = database.query(f"{_select(table, column)} LIMIT {limits.rows}", limits)
    except QueryError as error:
        _log.warning("%s: the values of %s.%s are not indexed: %s", database.name, table, column, error)
        return ScannedColumn(table, column, [], complete=False)
    return _column(table, column, result.rows)


def _select(table: str, column: str) -> str:
    # The table's name is written before the column's: SQLite takes a lone "name" that is no column as text.
    source, name = quoted(table), f"{quoted(table)}.{quoted(column)}"
    text = f"CASE WHEN length({name}) <= {MAX_LENGTH} THEN {name} END"
    value = f"CASE typeof({name}) WHEN 'text' THEN {text} WHEN 'integer' THEN 1 WHEN 'real' THEN 1 END"
    return f"SELECT DISTINCT {value} AS v FROM {source}"  # noqa: S608 (quoted names)


def _column(table: str, column: str, rows: tuple[Row, ...] | list[Row]) -> ScannedColumn:
    values = [value for (value,) in rows if isinstance(value, str)]
    # One number represents all numbers of the column: compared with a text, SQLite may convert either.
    # Bytes are text that is not UTF-8.
    others = any(value is not None and not isinstance(value, str) for (value,) in rows)
    return ScannedColumn(table, column, values[:MAX_VALUES], not others and len(values) <= MAX_VALUES)
