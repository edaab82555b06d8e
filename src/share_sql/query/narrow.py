"""A large schema without the tables that a question hardly means, for models that read it whole.

Each column in a prompt costs tokens, and a schema of thousands fits no small model. What is kept depends on
the question and its stored values alone, never on the draft.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from share_sql.query.asked import words
from share_sql.schema.model import Schema, Table, ValueMatch

MOST_COLUMNS = 160
"""About 1,500 tokens of a prompt."""
_VALUE = 4.0
_TABLE = 2.0
_COLUMN = 1.0
"""What a stored value, a word of the table's name and a column that the question names count for."""
_COUNTED = 4
"""Columns of a table that count at most, so that wide tables do not win by width."""


def narrowed(
    schema: Schema, text: str, values: Iterable[ValueMatch] = (), most: int = MOST_COLUMNS
) -> Schema:
    """The schema with its likeliest tables, in its own order.

    Args:
        schema: the whole schema.
        text: question and evidence.
        values: stored values that they name.
        most: columns at most; a table that alone has more keeps its first ones.

    Returns:
        The schema itself where it is small enough; else one with fewer tables, those that join two of them,
        and the keys between them.
    """
    if sum(len(table.columns) for table in schema.tables) <= most:
        return schema
    said = words(text)
    found = {(match.table, match.column) for match in values}
    scores = {table.name: _score(table, said, found) for table in schema.tables}
    kept: set[str] = set()
    room = most
    for table in sorted(schema.tables, key=lambda table: -scores[table.name]):
        if kept and len(table.columns) > room:
            continue
        kept.add(table.name)
        room -= len(table.columns)
    for name in _between(schema, kept):
        joining = schema.table(name)
        if joining is not None and len(joining.columns) <= room:
            kept.add(name)
            room -= len(joining.columns)
    tables = tuple(
        replace(table, columns=table.columns[:most]) for table in schema.tables if table.name in kept
    )
    keys = tuple(key for key in schema.foreign_keys if key.table in kept and key.to_table in kept)
    return replace(schema, tables=tables, foreign_keys=keys)


def _score(table: Table, said: frozenset[str], found: set[tuple[str, str]]) -> float:
    columns = sum(1 for column in table.columns if words(column.name) & said)
    values = sum(1 for name, _ in found if name == table.name)
    return _VALUE * values + _TABLE * len(words(table.name) & said) + _COLUMN * min(columns, _COUNTED)


def _between(schema: Schema, kept: set[str]) -> list[str]:
    """Tables with keys to, or from, two of those that are kept."""
    neighbours: dict[str, set[str]] = {}
    for key in schema.foreign_keys:
        neighbours.setdefault(key.table, set()).add(key.to_table)
        neighbours.setdefault(key.to_table, set()).add(key.table)
    return [name for name, others in neighbours.items() if name not in kept and len(others & kept) > 1]
