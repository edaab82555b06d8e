"""Whether a column that the value index holds in part stores a text: the database itself is asked."""

from __future__ import annotations

from share_sql.database.base import Database, Limits
from share_sql.errors import QueryError
from share_sql.schema.model import ColumnSet, Schema, ValueMatch
from share_sql.schema.quote import quoted_name, quoted_table, quoted_text
from share_sql.schema.value_text import clean

_LIMITS = Limits(seconds=3.0, rows=3)
_MOST = 8
"""Columns that are asked for one text."""


def with_unindexed(
    database: Database, schema: Schema, text: str, unsure: ColumnSet, matches: tuple[ValueMatch, ...]
) -> tuple[ValueMatch, ...]:
    """Complete a look-up with what the database says of columns that the index holds in part.

    Args:
        database: an open connection.
        schema: its schema.
        text: what was looked up.
        unsure: columns that were looked in, and that the index holds in part.
        matches: what the index gave.

    Returns:
        The matches, with the text before them for each such column that stores it. None at all where a column
        cannot be asked: what is not found proves nothing then.
    """
    text = clean(text)
    found: list[ValueMatch] = []
    has = {(match.table, match.column) for match in matches if match.value == text}
    for name in sorted(unsure):
        if (name.table, name.column) in has:
            continue
        table = schema.table(name.table)
        if table is None or len(unsure) > _MOST:
            return ()
        column, constant = quoted_name(name.column, schema.dialect), quoted_text(text, schema.dialect)
        # The most frequent kind of question: whether a value is there at all.
        sql = (
            f"SELECT {column} FROM {quoted_table(table, schema.dialect)} "  # noqa: S608 (quoted names)
            f"WHERE {column} = {constant} LIMIT 1"
        )
        try:
            rows = database.query(sql, _LIMITS).rows
        except QueryError:
            return ()
        found += [ValueMatch(table.name, name.column, str(value), 100.0) for (value,) in rows]
    return (*found, *(match for match in matches if match not in found))
