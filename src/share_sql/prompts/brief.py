"""Schemas and columns in few words, for small models.

Each token of a prompt costs a CPU about half a millisecond, and a model that was trained on a prompt needs no
instructions in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from share_sql.schema.model import ColumnName, Schema

_LONGEST_MEANING = 110
"""Characters; the published meanings say the same of every column first and the particular later."""
_LEAD = re.compile(r"^(?:(?:In|Within|Inside) (?:the )?[^,]*?(?:table|database)\b[^,]*, )+")
_SUBJECT = re.compile(
    r"^(?:[Tt]he )?(?:['\"`]?[\w .-]+['\"`]?) column(?: (?:in|of|within|from) the ['\"`]?[\w .-]+['\"`]? "
    r"(?:table|database))*,?(?: is of type \w+\.)? *"
)


def tables(schema: Schema) -> str:
    """A line a table: `singer(Singer_ID, Name, Country)`."""
    return "\n".join(
        f"{table.name}({', '.join(column.name for column in table.columns)})" for table in schema.tables
    )


def keys(schema: Schema) -> str:
    """The foreign keys as joins: `singer_in_concert.Singer_ID = singer.Singer_ID, …`."""
    return ", ".join(
        f"{key.table}.{key.column} = {key.to_table}.{key.to_column}" for key in schema.foreign_keys
    )


def columns(names: Iterable[ColumnName]) -> str:
    """`singer.Name, singer.Country`."""
    return ", ".join(str(name) for name in names)


def described_columns(names: Iterable[ColumnName], schema: Schema) -> str:
    """A line a column: `singer.Name: the name of the singer`, or the name alone."""
    lines = []
    for name in names:
        column = schema.column(name.table, name.column)
        meaning = brief_meaning(column.meaning) if column and column.meaning else ""
        lines.append(f"{name}: {meaning}" if meaning else str(name))
    return "\n".join(lines)


def brief_meaning(meaning: str) -> str:
    """A column's meaning without what its name says already, cut at a word where it is long."""
    text = " ".join(meaning.strip().strip("#\"'").split())
    text = _SUBJECT.sub("", _LEAD.sub("", text))
    if len(text) <= _LONGEST_MEANING:
        return text
    return text[:_LONGEST_MEANING].rsplit(" ", 1)[0] + "…"
