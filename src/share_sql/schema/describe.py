"""Column meanings from a database alone: what its data say about each column, in plain sentences."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from share_sql.database.base import Database, Limits, Value
from share_sql.errors import QueryError
from share_sql.schema.describe_sql import FACT_SQL, kind_of, title_of
from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.schema.quote import quoted_name, quoted_table
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
_RANGED = ("Whole number", "Number", "Date as text", "Date", "Date and time")
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
    kind: str = ""
    """What it is by its type, where that says more than the values."""


def describe(database: Database, schema: Schema) -> dict[ColumnName, str]:
    """Describe every column of a database by its data.

    One or two sentences a column: kind, range, share of NULL, number of distinct values, examples, and
    its part in keys. The same database gives the same text. Of a table with more than 100,000 rows the
    first 100,000 are looked at; a table that cannot be read in a minute is described by its declaration,
    with a warning in the log.

    Args:
        database: an open connection.
        schema: its schema.

    Returns:
        A meaning for each column, in schema order; see `meanings.write_column_meanings`.

    Raises:
        DatabaseError: the database cannot be read.
    """
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


def _sample(table: Table, columns: Sequence[Column], dialect: str) -> str:
    if dialect in FACT_SQL:
        source = quoted_table(table, dialect)
        values = (
            FACT_SQL[dialect].value(kind_of(column, dialect), quoted_name(column.name, dialect))
            for column in columns
        )
        names = ", ".join(f"{value} AS c{at}" for at, value in enumerate(values))
        return f"(SELECT {names} FROM {source} LIMIT {SAMPLE_ROWS}) AS s"  # noqa: S608 (quoted names)
    # With the table before it, a name that is no column is an error and not a text.
    source = quoted(table.name)
    names = ", ".join(f"{source}.{quoted(column.name)} AS c{at}" for at, column in enumerate(columns))
    return f"(SELECT {names} FROM {source} LIMIT {SAMPLE_ROWS})"  # noqa: S608 (quoted names)


def _facts(database: Database, table: Table, columns: Sequence[Column]) -> list[_Facts]:
    if database.dialect in FACT_SQL:
        return _typed_facts(database, table, columns)
    asked = ", ".join(
        f"count(c{at}), count(DISTINCT c{at}), total(typeof(c{at}) = 'integer'), "
        f"total(typeof(c{at}) = 'real'), total(typeof(c{at}) = 'text'), total(c{at} GLOB {_DATE}), "
        f"min(c{at}), max(c{at})"
        for at in range(len(columns))
    )
    more = f"EXISTS (SELECT 1 FROM {quoted(table.name)} LIMIT 1 OFFSET {SAMPLE_ROWS})"  # noqa: S608
    sql = f"SELECT {more}, count(*), {asked} FROM {_sample(table, columns, database.dialect)}"  # noqa: S608 (quoted names)
    cut, rows, *rest = database.query(sql, _LIMITS).rows[0]
    facts = []
    for at in range(0, len(rest), 8):
        filled, distinct, integers, reals, texts, dates = (_count(value) for value in rest[at : at + 6])
        low, high = rest[at + 6 : at + 8]
        counts = (_count(rows), filled, distinct, integers, reals, texts, dates)
        facts.append(_Facts(bool(cut), *counts, low, high))
    return facts


def _typed_facts(database: Database, table: Table, columns: Sequence[Column]) -> list[_Facts]:
    """Facts of columns whose types say what is in them."""
    how = FACT_SQL[database.dialect]
    kinds = [kind_of(column, database.dialect) for column in columns]
    asked = ", ".join(
        f"count(c{at}), count(DISTINCT c{at}), "
        + (f"sum(CASE WHEN {how.is_date.format(f'c{at}')} THEN 1 ELSE 0 END)" if kind == "text" else "0")
        + f", min(c{at}), max(c{at})"
        for at, kind in enumerate(kinds)
    )
    source = quoted_table(table, database.dialect)
    more = f"CASE WHEN EXISTS (SELECT 1 FROM {source} LIMIT 1 OFFSET {SAMPLE_ROWS}) THEN 1 ELSE 0 END"  # noqa: S608
    sql = f"SELECT {more}, count(*), {asked} FROM {_sample(table, columns, database.dialect)}"  # noqa: S608
    cut, rows, *rest = database.query(sql, _LIMITS).rows[0]
    facts = []
    for at, kind in enumerate(kinds):
        filled, distinct, dates = (_count(value) for value in rest[5 * at : 5 * at + 3])
        low, high = rest[5 * at + 3 : 5 * at + 5]
        whole, number = (filled if kind == one else 0 for one in ("whole", "number"))
        texts = filled if kind not in ("whole", "number", "other") else 0
        counts = (_count(rows), filled, distinct, whole, number, texts, dates)
        facts.append(_Facts(bool(cut), *counts, low, high, title_of(kind, columns[at])))
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
        f"SELECT c0 FROM {_sample(table, [column], database.dialect)} WHERE c0 IS NOT NULL "  # noqa: S608 (quoted names)
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
    if facts.kind:
        kind = facts.kind
    elif facts.integers == facts.filled:
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
    if (kind in _RANGED) and facts.distinct > 2:
        parts[0] += f" from {_shown(facts.low)} to {_shown(facts.high)}"
    parts.append(
        f"NULL in {_share(facts.rows - facts.filled, facts.rows)} of the rows"
        if facts.filled < facts.rows
        else "never NULL"
    )
    if not facts.texts + numbers and facts.kind:
        return f"{', '.join(parts)}{f' (seen{where})' if where else ''}"
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
