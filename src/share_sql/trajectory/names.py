"""The schema's names, arranged for recognising them unquoted in a model's text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from share_sql.schema.model import ColumnName
from share_sql.trajectory.words import PLAIN_NAME


@dataclass(frozen=True)
class KnownNames:
    """Look-ups over a schema's columns, all by lower-case name."""

    tables: dict[str, frozenset[str]]
    """Columns of each table."""
    columns: frozenset[str]
    """Columns of any table."""
    odd: dict[str, tuple[str, ...]]
    """Columns of each table that are not plain words, longest first."""
    all_odd: tuple[str, ...]
    """The same over all tables."""
    odd_tables: tuple[str, ...]
    """Tables whose names are not plain words, longest first."""

    def longest_column(self, table: str | None, text: str, at: int) -> str | None:
        """The longest column name, not a plain word, that stands in `text` at `at`; spelt as there."""
        if table is not None and table.lower() in self.tables:
            found = _longest(self.odd.get(table.lower(), ()), text, at)
            if found:
                return found
        return _longest(self.all_odd, text, at)

    def longest_table(self, text: str, at: int) -> str | None:
        """The longest table name, not a plain word, that stands in `text` at `at` before a dot."""
        found = _longest(self.odd_tables, text, at)
        return found if found and text.startswith(".", at + len(found)) else None


def _longest(names: tuple[str, ...], text: str, at: int) -> str | None:
    for name in names:
        end = at + len(name)
        if text[at:end].lower() == name:
            follows = text[end : end + 1]
            if not (name[-1].isalnum() and (follows.isalnum() or follows == "_")):
                return text[at:end]
    return None


@lru_cache(maxsize=64)
def known_names(columns: frozenset[ColumnName]) -> KnownNames:
    """Arrange a schema's columns for look-up; the last few schemas are remembered.

    Args:
        columns: all columns of a schema.

    Returns:
        The look-ups.
    """
    tables: dict[str, set[str]] = {}
    for name in columns:
        tables.setdefault(name.table.lower(), set()).add(name.column.lower())
    odd = {table: _odd(names) for table, names in tables.items()}
    everywhere = _odd(column for names in tables.values() for column in names)
    return KnownNames(
        tables={table: frozenset(names) for table, names in tables.items()},
        columns=frozenset(column for names in tables.values() for column in names),
        odd={table: names for table, names in odd.items() if names},
        all_odd=everywhere,
        odd_tables=_odd(tables),
    )


def _odd(names: Iterable[str]) -> tuple[str, ...]:
    found = {name for name in names if name != "*" and not PLAIN_NAME.match(name)}
    return tuple(sorted(found, key=lambda name: (-len(name), name)))
