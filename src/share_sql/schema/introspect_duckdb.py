"""The schema of a live DuckDB database, through `duckdb_tables()` and its like. Part of `introspect`.

Read: tables and views of all schemas of the file, and of databases that are attached to it. Generated columns
as any other; structs, lists and other nested types stay columns, with their type as DuckDB spells it.
`Column.allowed` comes from enumerated types, and from checks of one column. Left out: what is internal or
temporary, and schemas of attached databases other than their main one, which need a name of three parts.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace

from share_sql.database.base import Database
from share_sql.schema.checks import listed
from share_sql.schema.found import FoundKey, FoundTable, built, names_in, rows_of, set_primary
from share_sql.schema.model import Column, Schema

# An attached database's name stands for its main schema.
_NAMESPACE = (
    "CASE WHEN {0}.database_name = current_database() THEN {0}.schema_name "
    "WHEN {0}.schema_name = 'main' THEN {0}.database_name END"
)
_TABLES = f"""
    SELECT {_NAMESPACE.format("t")} AS namespace, t.name, t.is_view, namespace = current_schema() AS bare
    FROM (
        SELECT database_name, schema_name, table_name AS name, table_oid AS place, 0 AS is_view
        FROM duckdb_tables() WHERE NOT internal AND NOT temporary
        UNION ALL
        SELECT database_name, schema_name, view_name, view_oid, 1
        FROM duckdb_views() WHERE NOT internal AND NOT temporary
    ) AS t
    WHERE namespace IS NOT NULL {{}} ORDER BY bare DESC, namespace, t.is_view, t.place
"""  # noqa: S608 (parts of this file)
_COLUMNS = f"""
    SELECT {_NAMESPACE.format("c")} AS namespace, c.table_name, c.column_name, c.data_type,
    c.is_nullable::INT, c.comment
    FROM duckdb_columns() AS c WHERE NOT c.internal AND namespace IS NOT NULL {{}}
    ORDER BY c.table_oid, c.column_index
"""  # noqa: S608 (parts of this file)
_KEYS = f"""
    SELECT {_NAMESPACE.format("k")} AS namespace, k.table_name, k.constraint_index, k.constraint_type,
    unnest(k.constraint_column_names), k.referenced_table,
    unnest(CASE WHEN k.constraint_type = 'FOREIGN KEY' THEN k.referenced_column_names
        ELSE k.constraint_column_names END)
    FROM duckdb_constraints() AS k
    WHERE k.constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') AND namespace IS NOT NULL {{}}
"""  # noqa: S608 (parts of this file)
_CHECKS = f"""
    SELECT {_NAMESPACE.format("k")} AS namespace, k.table_name, k.expression
    FROM duckdb_constraints() AS k WHERE k.constraint_type = 'CHECK' AND namespace IS NOT NULL {{}}
"""  # noqa: S608 (parts of this file)
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def read(database: Database, namespaces: Sequence[str] | None = None) -> Schema:
    """Read the schema of a live DuckDB database; see `introspect`.

    Raises SchemaError, DatabaseError as `introspect` does; it may give a schema without tables.
    """
    these = f"AND namespace IN ({names_in(namespaces)})" if namespaces else ""
    found: dict[Hashable, FoundTable] = {}
    for namespace, name, is_view, bare in rows_of(database, _TABLES.format(these)):
        found[namespace, name] = FoundTable(str(name), str(namespace), bool(bare), bool(is_view))
    for namespace, table, name, kind, nullable, meaning in rows_of(database, _COLUMNS.format(these)):
        if (namespace, table) in found:
            found[namespace, table].columns.append(
                Column(
                    str(name),
                    str(kind),
                    nullable=bool(nullable),
                    meaning=str(meaning or "").strip() or None,
                    allowed=_of_type(str(kind)),
                )
            )
    for namespace, table, check in rows_of(database, _CHECKS.format(these)):
        values = listed(str(check), database.dialect)
        if values and (namespace, table) in found:
            columns = found[namespace, table].columns
            columns[:] = [
                replace(each, allowed=values[1]) if each.name.lower() == values[0].lower() else each
                for each in columns
            ]
    keys: dict[Hashable, FoundKey] = {}
    primary: dict[Hashable, list[str]] = {}
    for namespace, table, number, kind, one, to_table, other in rows_of(database, _KEYS.format(these)):
        if kind == "PRIMARY KEY":
            primary.setdefault((namespace, table), []).append(str(one))
        else:  # DuckDB's keys stay within a schema
            key = keys.setdefault(
                (namespace, table, number), FoundKey((namespace, table), (namespace, to_table))
            )
            key.pairs.append((str(one), str(other)))
    set_primary(found, primary)
    return built(database, found, keys.values())


def _of_type(kind: str) -> tuple[str, ...]:
    """The values of ENUM(…)."""
    if not kind.upper().startswith("ENUM("):
        return ()
    return tuple(text.replace("''", "'") for text in _TEXT.findall(kind))
