"""Schemas and columns in few words, for small models.

Each token of a prompt costs a CPU about half a millisecond, and a model that was trained on a prompt needs no
instructions in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from share_sql.schema.model import Column, ColumnName, Schema
from share_sql.schema.quote import quoted_text

_LONGEST_MEANING = 110
"""Characters; the published meanings say the same of every column first and the particular later."""
_EXAMPLES = 2
"""Stored values that are told of a column."""
_LONGEST_EXAMPLE = 24
"""Characters; longer texts are prose, of which none is asked for by its words."""
_TEXT = re.compile(r"char|text|clob|date|time", re.IGNORECASE)
"""In the type of a column of which examples say how its values are written."""
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


def tells_examples(column: Column) -> bool:
    """Whether examples of what a column stores are told: it holds text, days, or anything."""
    return not column.type or _TEXT.search(column.type) is not None


def stored_tables(schema: Schema, stored: Mapping[ColumnName, Sequence[object]]) -> str:
    """A line a table, with types and what columns store: `stores(store_id INTEGER, city TEXT 'Bonn', 'Ulm')`.

    Args:
        schema: the tables.
        stored: examples of what columns store.
    """
    lines = []
    for table in schema.tables:
        columns = []
        for column in table.columns:
            texts = map(str, stored.get(ColumnName(table.name, column.name), ())[:_EXAMPLES])
            shown = (" ".join(text.split()) for text in texts if len(text) <= _LONGEST_EXAMPLE)
            examples = ", ".join(quoted_text(text, schema.dialect) for text in shown)
            kind = column.type.split("(")[0].upper()
            columns.append(" ".join(filter(None, (column.name, kind, examples))))
        lines.append(f"{table.name}({', '.join(columns)})")
    return "\n".join(lines)


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
