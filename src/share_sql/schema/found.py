"""From what a database's catalog says to a schema: names told apart, keys that bind.

Part of `introspect`.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from share_sql.database.base import Database, Limits, Row
from share_sql.errors import SchemaError
from share_sql.schema.model import Column, ForeignKey, Schema, Table

_log = logging.getLogger(__name__)
_LIMITS = Limits(seconds=60.0, rows=1_000_000, bytes=512 * 1024 * 1024)


@dataclass
class FoundTable:
    """A table as the catalog has it."""

    name: str
    namespace: str | None
    bare: bool = True
    """Whether its name alone finds it."""
    is_view: bool = False
    columns: list[Column] = field(default_factory=list)
    primary_key: tuple[str, ...] = ()


@dataclass
class FoundKey:
    """A foreign key as the catalog has it."""

    table: Hashable
    to_table: Hashable
    """Which `FoundTable` of those found."""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Columns, in the key's order."""


def rows_of(database: Database, sql: str) -> tuple[Row, ...]:
    """Every row of a query of the catalog. Raises SchemaError where they are too many."""
    result = database.query(sql, _LIMITS)
    if result.truncated:
        raise SchemaError(f"the schema of {database.name} has more than {_LIMITS.rows:,} columns or keys")
    return result.rows


def literal(text: str) -> str:
    """A text as SQL writes it, where a backslash is an ordinary sign."""
    return "'" + text.replace("'", "''") + "'"


def names_in(names: Iterable[str]) -> str:
    """A list of texts for IN."""
    return ", ".join(map(literal, names))


def set_primary(found: Mapping[Hashable, FoundTable], keys: Mapping[Hashable, Sequence[str]]) -> None:
    """Give tables their primary keys. One with a column that the role may not read is none."""
    for at, names in keys.items():
        table = found.get(at)
        if table is None or not set(names) <= {column.name for column in table.columns}:
            continue
        table.primary_key = tuple(names)
        table.columns = [
            replace(column, primary_key=True, nullable=False) if column.name in names else column
            for column in table.columns
        ]


def built(
    database: Database, found: dict[Hashable, FoundTable], keys: Iterable[FoundKey], unread: int = 0
) -> Schema:
    """The schema of what was found.

    Args:
        database: what it was found in.
        found: tables in order, under whatever keys call them.
        keys: foreign keys in order; one with a part that was not found is left out, with a line in the log.
        unread: tables that the role may not read, which are told as a number.

    Returns:
        The schema, with names that are told apart.
    """
    if unread:
        _log.warning(
            "%s: %d tables left out, the role may not read them; GRANT SELECT lets it", database.name, unread
        )
    tables: dict[Hashable, Table] = {}
    taken: set[str] = set()
    for key, table in found.items():
        if not table.columns:
            # A view whose tables are gone, for the most part.
            _log.warning("%s: %s left out, its columns cannot be read", database.name, table.name)
            continue
        name = _name(table, taken)
        if name is None:
            _log.warning(
                "%s: %s of %s left out, another is called so", database.name, table.name, table.namespace
            )
            continue
        taken.add(name)
        tables[key] = Table(name, tuple(table.columns), table.primary_key, table.is_view, table.namespace)
    links: list[ForeignKey] = []
    groups = dangling = 0
    for each in keys:
        source, target = tables.get(each.table), tables.get(each.to_table)
        if (
            source is None
            or target is None
            or not all(source.column(one) and target.column(other) for one, other in each.pairs)
        ):
            dangling += 1
            continue
        groups += len(each.pairs) > 1
        group = groups if len(each.pairs) > 1 else None
        links += [ForeignKey(source.name, one, target.name, other, group) for one, other in each.pairs]
    if dangling:
        message = "%s: %d foreign keys left out, a table or column of theirs is not seen"
        _log.warning(message, database.name, dangling)
    return Schema(
        name=database.name,
        tables=tuple(tables.values()),
        foreign_keys=tuple(dict.fromkeys(links)),
        dialect=database.dialect,
    )


def _name(table: FoundTable, taken: set[str]) -> str | None:
    """The name that no other table has; None where both are taken."""
    qualified = f"{table.namespace}.{table.name}"
    # A dot in the name itself may make it look like another's, or hide where the namespace ends.
    options: Sequence[str] = (
        (table.name, qualified) if table.bare or table.namespace is None else (qualified,)
    )
    if table.namespace is not None and table.name.startswith(f"{table.namespace}."):
        options = (qualified,)
    return next((name for name in options if name not in taken), None)
