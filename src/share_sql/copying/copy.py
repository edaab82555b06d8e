"""Copy a SQLite file into a database of another kind."""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from share_sql.copying.plan import PlannedKey, PlannedTable, plan, quoted
from share_sql.copying.read import batches, open_source
from share_sql.copying.target import Target
from share_sql.database.address import place_of, shown
from share_sql.database.failures import driver_missing
from share_sql.dialects import dialect_of
from share_sql.errors import DatabaseUnreadable, SchemaError, UsageError
from share_sql.whole_file import put_in_place, whole_file

_DRIVERS = MappingProxyType({
    "postgres": ("psycopg", "postgres"), "mysql": ("pymysql", "mysql"), "duckdb": ("duckdb", "duckdb"),
})  # fmt: skip
"""By dialect: the driver's module, and the extra that has it."""


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    rows: dict[str, int]
    """By table, in the order in which they were copied."""
    notes: tuple[str, ...]
    """What is otherwise than in the file, in a line each."""


def copy_database(source: str, target: str, *, over: bool = False) -> Copied:
    """Copy all tables of a SQLite file, with types that fit what is stored and keys that the data honour.

    Args:
        source: path or URL of a SQLite file; it is only read.
        target: where to: a URL of a server, or path or URL of a DuckDB or SQLite file, whose folder is there.
            A server's role must have the right to make tables.
        over: replace tables that have the same names, and a SQLite file as a whole.

    Returns:
        The rows by table, and what was left out or changed.

    Raises:
        UsageError: the source is no SQLite file's path, or the target has such tables and `over` is not set.
        DatabaseError: one of the two cannot be used. What was written is taken back.
        SchemaError: the file has no tables.
    """
    kind, path = place_of(source)
    if kind != "sqlite" or path is None:
        raise UsageError(f"{shown(source)} is no SQLite file; `share db copy` copies from one")
    with closing(open_source(path)) as reader:
        try:
            return _copy(reader, path, target, over)
        except sqlite3.Error as error:
            raise DatabaseUnreadable(f"{path} cannot be read to its end: {error}") from None


def _copy(reader: sqlite3.Connection, path: Path, target: str, over: bool) -> Copied:
    planned = plan(reader)
    if not planned.tables:
        raise SchemaError(f"{path} has no tables; check that it is the right file")
    kind, place = place_of(target)
    if kind == "sqlite" and place is not None:
        return _copy_file(reader, planned.tables, path, place, over)
    if place is not None and not place.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {place.absolute().parent}; make it first")
    writer = _target(kind, place, target, reader)
    made: list[str] = []
    try:
        notes = planned.notes
        tables = writer.fitted(_named(planned.tables, writer, notes), notes)
        there = writer.taken([table.name for table in tables])
        if there and not over:
            raise UsageError(
                f"{shown(target)} has tables of these names: {', '.join(there[:5])}"
                f"{' and others' if len(there) > 5 else ''}; --replace replaces them"
            )
        if there:
            writer.drop(there)
        rows: dict[str, int] = {}
        mended: Counter[str] = Counter()
        for table in tables:
            writer.make(table)
            made.append(table.name)
            found = batches(reader, table, nul=writer.takes_nul, mended=mended)
            rows[table.name] = writer.write(table, found)
        for table in tables:
            writer.keys(table, notes)
        for table in tables:
            writer.links(table, notes)
        writer.commit()
        notes += [f"{what} ({count:,} values)" for what, count in mended.items()]
        return Copied(rows, tuple(notes))
    except BaseException as error:
        with suppress(*writer.failures):
            writer.undo(made)
        if isinstance(error, writer.failures):
            raise DatabaseUnreadable(f"{shown(target)}: {_line(error)}; nothing was copied") from None
        raise
    finally:
        with suppress(*writer.failures):
            writer.close()


def _target(kind: str, place: Path | None, url: str, reader: sqlite3.Connection) -> Target:
    driver, extra = _DRIVERS[kind]
    if find_spec(driver) is None:
        raise driver_missing(dialect_of(kind).title, extra)
    if kind == "duckdb" and place is not None:
        from share_sql.copying.to_duckdb import DuckdbTarget

        return DuckdbTarget(place)
    if kind == "postgres":
        from share_sql.copying.to_postgres import PostgresTarget

        return PostgresTarget(url, shown(url))
    from share_sql.copying.to_mysql import MysqlTarget

    return MysqlTarget(url, shown(url), lambda table, names: _same_folded(reader, table, names))


def _named(tables: tuple[PlannedTable, ...], writer: Target, notes: list[str]) -> tuple[PlannedTable, ...]:
    """With names that the target can have: where one is too long, cut, and told."""

    def cut(names: Sequence[str], where: str) -> dict[str, str]:
        taken = {name.lower() for name in names if writer.name_size(name) <= writer.longest_name}
        short = {}
        for name in names:
            new, number = name, 0
            while writer.name_size(new) > writer.longest_name or (new != name and new.lower() in taken):
                number += 1
                tail = f"_{number}" if number > 1 else ""
                new = name
                while writer.name_size(new + tail) > writer.longest_name:
                    new = new[:-1]
                new += tail
            if new != name:
                notes.append(f"{where}{name} is called {new}: its name is too long for this database")
                taken.add(new.lower())
            short[name] = new
        return short

    own = cut([table.name for table in tables], "")
    columns = {
        table.name: cut([column.name for column in table.columns], f"{table.name}.") for table in tables
    }

    def renamed(table: PlannedTable) -> PlannedTable:
        names = columns[table.name]
        return replace(
            table,
            name=own[table.name],
            columns=tuple(replace(column, name=names[column.name]) for column in table.columns),
            primary_key=tuple(names[name] for name in table.primary_key),
            unique=tuple(tuple(names[name] for name in each) for each in table.unique),
            foreign_keys=tuple(
                PlannedKey(
                    tuple(names[name] for name in key.columns),
                    own[key.to_table],
                    tuple(columns[key.to_table][name] for name in key.to_columns),
                )
                for key in table.foreign_keys
            ),
        )

    return tuple(map(renamed, tables))


def _same_folded(reader: sqlite3.Connection, table: PlannedTable, names: Sequence[str]) -> bool:
    """Whether two keys differ in case, accents or spaces at the end alone."""
    of = {column.name: source for source, column in zip(table.sources, table.columns, strict=True)}
    listed = ", ".join(quoted(of[name]) for name in names)
    seen: set[tuple[object, ...]] = set()
    rows = reader.execute(f"SELECT {listed} FROM {quoted(table.source)}")  # noqa: S608 (quoted names)
    for row in rows:
        key = tuple(_folded(value) if isinstance(value, str) else value for value in row)
        if key in seen:
            return True
        seen.add(key)
    return False


def _folded(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return text.casefold().rstrip()


def _copy_file(
    reader: sqlite3.Connection, tables: Sequence[PlannedTable], path: Path, place: Path, over: bool
) -> Copied:
    """The file as it is."""
    if place.exists() and not over:
        raise UsageError(f"{place} is there already; --replace replaces it")
    if place.exists() and os.path.samefile(path, place):
        raise UsageError(f"{place} is the file that is copied; name another")
    try:
        with whole_file(place.absolute().parent, f"{place.name}-") as begun:
            with closing(sqlite3.connect(begun)) as writer:
                reader.backup(writer)
            put_in_place(begun, place)
    except OSError as error:
        raise DatabaseUnreadable(f"{place} cannot be written: {error.strerror or error}") from None
    counted = {
        table.name: int(reader.execute(f"SELECT count(*) FROM {quoted(table.source)}").fetchone()[0])  # noqa: S608
        for table in tables
    }
    return Copied(counted, ())


def _line(error: BaseException) -> str:
    """What a driver says, in a line."""
    told = error.args[-1] if error.args else error
    return " ".join(str(told).split())
