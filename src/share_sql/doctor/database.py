"""A database: opened as SHARE opens it, what it shows, and what its role could do beside reading."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from share_sql.database.address import shown
from share_sql.database.base import Limits, Row
from share_sql.dialects import dialect_of
from share_sql.doctor import duckdb, mysql, postgres, sqlite
from share_sql.doctor.asked import Asked, Known
from share_sql.doctor.check import Check
from share_sql.errors import ShareError

if TYPE_CHECKING:
    from share_sql.database.base import Database
    from share_sql.schema.model import Schema

GROUP = "database"
ROLE = "role"
LIMITS = Limits(seconds=20.0, rows=10_000)


ASKED: Mapping[str, Asked] = MappingProxyType(
    {
        "sqlite": sqlite.ASKED,
        "postgres": postgres.ASKED,
        "mysql": mysql.ASKED,
        "duckdb": duckdb.ASKED,
    }
)
"""By dialect."""


@dataclass
class Looked:
    """What came of looking at a database."""

    checks: list[Check]
    recipe: str = ""
    """How to make a role (or a file) that can only be read; empty where the database cannot be opened."""


def check_database(where: str, name: str, read: Callable[[Database], Schema]) -> Looked:
    """Look at a database.

    Args:
        where: path or URL.
        name: its name in messages.
        read: its schema.
    """
    from share_sql.database.open import open_database

    looked = Looked([])
    began = time.monotonic()
    try:
        database = open_database(where, name)
    except ShareError as error:
        mend = "mend what the line says, then call doctor again"
        looked.checks.append(Check(GROUP, "connection", "failed", str(error), mend))
        return looked
    with database:
        text = f"{shown(where)}, opened in {time.monotonic() - began:.2f} s"
        looked.checks.append(Check(GROUP, "connection", "ok", text))
        title = dialect_of(database.dialect).title
        looked.checks.append(Check(GROUP, "dialect", "ok", title))
        _look(looked, database, ASKED[database.dialect], where, read)
    return looked


def _look(
    looked: Looked, database: Database, asked: Asked, where: str, read: Callable[[Database], Schema]
) -> None:
    def ask(sql: str) -> tuple[Row, ...]:
        return database.query(sql, LIMITS).rows

    def told(group: str, name: str, checks: Callable[[], Iterator[Check]]) -> None:
        try:
            looked.checks.extend(checks())
        except ShareError as error:
            looked.checks.append(Check(group, name, "warning", f"cannot be looked at: {error}"))

    told(GROUP, "version", lambda: iter([Check(GROUP, "version", "ok", str(ask(asked.version)[0][0]))]))
    namespaces: tuple[str, ...] = ()
    try:
        schema = read(database)
    except ShareError as error:
        looked.checks.append(Check(GROUP, "tables", "failed", str(error), "grant the role SELECT on them"))
    else:
        namespaces = tuple(dict.fromkeys(table.namespace for table in schema.tables if table.namespace))
        looked.checks.append(_tables(schema))
    if asked.settings:
        told(GROUP, "settings", lambda: _settings(ask(asked.settings)))
    known = Known(where, ask, namespaces)
    told(ROLE, "rights", lambda: asked.rights(known))
    looked.recipe = asked.recipe(known)


def _settings(rows: tuple[Row, ...]) -> Iterator[Check]:
    yield Check(GROUP, "settings", "ok", ", ".join(f"{name!s} {value!s}" for name, value in rows))


def _tables(schema: Schema) -> Check:
    """How many tables are seen where."""
    counts = Counter(table.namespace or "" for table in schema.tables)
    views = sum(table.is_view for table in schema.tables)
    if not counts:
        return Check(GROUP, "tables", "failed", "none is seen", "grant the role SELECT on the tables")
    text = f"{len(schema.tables)} tables" + (f", {views} of them views" if views else "")
    places = [f"{count} in {name}" for name, count in sorted(counts.items()) if name]
    return Check(GROUP, "tables", "ok", text + (f": {', '.join(places)}" if places else ""))
