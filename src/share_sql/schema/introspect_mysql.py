"""The schema of a live MySQL or MariaDB database, through `information_schema`. Part of `introspect`.

Read: tables and views of the database that the connection is to; others, which MySQL calls databases as well,
where they are asked for. Generated columns as any other; types as MySQL spells them for people.
`Column.allowed` comes from ENUM, and from checks of one column, which MariaDB shows only to roles
that may change the table. Left out: sequences, system tables, and
columns without the right to SELECT.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace

from share_sql.database.base import Database
from share_sql.schema.checks import listed
from share_sql.schema.found import FoundKey, FoundTable, built, names_in, rows_of, set_primary
from share_sql.schema.model import Column, Schema

_TABLES = """
    SELECT table_schema, table_name, table_type = 'VIEW', table_schema = database()
    FROM information_schema.tables
    WHERE {} AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
    ORDER BY table_schema = database() DESC, table_schema, table_name
"""
_COLUMNS = """
    SELECT table_schema, table_name, column_name, column_type, is_nullable = 'YES', column_comment,
    privileges LIKE '%select%'
    FROM information_schema.columns WHERE {} ORDER BY table_schema, table_name, ordinal_position
"""
_KEYS = """
    SELECT table_schema, table_name, constraint_name, column_name,
    referenced_table_schema, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage
    WHERE {} AND (constraint_name = 'PRIMARY' OR referenced_table_name IS NOT NULL)
    ORDER BY table_schema, table_name, constraint_name, ordinal_position
"""
# MariaDB calls checks of different tables alike, and says whose each is.
_CHECKS = """
    SELECT t.table_schema, t.table_name, c.check_clause
    FROM information_schema.table_constraints AS t JOIN information_schema.check_constraints AS c
    ON c.constraint_schema = t.constraint_schema AND c.constraint_name = t.constraint_name
    WHERE {} AND t.constraint_type = 'CHECK'
"""
_CHECKS_OF_MARIADB = """
    SELECT constraint_schema, table_name, check_clause FROM information_schema.check_constraints WHERE {}
"""
_OWN = "('information_schema', 'mysql', 'performance_schema', 'sys')"
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def read(database: Database, namespaces: Sequence[str] | None = None) -> Schema:
    """Read the schema of a live MySQL or MariaDB database; see `introspect`.

    Raises SchemaError, DatabaseError as `introspect` does; it may give a schema without tables.
    """
    ((version, current),) = rows_of(database, "SELECT version(), database()")

    def where(column: str = "table_schema") -> str:
        if namespaces:
            return f"{column} IN ({names_in(namespaces)})"
        return f"{column} = database()" if current is not None else f"{column} NOT IN {_OWN}"

    found: dict[Hashable, FoundTable] = {}
    for namespace, name, is_view, bare in rows_of(database, _TABLES.format(where())):
        found[namespace, name] = FoundTable(str(name), str(namespace), bool(bare), bool(is_view))
    hidden: set[Hashable] = set()
    places: dict[Hashable, int] = {}
    for namespace, table, name, kind, nullable, meaning, may in rows_of(database, _COLUMNS.format(where())):
        at = (namespace, table)
        if at not in found:
            continue
        if not may:
            hidden.add(at)
            continue
        places[namespace, table, str(name).lower()] = len(found[at].columns)
        found[at].columns.append(
            Column(
                str(name),
                str(kind),
                nullable=bool(nullable),
                meaning=str(meaning or "").strip() or None,
                allowed=_of_type(str(kind)),
            )
        )
    unread = [at for at in hidden if not found[at].columns]
    for each in unread:
        del found[each]
    checks = (
        _CHECKS_OF_MARIADB.format(where("constraint_schema"))
        if "mariadb" in str(version).lower()
        else _CHECKS.format(where("t.table_schema"))
    )
    for namespace, table, check in rows_of(database, checks):
        # MySQL tells the clause as it stands inside a text.
        values = listed(str(check).replace("\\'", "'"), database.dialect)
        place = places.get((namespace, table, values[0].lower())) if values else None
        if values and place is not None:
            columns = found[namespace, table].columns
            columns[place] = replace(columns[place], allowed=values[1])
    keys: dict[Hashable, FoundKey] = {}
    primary: dict[Hashable, list[str]] = {}
    for namespace, table, key, one, to_namespace, to_table, other in rows_of(database, _KEYS.format(where())):
        if to_table is None:
            primary.setdefault((namespace, table), []).append(str(one))
            continue
        target = _spelled(found, to_namespace, to_table)
        pairs = keys.setdefault((namespace, table, key), FoundKey((namespace, table), target)).pairs
        pairs.append((str(one), str(other)))
    set_primary(found, primary)
    return built(database, found, keys.values(), len(unread))


def _of_type(kind: str) -> tuple[str, ...]:
    """The values of ENUM(…); a SET holds several of its at once."""
    if not kind.lower().startswith("enum("):
        return ()
    return tuple(text.replace("''", "'") for text in _TEXT.findall(kind))


def _spelled(found: dict[Hashable, FoundTable], namespace: object, table: object) -> Hashable:
    """A key's target as the list of tables has it: where names are stored in small letters, a key may have
    kept others."""
    if (namespace, table) in found:
        return (namespace, table)
    wanted = (str(namespace).lower(), str(table).lower())
    return next((at for at in found if isinstance(at, tuple) and tuple(map(str.lower, at)) == wanted), wanted)
