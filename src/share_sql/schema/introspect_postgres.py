"""The schema of a live PostgreSQL database, through `pg_catalog`. Part of `introspect`.

Read: ordinary, partitioned and foreign tables, views and materialised views of all namespaces that the role
may see; generated and identity columns as any other; types as PostgreSQL spells them for people. Left out:
partitions (their parent stands for them), what belongs to the server, to a session or to an extension.
`Column.allowed` comes from enumerated types, and from checks of one column or of a domain.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from share_sql.database.base import Database
from share_sql.schema.checks import listed
from share_sql.schema.found import FoundKey, FoundTable, built, names_in, rows_of, set_primary
from share_sql.schema.model import Column, Schema

# Partitions and what an extension brought are no tables of their own for whoever asks.
_THESE = r"""
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' {}
    AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
"""
_MAY = (
    "CASE WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 0 "
    "WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 2 "
    "WHEN pg_catalog.has_any_column_privilege(c.oid, 'SELECT') THEN 1 ELSE 0 END"
)
"""2: the role may read the table; 1: some columns of it; 0: nothing."""
_TABLES = f"""
    SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text,
    pg_catalog.pg_table_is_visible(c.oid)::int, {_MAY}
    {_THESE}
    ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname) NULLS LAST,
    n.nspname, c.oid
"""
_COLUMNS = f"""
    SELECT a.attrelid::bigint, a.attnum::int, a.attname::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull::int, d.description, a.atttypid::bigint,
    CASE WHEN t.may = 1 THEN pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')::int ELSE 1 END
    FROM (SELECT c.oid, {_MAY} AS may {_THESE}) AS t
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid
    LEFT JOIN pg_catalog.pg_description AS d
    ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
    WHERE t.may > 0 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""  # noqa: S608 (parts of this file)
_ENUMS = """
    SELECT e.enumtypid::bigint, e.enumlabel::text FROM pg_catalog.pg_enum AS e
    ORDER BY e.enumtypid, e.enumsortorder
"""
_DOMAINS = """
    SELECT t.oid::bigint, t.typbasetype::bigint, pg_catalog.pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_type AS t
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.contypid = t.oid AND k.contype = 'c'
    WHERE t.typtype = 'd' AND t.oid >= 16384
"""
_KEYS = """
    SELECT k.oid::bigint, k.contype::text, k.conrelid::bigint, k.confrelid::bigint, p.one::int, p.other::int
    FROM pg_catalog.pg_constraint AS k,
    LATERAL ROWS FROM (unnest(k.conkey), unnest(k.confkey)) WITH ORDINALITY AS p (one, other, place)
    WHERE k.contype IN ('p', 'f') AND k.conparentid = 0 AND k.conrelid >= 16384
    ORDER BY k.conrelid, k.oid, p.place
"""
_CHECKS = """
    SELECT k.conrelid::bigint, k.conkey[1]::int, pg_catalog.pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_constraint AS k
    WHERE k.contype = 'c' AND pg_catalog.cardinality(k.conkey) = 1 AND k.conrelid >= 16384 ORDER BY k.oid
"""


def read(database: Database, namespaces: Sequence[str] | None = None) -> Schema:
    """Read the schema of a live PostgreSQL database; see `introspect`.

    Raises SchemaError, DatabaseError as `introspect` does; it may give a schema without tables.
    """
    these = f"AND n.nspname IN ({names_in(namespaces)})" if namespaces else ""
    found: dict[Hashable, FoundTable] = {}
    unread = 0
    for oid, namespace, name, kind, visible, may in rows_of(database, _TABLES.format(these)):
        if may:
            found[oid] = FoundTable(str(name), str(namespace), bool(visible), kind in ("v", "m"))
        else:
            unread += 1
    allowed = _allowed(database)
    names: dict[tuple[object, object], str] = {}
    places: dict[tuple[object, object], int] = {}
    for oid, number, name, kind, not_null, meaning, kind_id, may in rows_of(database, _COLUMNS.format(these)):
        if oid not in found or not may:
            continue
        names[oid, number] = str(name)
        places[oid, number] = len(found[oid].columns)
        found[oid].columns.append(
            Column(
                str(name),
                str(kind),
                nullable=not not_null,
                meaning=str(meaning or "").strip() or None,
                allowed=allowed.get(kind_id, ()),
            )
        )
    for oid, number, check in rows_of(database, _CHECKS):
        at = places.get((oid, number))
        if at is not None and (values := listed(str(check), database.dialect)):
            found[oid].columns[at] = replace(found[oid].columns[at], allowed=values[1])
    keys: dict[object, FoundKey] = {}
    primary: dict[Hashable, list[str]] = {}
    for key, kind, table, to_table, one, other in rows_of(database, _KEYS):
        if kind == "p":
            primary.setdefault(table, []).append(names.get((table, one), ""))
        else:
            pair = (names.get((table, one), ""), names.get((to_table, other), ""))
            keys.setdefault(key, FoundKey(table, to_table)).pairs.append(pair)
    set_primary(found, primary)
    return built(database, found, keys.values(), unread)


def _allowed(database: Database) -> dict[object, tuple[str, ...]]:
    """The values of enumerated types, and of domains over them or with a check, by the type's number."""
    labels: dict[object, list[str]] = {}
    for kind, label in rows_of(database, _ENUMS):
        labels.setdefault(kind, []).append(str(label))
    allowed = {kind: tuple(texts) for kind, texts in labels.items()}
    for kind, base, check in rows_of(database, _DOMAINS):
        found = listed(str(check or ""), database.dialect)
        if values := found[1] if found else allowed.get(base, ()):
            allowed[kind] = values
    return allowed
