"""The schema of a live SQLite database, through `sqlite_schema` and SQLite's table-valued pragma functions.

Part of `introspect`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
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


def read(database: Database, namespaces: Sequence[str] | None = None) -> Schema:
    """Read the schema of a live SQLite database; see `introspect`. A file has no namespaces.

    Raises SchemaError, DatabaseError as `introspect` does; it may give a schema without tables.
    """
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
