"""What files beside a database say of it: a schema from tables.json, meanings from column_meaning.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.database.address import own_name, shown
from share_sql.errors import UsageError

if TYPE_CHECKING:
    from share_sql.schema.model import ColumnName, Schema


class Described:
    """The two files, read.

    Args:
        tables: tables.json, or None.
        meanings: column_meaning.json, or None.

    Raises:
        BenchmarkError: a file cannot be used.
    """

    def __init__(self, tables: Path | None = None, meanings: Path | None = None) -> None:
        from share_sql.schema.meanings import read_column_meanings
        from share_sql.schema.tables_json import read_tables_json

        self._schemas = read_tables_json(tables) if tables else {}
        self._meanings = read_column_meanings(meanings, verbatim=True) if meanings else {}
        self._files = ((tables, self._schemas.keys()), (meanings, self._meanings.keys()))

    def check(self, databases: Iterable[tuple[str, str]]) -> None:
        """Refuse a file that knows none of the databases: it is of others.

        Args:
            databases: name and place of each.

        Raises:
            UsageError: the message names what the file knows.
        """
        asked = list(databases)
        for file, holds in self._files:
            if not file or not asked:
                continue
            if not any(key in holds for name, where in asked for key in _keys(name, where)):
                some = ", ".join([*holds][:5]) or "none at all"
                raise UsageError(f"{file} knows nothing of {_keys(*asked[0])[-1]}; it has {some}")

    def of(self, name: str, where: str) -> tuple[Schema | None, Mapping[ColumnName, str] | None]:
        """Schema and meanings of a database, by its name or by that of its place.

        Args:
            name: as cases have it.
            where: path or URL.
        """
        keys = _keys(name, where)
        key = next((each for each in keys if each in self._schemas or each in self._meanings), keys[-1])
        return self._schemas.get(key), self._meanings.get(key)


def _keys(name: str, where: str) -> tuple[str, ...]:
    """The names that files may call a database by."""
    return tuple(dict.fromkeys((shown(name), own_name(where), own_name(name))))
