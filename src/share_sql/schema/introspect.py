"""The schema of a live SQLite database, and its union with what a benchmark's file declares.

Everything is asked with SELECT through `Database.query` (`sqlite_schema` and SQLite's table-valued
pragma functions), so that a sandboxed read-only connection is enough.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from share_sql.database.base import Database, Limits, Row
from share_sql.errors import QueryError, SchemaError
from share_sql.schema.model import Column, ForeignKey, Schema, Table

_log = logging.getLogger(__name__)
_LIMITS = Limits(rows=1_000_000)
# Tables in the order they were made. The `sqlite_` prefix is SQLite's own (sqlite.org/fileformat2.html).
_TABLES = (
    "SELECT name, type, sql FROM sqlite_schema "
    "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
)
_COLUMNS = 'SELECT cid, name, type, "notnull", pk, hidden FROM pragma_table_xinfo({}) ORDER BY cid'
_COLUMNS_OF_ALL = (
    'SELECT m.name, x.cid, x.name, x.type, x."notnull", x.pk, x.hidden '
    "FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) AS x "
    "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.rowid, x.cid"
)
# SQLite numbers keys backwards: the one declared first has the highest id.
_KEYS = (
    'SELECT m.name, f.id, f.seq, f."table", f."from", f."to" '
    "FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS f "
    "WHERE m.type = 'table' ORDER BY m.rowid, f.id DESC, f.seq"
)
_HIDDEN = 1
"""`hidden` of pragma_table_xinfo: 1 is a virtual table's hidden column; 2 and 3 are generated columns."""


def introspect(database: Database) -> Schema:
    """Read the schema of a live database: tables, views, columns, keys.

    A foreign key that names no column refers to the other table's primary key. A dangling one (no such
    table or column), a view that no longer works and a name that is not UTF-8 are left out with a
    warning in the log. The shadow tables of virtual tables are left out.

    Args:
        database: an open connection; of dialect sqlite.

    Returns:
        The schema, named as the database.

    Raises:
        SchemaError: the database has no tables, or is of a dialect that cannot be read yet.
        DatabaseError: as `Database.query` raises it.
    """
    if database.dialect != "sqlite":
        raise SchemaError(
            f"the schema of {database.name} cannot be read from the database itself (dialect "
            f"{database.dialect}); give it as a tables.json"
        )
    found = _rows(database, _TABLES)
    shadows: set[object] = set()
    if any(str(sql).lstrip()[:14].upper() == "CREATE VIRTUAL" for _, _, sql in found):
        shadows = {
            name for (name,) in _rows(database, "SELECT name FROM pragma_table_list WHERE type = 'shadow'")
        }
    columns = _columns(database, [name for name, _, _ in found])
    tables = []
    for name, kind, _ in found:
        if name in shadows:
            continue
        if not isinstance(name, str):
            _log.warning("%s: a table whose name is not UTF-8 left out: %r", database.name, name)
        elif columns.get(name):
            tables.append(_table(name, columns[name], kind == "view", database.name))
    if not tables:
        raise SchemaError(f"the database {database.name} has no tables; check that it is the right file")
    schema = Schema(name=database.name, tables=tuple(tables), dialect=database.dialect)
    return replace(schema, foreign_keys=_foreign_keys(_rows(database, _KEYS), schema))


def _rows(database: Database, sql: str) -> tuple[Row, ...]:
    result = database.query(sql, _LIMITS)
    if result.truncated:
        raise SchemaError(f"the schema of {database.name} has more than {_LIMITS.rows:,} columns or keys")
    return result.rows


def _columns(database: Database, names: Iterable[object]) -> dict[object, list[Row]]:
    """Rows of pragma_table_xinfo by table."""
    columns: dict[object, list[Row]] = {}
    try:
        for row in _rows(database, _COLUMNS_OF_ALL):
            columns.setdefault(row[0], []).append(row[1:])
    except QueryError:
        # One broken view fails the query for all, so they are asked one by one.
        for name in names:
            if not isinstance(name, str):
                continue
            quoted = "'" + name.replace("'", "''") + "'"
            try:
                columns[name] = list(_rows(database, _COLUMNS.format(quoted)))
            except QueryError as error:
                columns[name] = []
                _log.warning("%s: %s left out, its columns cannot be read: %s", database.name, name, error)
    return columns


def _table(name: str, rows: list[Row], is_view: bool, where: str) -> Table:
    columns, key = [], []
    for _, column, kind, not_null, pk, hidden in rows:
        if hidden == _HIDDEN:
            continue
        if not isinstance(column, str):
            _log.warning("%s: a column of %s whose name is not UTF-8 left out: %r", where, name, column)
            continue
        columns.append(
            Column(column, kind if isinstance(kind, str) else "", nullable=not not_null, primary_key=bool(pk))
        )
        if isinstance(pk, int) and pk:
            key.append((pk, column))
    return Table(name, tuple(columns), tuple(column for _, column in sorted(key)), is_view)


def _foreign_keys(rows: Iterable[Row], schema: Schema) -> tuple[ForeignKey, ...]:
    keys: dict[tuple[object, object], list[Row]] = {}
    for row in rows:
        keys.setdefault((row[0], row[1]), []).append(row)
    links: list[ForeignKey] = []
    groups = 0
    for (name, _), parts in keys.items():
        table = schema.table(str(name))
        target = schema.table(str(parts[0][3]))
        if table is None or target is None:
            if table is not None:
                _log.warning(
                    "%s: foreign key of %s to the missing table %s left out", schema.name, *parts[0][::3]
                )
            continue
        pairs = []
        for _, _, seq, _, source, to in parts:
            if to is None and isinstance(seq, int) and seq < len(target.primary_key):
                to = target.primary_key[seq]
            column, to_column = table.column(str(source)), target.column(str(to))
            if column is None or to_column is None:
                _log.warning(
                    "%s: foreign key %s.%s to the missing column %s.%s left out",
                    *(schema.name, table.name, source, target.name, to),
                )
                break
            pairs.append((column.name, to_column.name))
        else:
            groups += len(pairs) > 1
            links += [
                ForeignKey(table.name, a, target.name, b, groups if len(pairs) > 1 else None)
                for a, b in pairs
            ]
    return tuple(dict.fromkeys(links))


def merge(live: Schema, declared: Schema) -> Schema:
    """Complete a live schema with what a benchmark's file declares about the same database.

    The live database decides which tables and columns exist and how they are spelled; from the
    declaration come the name, foreign keys, primary keys, types and meanings that the database lacks.
    Declared names that the database does not have are left out, with a warning in the log.

    Args:
        live: from `introspect`.
        declared: from `read_tables_json`.

    Returns:
        The live schema, completed; live foreign keys first.
    """

    def complete(table: Table) -> Table:
        other = declared.table(table.name)
        if other is None:
            return table
        key = table.primary_key
        named = [table.column(name) for name in other.primary_key]
        if not key and not table.is_view and all(named):
            key = tuple(column.name for column in named if column)
        return replace(
            table, primary_key=key, columns=tuple(_complete(column, other, key) for column in table.columns)
        )

    for table, column in declared.columns():
        # Spider lists SQLite's own sqlite_sequence among the tables; introspection leaves it out.
        if live.column(table.name, column.name) is None and not table.name.startswith("sqlite_"):
            _log.warning(
                "%s: the declared column %s.%s is not in the database", live.name, table.name, column.name
            )
    spelled = replace(live, name=declared.name, tables=tuple(complete(table) for table in live.tables))
    known = {_pair(link) for link in live.foreign_keys}
    offset = max((link.group or 0 for link in live.foreign_keys), default=0)
    links = list(live.foreign_keys)
    for link in declared.foreign_keys:
        if _pair(link) in known:
            continue
        source, target = live.table(link.table), live.table(link.to_table)
        from_column = source.column(link.column) if source else None
        to_column = target.column(link.to_column) if target else None
        if source and target and from_column and to_column:
            group = link.group + offset if link.group is not None else None
            links.append(ForeignKey(source.name, from_column.name, target.name, to_column.name, group))
            known.add(_pair(link))
        else:
            _log.warning(
                "%s: declared foreign key %s.%s to %s.%s left out, the database has no such columns",
                *(live.name, link.table, link.column, link.to_table, link.to_column),
            )
    return replace(spelled, foreign_keys=tuple(links))


def _complete(column: Column, other: Table, key: tuple[str, ...]) -> Column:
    declared = other.column(column.name)
    return replace(
        column,
        type=column.type or (declared.type if declared else ""),
        meaning=column.meaning if column.meaning is not None else (declared.meaning if declared else None),
        primary_key=column.primary_key or column.name in key,
    )


def _pair(link: ForeignKey) -> tuple[str, ...]:
    return tuple(name.lower() for name in (link.table, link.column, link.to_table, link.to_column))
