"""Reads the distinct text values of every column through a read-only connection. Part of `values`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from share_sql.database.base import Database, Limits, Row
from share_sql.errors import QueryError
from share_sql.schema.model import Schema
from share_sql.schema.value_sql import TEXT_SQL, Size, sizes

_log = logging.getLogger(__name__)
MAX_VALUES = 200_000
"""Distinct values kept of one column."""
MAX_TOTAL = 5_000_000
"""Values kept of one database; columns that come after have none."""
SMALL = 10_000
"""A database with no more values than this is read with few queries and kept in memory."""
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
    part: bool = False
    """It holds more texts, or may: it was sampled, cut or not read."""


@dataclass(frozen=True)
class _Asked:
    """A column, and how its texts are asked for."""

    table: str
    column: str
    sql: str
    part: bool
    """Whether that is of a part of its rows."""
    small: bool
    """Whether it is read together with others."""

    def found(self, rows: Sequence[Row]) -> ScannedColumn:
        """What its query gave."""
        values = [value for (value,) in rows if isinstance(value, str)]
        # One number represents all numbers of the column: compared with a text, it may be converted, or the
        # text may. Bytes are text that is not UTF-8.
        others = any(value is not None and not isinstance(value, str) for (value,) in rows)
        part = self.part or len(values) > MAX_VALUES
        return ScannedColumn(self.table, self.column, values[:MAX_VALUES], not others and not part, part)

    @property
    def unread(self) -> ScannedColumn:
        """It could not be asked."""
        return ScannedColumn(self.table, self.column, [], complete=False, part=True)


def scan(
    database: Database, schema: Schema, known: Mapping[tuple[object, object], Size] | None = None
) -> Iterator[ScannedColumn]:
    """Read the text values of every column of every table; views are left out, they repeat tables.

    Of a large table a sample is read, and there is an end to the time for each column and for all of them;
    which tables are large, `value_sql` says by dialect.

    Args:
        database: an open connection.
        schema: which tables and columns to read.
        known: what `value_sql.sizes` gave; None: it is asked.

    Yields:
        Every column, in schema order, numeric ones without values. A column that cannot be read in time, or
        at all, is given without values and not complete, with a warning in the log.
    """
    how = TEXT_SQL[database.dialect]
    late = time.monotonic() + how.seconds
    room = MAX_TOTAL
    missed = 0
    for part in _parts(_columns(database, schema, known), how.together):
        asked = [each for each in part if isinstance(each, _Asked)]
        read: dict[_Asked, ScannedColumn] = {}
        if time.monotonic() < late:
            read = _together(database, [each for each in asked if each.small])
        for column in part:
            if isinstance(column, _Asked) and column in read:
                column = read[column]
            elif isinstance(column, _Asked):
                left = late - time.monotonic()
                missed += left <= 0
                column = _alone(database, column, min(_SECONDS, left)) if left > 0 else column.unread
            if len(column.values) > room:
                column = replace(column, values=[], complete=False, part=True)
            room -= len(column.values)
            yield column
    if missed:
        message = "%s: the values of %d columns are not indexed, the time for it (%d s) was over"
        _log.warning(message, database.name, missed, how.seconds)


def _columns(
    database: Database, schema: Schema, known: Mapping[tuple[object, object], Size] | None
) -> Iterator[ScannedColumn | _Asked]:
    """Every column: how it is asked, or at once what it has where that is plain."""
    how = TEXT_SQL[database.dialect]
    known = sizes(database) if known is None else known
    for table in schema.tables:
        if table.is_view:
            continue
        size = known.get((table.namespace, table.own))
        is_empty = how.zero_is_sure and size is not None and not size.rows and not size.remote
        for column in table.columns:
            if is_empty or not how.is_text(column):
                yield ScannedColumn(table.name, column.name, [], complete=is_empty)
                continue
            sql, part = how.select(table, column, database.dialect, size)
            small = not part and (size is None or size.rows <= SMALL)
            yield _Asked(table.name, column.name, sql, part, small)


def _parts(
    columns: Iterable[ScannedColumn | _Asked], together: int
) -> Iterator[list[ScannedColumn | _Asked]]:
    """In pieces with so many columns to ask."""
    part: list[ScannedColumn | _Asked] = []
    asked = 0
    for column in columns:
        part.append(column)
        asked += isinstance(column, _Asked)
        if asked == together:
            yield part
            part, asked = [], 0
    yield part


def _together(database: Database, columns: list[_Asked]) -> dict[_Asked, ScannedColumn]:
    """Read small columns with one query; none where they are not small or one cannot be read."""
    if not columns:
        return {}
    sql = " UNION ALL ".join(
        f"SELECT {number}, v FROM ({column.sql}) AS x"  # noqa: S608 (quoted names)
        for number, column in enumerate(columns)
    )
    try:
        result = database.query(sql, Limits(seconds=_SECONDS, rows=SMALL))
    except QueryError:
        # One column that cannot be read, or too much to read: column by column it will show which.
        return {}
    if result.truncated:
        return {}
    found: list[list[Row]] = [[] for _ in columns]
    for row in result.rows:
        found[int(row[0] or 0)].append(row[1:])
    return {column: column.found(rows) for column, rows in zip(columns, found, strict=True)}


def _alone(database: Database, column: _Asked, seconds: float) -> ScannedColumn:
    # One more for NULL and one for the number's mark, so that a full column shows as cut.
    limits = Limits(seconds=seconds, rows=MAX_VALUES + 3, bytes=256 * 1024 * 1024)
    try:
        result = database.query(f"{column.sql} LIMIT {limits.rows}", limits)
    except QueryError as error:
        message = "%s: the values of %s.%s are not indexed: %s"
        _log.warning(message, database.name, column.table, column.column, error)
        return column.unread
    return column.found(result.rows)
