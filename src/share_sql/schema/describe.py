"""Column meanings from a database alone: what its data say about each column, in plain sentences."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from share_sql.database.base import Database, Limits, Value
from share_sql.errors import QueryError, SchemaError
from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.schema.value_text import quoted

_log = logging.getLogger(__name__)
SAMPLE_ROWS = 100_000
"""Rows looked at in a table; of a longer one the first, and the text says so."""
_LISTED = 6
"""Columns with no more distinct values than this have them all listed."""
_EXAMPLES = 3
_SHOWN = 40
"""Longest text shown as an example."""
_TOGETHER = 100
"""Columns asked about in one query; SQLite gives at most 2,000 result columns."""
_LIMITS = Limits(seconds=60.0, rows=10, bytes=64 * 1024 * 1024)
_DATE = "'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"


@dataclass(frozen=True)
class _Facts:
    """Counts over the rows looked at."""

    cut: bool
    """The table has more rows."""
    rows: int
    filled: int
    distinct: int
    integers: int
    reals: int
    texts: int
    dates: int
    low: Value
    high: Value


def describe(database: Database, schema: Schema) -> dict[ColumnName, str]:
    """Describe every column of a database by its data.

    One or two sentences a column: kind, range, share of NULL, number of distinct values, examples, and
    its part in keys. The same database gives the same text. Of a table with more than 100,000 rows the
    first 100,000 are looked at; a table that cannot be read in a minute is described by its declaration,
    with a warning in the log.

    Args:
        database: an open connection, of dialect sqlite.
        schema: its schema.

    Returns:
        A meaning for each column, in schema order; see `meanings.write_column_meanings`.

    Raises:
        SchemaError: the database is of a dialect that cannot be described yet.
        DatabaseError: the database cannot be read.
    """
    if database.dialect != "sqlite":
        raise SchemaError(f"{database.name} cannot be described from its data: dialect {database.dialect}")
    meanings = {}
    for table in schema.tables:
        for start in range(0, len(table.columns), _TOGETHER):
            columns = table.columns[start : start + _TOGETHER]
            try:
                facts = _facts(database, table, columns)
                texts = [
                    _data(one, _examples(database, table, column, one))
                    for column, one in zip(columns, facts, strict=True)
                ]
            except QueryError as error:
                _log.warning("%s: the data of %s are not described: %s", database.name, table.name, error)
                texts = [column.type.capitalize() or "Of no declared type" for column in columns]
            for column, text in zip(columns, texts, strict=True):
                sentences = [text, *_keys(schema, table, column)]
                meanings[ColumnName(table.name, column.name)] = " ".join(f"{one}." for one in sentences)
    return meanings


def _sample(table: Table, columns: Sequence[Column]) -> str:
    # With the table before it, a name that is no column is an error and not a text.
    source = quoted(table.name)
    names = ", ".join(f"{source}.{quoted(column.name)} AS c{at}" for at, column in enumerate(columns))
    return f"(SELECT {names} FROM {source} LIMIT {SAMPLE_ROWS})"  # noqa: S608 (quoted names)


def _facts(database: Database, table: Table, columns: Sequence[Column]) -> list[_Facts]:
    asked = ", ".join(
        f"count(c{at}), count(DISTINCT c{at}), total(typeof(c{at}) = 'integer'), "
        f"total(typeof(c{at}) = 'real'), total(typeof(c{at}) = 'text'), total(c{at} GLOB {_DATE}), "
        f"min(c{at}), max(c{at})"
        for at in range(len(columns))
    )
    more = f"EXISTS (SELECT 1 FROM {quoted(table.name)} LIMIT 1 OFFSET {SAMPLE_ROWS})"  # noqa: S608
    sql = f"SELECT {more}, count(*), {asked} FROM {_sample(table, columns)}"  # noqa: S608 (quoted names)
    cut, rows, *rest = database.query(sql, _LIMITS).rows[0]
    facts = []
    for at in range(0, len(rest), 8):
        filled, distinct, integers, reals, texts, dates = (_count(value) for value in rest[at : at + 6])
        low, high = rest[at + 6 : at + 8]
        counts = (_count(rows), filled, distinct, integers, reals, texts, dates)
        facts.append(_Facts(bool(cut), *counts, low, high))
    return facts


def _count(value: Value) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _examples(database: Database, table: Table, column: Column, facts: _Facts) -> list[str]:
    """The most frequent values, as they are shown; all of them where they are few."""
    if not facts.filled or facts.filled > facts.integers + facts.reals + facts.texts:
        return []
    few = facts.distinct <= _LISTED
    order = "c0" if few and not facts.texts else "count(*) DESC, c0"
    sql = (
        f"SELECT c0 FROM {_sample(table, [column])} WHERE c0 IS NOT NULL "  # noqa: S608 (quoted names)
        f"GROUP BY c0 ORDER BY {order} LIMIT {_LISTED if few else _EXAMPLES}"
    )
    return [_shown(value) for (value,) in database.query(sql, _LIMITS).rows]


def _shown(value: Value) -> str:
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"'{text[: _SHOWN - 1]}…'" if len(text) > _SHOWN else f"'{text}'"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _data(facts: _Facts, examples: list[str]) -> str:
    """The sentence about the data, without its full stop."""
    if not facts.rows:
        return "Not filled yet, the table has no rows"
    where = f" in the first {SAMPLE_ROWS:,} rows" if facts.cut else ""
    if not facts.filled:
        return f"Always NULL{where}"
    numbers = facts.integers + facts.reals
    if facts.integers == facts.filled:
        kind = "Whole number"
    elif numbers == facts.filled:
        kind = "Number"
    elif facts.dates == facts.filled:
        kind = "Date as text"
    elif facts.texts == facts.filled:
        kind = "Text"
    elif numbers + facts.texts == facts.filled:
        kind = f"Text, but a number in {_share(numbers, facts.filled)} of the rows"
    else:
        kind = "Binary data"
    parts = [kind]
    listed = facts.distinct <= _LISTED
    if kind in ("Whole number", "Number", "Date as text") and facts.distinct > 2:
        parts[0] += f" from {_shown(facts.low)} to {_shown(facts.high)}"
    parts.append(
        f"NULL in {_share(facts.rows - facts.filled, facts.rows)} of the rows"
        if facts.filled < facts.rows
        else "never NULL"
    )
    if facts.distinct == facts.rows > 1:
        parts.append("different in every row")
    elif not listed:
        parts.append(f"{facts.distinct:,} distinct values")
    text = ", ".join(parts)
    if examples and listed:
        text += f"; {'always' if facts.distinct == 1 else 'one of'} {', '.join(examples)}"
    elif examples and kind != "Whole number":
        text += f"; for example {', '.join(examples)}"
    return f"{text} (seen{where})" if where else text


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return "less than 1%" if percent < 1 else "more than 99%" if percent > 99 else f"{percent:.0f}%"


def _keys(schema: Schema, table: Table, column: Column) -> list[str]:
    """The sentence about keys, if it is in any."""
    parts = []
    if column.name in table.primary_key:
        parts.append("primary key" if len(table.primary_key) == 1 else "part of the primary key")
    own = (table.name.lower(), column.name.lower())
    parts += [
        f"refers to {link.to_table}.{link.to_column}"
        for link in schema.foreign_keys
        if (link.table.lower(), link.column.lower()) == own
    ]
    return [text[0].upper() + text[1:] for text in [", ".join(parts)] if text]
