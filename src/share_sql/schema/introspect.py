"""The schema of a live database, and its union with what a benchmark's file declares.

Everything is asked with SELECT through `Database.query`, of the database's own catalog, so that a sandboxed
read-only connection is enough: one reader a dialect (`introspect_sqlite.py` and its like), few queries each,
none a table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType

from share_sql.database.base import Database
from share_sql.dialects import dialect_of
from share_sql.errors import SchemaError
from share_sql.schema.model import Column, ForeignKey, Schema, Table

_log = logging.getLogger(__name__)
_READERS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "share_sql.schema.introspect_sqlite",
        "postgres": "share_sql.schema.introspect_postgres",
        "mysql": "share_sql.schema.introspect_mysql",
        "duckdb": "share_sql.schema.introspect_duckdb",
    }
)
"""By dialect: the module whose `read` reads a schema."""


def introspect(database: Database, namespaces: Sequence[str] | None = None) -> Schema:
    """Read the schema of a live database: tables, views, columns, keys.

    A foreign key that names no column refers to the other table's primary key. A dangling one (no such
    table or column), a view that no longer works and a name that is not UTF-8 are left out with a
    warning in the log; so are tables that the role may not read, with one warning that counts them. What
    belongs to the server, the parts of partitioned tables and the shadow tables of virtual tables are left
    out.

    Args:
        database: an open connection.
        namespaces: read these alone. None: those of the search path, then all others of the database that
            the role may see. A MySQL server's other databases are other databases: they are read where they
            are named here, or where the connection is to none.

    Returns:
        The schema, named as the database.

    Raises:
        SchemaError: the database has no tables, or no such namespace, or cannot be read from itself.
        DatabaseError: as `Database.query` raises it.
    """
    module = _READERS.get(database.dialect)
    if module is None:
        raise SchemaError(
            f"the schema of {database.name} cannot be read from the database itself (dialect "
            f"{database.dialect}); give it as a tables.json"
        )
    read: Callable[[Database, Sequence[str] | None], Schema] = import_module(module).read
    schema = read(database, namespaces)
    if not schema.tables:
        where = f" in {', '.join(namespaces)}" if namespaces else ""
        mend = "database, and that its role may read them" if dialect_of(database.dialect).roles else "file"
        raise SchemaError(
            f"the database {database.name} has no tables{where}; check that it is the right {mend}"
        )
    return schema


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
