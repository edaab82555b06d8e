"""What is copied, and as what: types that fit what a SQLite file stores, and the keys that its data honour.

SQLite's types are claims: a column declared INTEGER may hold texts. So each is looked at as it is stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["integer", "real", "text", "blob", "date", "moment"]
"""integer: 64 bits. real: double precision. date and moment (date and time of day, without a zone): only
where the column is declared so and every value is one, written as the target writes it."""

_CHUNK = 100
"""Columns counted by one query; SQLite gives at most 2,000 result columns."""
_EXACT = 2**53
"""Whole numbers beyond it are not all there in double precision."""


@dataclass(frozen=True)
class PlannedColumn:
    """A column of the copy."""

    name: str
    kind: Kind
    longest: int = 0
    """Characters of its longest text."""
    not_null: bool = False
    cast: str = ""
    """What its values are cast to on reading; empty: they are of one kind as they are."""


@dataclass(frozen=True)
class PlannedKey:
    """A foreign key of the copy."""

    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True)
class PlannedTable:
    """A table of the copy."""

    source: str
    """Its name in the SQLite file."""
    name: str
    sources: tuple[str, ...]
    """Its columns' names in the file."""
    columns: tuple[PlannedColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    """Columns beside the primary key that a foreign key refers to."""
    foreign_keys: tuple[PlannedKey, ...] = ()

    def column(self, name: str) -> PlannedColumn:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)


@dataclass
class Plan:
    """All that is copied."""

    tables: tuple[PlannedTable, ...]
    notes: list[str] = field(default_factory=list)
    """What is copied otherwise than it is declared, or not at all, in a line each."""


def plan(source: sqlite3.Connection) -> Plan:
    """Look at a SQLite file and say what its copy is like.

    Args:
        source: a connection to it, which decodes texts.

    Returns:
        The tables, in the file's order. Foreign keys name tables and columns that are there.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    notes: list[str] = []
    tables = []
    rows = source.execute(
        "SELECT name, type, sql FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    )
    found = [(name, kind, sql or "") for name, kind, sql in rows if kind in ("table", "view")]
    shadows = {name for (name,) in source.execute("SELECT name FROM pragma_table_list WHERE type = 'shadow'")}
    views = sum(kind == "view" for _, kind, _ in found)
    if views:
        notes.append(f"{views} views are not copied")
    for name, kind, sql in found:
        if kind == "view" or name in shadows:
            continue
        if sql.lstrip()[:14].upper() == "CREATE VIRTUAL":
            notes.append(f"{name}: a virtual table is not copied")
            continue
        tables.append(_table(source, name, notes))
    by_name = {table.name.lower(): table for table in tables}
    needed: dict[str, set[tuple[str, ...]]] = {}
    finished = []
    for table in tables:
        keys = tuple(_foreign_keys(source, table, by_name, notes))
        for key in keys:
            target = by_name[key.to_table.lower()]
            if set(key.to_columns) != set(target.primary_key):
                needed.setdefault(target.name, set()).add(key.to_columns)
        finished.append(replace(table, foreign_keys=keys))
    return Plan(
        tuple(replace(table, unique=tuple(sorted(needed.get(table.name, ())))) for table in finished), notes
    )


def quoted(name: str) -> str:
    """A name as SQLite takes any."""
    return '"' + name.replace('"', '""') + '"'


def _table(source: sqlite3.Connection, name: str, notes: list[str]) -> PlannedTable:
    info = [
        row
        for row in source.execute(
            'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid', (name,)
        )
        if row[4] != 1
    ]
    columns = []
    for start in range(0, len(info), _CHUNK):
        part = info[start : start + _CHUNK]
        for (column, declared, not_null, _, _), counts in zip(part, _counts(source, name, part), strict=True):
            columns.append(_column(name, column, declared or "", bool(not_null), counts, notes))
    key = tuple(row[0] for row in sorted((row for row in info if row[3]), key=lambda row: row[3]))
    table = PlannedTable(name, name, tuple(row[0] for row in info), tuple(columns))
    if key and (why := _not_a_key(source, table, key)):
        notes.append(f"{name}: the primary key ({', '.join(key)}) is left out, {why}")
        key = ()
    return replace(table, primary_key=key)


@dataclass(frozen=True)
class _Counts:
    integers: int
    reals: int
    texts: int
    blobs: int
    longest: int
    large: int
    """Whole numbers that double precision may not hold."""
    dates: int
    moments: int


def _counts(source: sqlite3.Connection, table: str, info: Sequence[Sequence[str]]) -> Iterator[_Counts]:
    parts = []
    for column, *_ in info:
        name = f"{quoted(table)}.{quoted(column)}"
        parts += [f"total(typeof({name}) = '{kind}')" for kind in ("integer", "real", "text", "blob")]
        # Without a change, SQLite takes the 30th of February for a date.
        parts += [
            f"coalesce(max(CASE typeof({name}) WHEN 'blob' THEN 0 ELSE length(CAST({name} AS TEXT)) END), 0)",
            f"total(typeof({name}) = 'integer' AND {name} NOT BETWEEN -{_EXACT} AND {_EXACT})",
            f"total(typeof({name}) = 'text' AND {name} >= '1000' AND date({name}, '+0 days') = {name})",
            f"total(typeof({name}) = 'text' AND {name} >= '1000' AND datetime({name}, '+0 days') = {name})",
        ]
    row = source.execute(f"SELECT {', '.join(parts)} FROM {quoted(table)}").fetchone()  # noqa: S608 (quoted names)
    for start in range(0, len(row), 8):
        yield _Counts(*(int(count) for count in row[start : start + 8]))


def _column(
    table: str, name: str, declared: str, not_null: bool, counts: _Counts, notes: list[str]
) -> PlannedColumn:
    numbers = counts.integers + counts.reals
    kind: Kind
    mixed = False
    if counts.blobs:
        kind, mixed = "blob", bool(numbers or counts.texts)
    elif counts.texts:
        kind, mixed = "text", bool(numbers)
    elif counts.integers and counts.reals and counts.large:
        kind, mixed = "text", True  # the one type that loses nothing
    elif counts.reals:
        kind = "real"
    elif counts.integers:
        kind = "integer"
    else:
        kind = _of_declared(declared)
    claim = declared.upper()
    if kind == "text" and counts.texts and not mixed:
        if counts.dates == counts.texts and "DATE" in claim and "TIME" not in claim:
            kind = "date"
        elif counts.moments == counts.texts and ("DATETIME" in claim or "TIMESTAMP" in claim):
            kind = "moment"
    if mixed:
        held = [
            f"{count:,} {title}"
            for count, title in (
                (counts.integers, "whole numbers"),
                (counts.reals, "fractions"),
                (counts.texts, "texts"),
                (counts.blobs, "blobs"),
            )
            if count
        ]
        notes.append(
            f"{table}.{name}: declared {declared or 'without a type'}, "
            f"holds {', '.join(held)}: copied as {kind}"
        )
    cast = kind.upper() if mixed else "REAL" if kind == "real" and counts.integers else ""
    return PlannedColumn(name, kind, counts.longest, not_null, cast)


def _of_declared(declared: str) -> Kind:
    """SQLite's rules of affinity (sqlite.org/datatype3.html), for a column without values."""
    claim = declared.upper()
    if "INT" in claim or "BOOL" in claim:
        return "integer"
    if any(word in claim for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in claim:
        return "blob"
    if any(word in claim for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")):
        return "real"
    return "text"


def _not_a_key(source: sqlite3.Connection, table: PlannedTable, key: tuple[str, ...]) -> str:
    """Why columns cannot be a key of the copy; empty where they can."""
    names = [f"{quoted(table.source)}.{quoted(name)}" for name in key]
    empty = " OR ".join(f"{name} IS NULL" for name in names)
    sql = f"SELECT count(*) FROM {quoted(table.source)} WHERE {empty}"  # noqa: S608 (quoted names)
    (nulls,) = source.execute(sql).fetchone()
    if nulls:
        return f"{nulls:,} rows have NULL in it"
    casts = [table.column(name).cast for name in key]
    if any(casts):
        listed = ", ".join(
            f"CAST({name} AS {cast})" if cast else name for name, cast in zip(names, casts, strict=True)
        )
        sql = f"SELECT 1 FROM {quoted(table.source)} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"  # noqa: S608
        if source.execute(sql).fetchone():
            return "numbers and texts in it become the same"
    return ""


def _foreign_keys(
    source: sqlite3.Connection, table: PlannedTable, tables: dict[str, PlannedTable], notes: list[str]
) -> Iterator[PlannedKey]:
    keys: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, target, one, other in source.execute(
        'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
        (table.source,),
    ):
        keys.setdefault(number, []).append((target, one, other))
    try:
        checked = source.execute(f"PRAGMA foreign_key_check({quoted(table.source)})")
        broken = {row[3] for row in checked} if keys else set()
    except sqlite3.OperationalError:
        broken = None  # one of its keys refers to what is no key
    for number, parts in keys.items():
        said = f"{table.name}: the foreign key ({', '.join(one for _, one, _ in parts)}) to {parts[0][0]}"
        target = tables.get(parts[0][0].lower())
        if target is None:
            notes.append(f"{said} is left out, there is no such table")
            continue
        others = [other for _, _, other in parts]
        names = (
            target.primary_key if None in others else tuple(_spelled(target, other or "") for other in others)
        )
        own = tuple(_spelled(table, one) for _, one, _ in parts)
        if len(names) != len(own) or "" in (*own, *names):
            notes.append(f"{said} is left out, it names no columns that are there")
        elif set(names) != set(target.primary_key) and not _is_unique(source, target, names):
            notes.append(f"{said} is left out, what it refers to is no key")
        elif [table.column(one).kind for one in own] != [target.column(other).kind for other in names]:
            notes.append(f"{said} is left out, the two hold different kinds of values")
        elif _misses(source, table, own, target, names) if broken is None else number in broken:
            notes.append(f"{said} is left out, rows refer to what is not there")
        else:
            yield PlannedKey(own, target.name, names)


def _spelled(table: PlannedTable, name: str) -> str:
    return next((column.name for column in table.columns if column.name.lower() == name.lower()), "")


def _is_unique(source: sqlite3.Connection, table: PlannedTable, names: tuple[str, ...]) -> bool:
    indexes = source.execute(
        'SELECT i.name FROM pragma_index_list(?) AS i WHERE i."unique" AND NOT i.partial', (table.source,)
    ).fetchall()
    for (index,) in indexes:
        columns = [name for (name,) in source.execute("SELECT name FROM pragma_index_info(?)", (index,))]
        if {str(name).lower() for name in columns} == {name.lower() for name in names}:
            return not any(table.column(name).cast for name in names)
    return False


def _misses(
    source: sqlite3.Connection,
    table: PlannedTable,
    own: Sequence[str],
    target: PlannedTable,
    names: Sequence[str],
) -> bool:
    """Whether a row refers to none of the target, as `foreign_key_check` says it where it can."""
    same = " AND ".join(f"p.{quoted(a)} = c.{quoted(b)}" for a, b in zip(names, own, strict=True))
    filled = " AND ".join(f"c.{quoted(one)} IS NOT NULL" for one in own)
    sql = (
        f"SELECT 1 FROM {quoted(table.source)} AS c WHERE {filled} AND NOT EXISTS "  # noqa: S608 (quoted names)
        f"(SELECT 1 FROM {quoted(target.source)} AS p WHERE {same}) LIMIT 1"
    )
    return source.execute(sql).fetchone() is not None
