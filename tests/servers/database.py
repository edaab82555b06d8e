"""A new database on a server: a user who may write, one who may only read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

READER = "reader"
"""The read-only role of all test databases; its password is its name."""


@dataclass(frozen=True)
class ServerDatabase:
    """A database of a test module's own."""

    name: str
    owner: str
    """URL of a user who may do anything on the server."""
    reader: str
    """URL of a role that may read this database's tables, and nothing else."""

    def run(self, script: str, parameters: tuple[object, ...] | None = None) -> list[tuple[Any, ...]]:
        """Run SQL statements as the owner and commit. Returns the last one's rows, if it gives any."""
        return run(self.owner, script, parameters)


def run(url: str, script: str, parameters: tuple[object, ...] | None = None) -> list[tuple[Any, ...]]:
    """Run SQL statements at a URL and commit. Returns the last one's rows, if it gives any.

    With parameters it is one statement; `%s` is their place.
    """
    with connection(url) as opened, opened.cursor() as cursor:
        cursor.execute(script, parameters)
        while cursor.nextset():
            pass
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def connection(url: str) -> Iterator[Any]:
    """A connection of the driver's own, which commits each statement."""
    if url.startswith("postgres"):
        import psycopg

        opened: Any = psycopg.connect(url, autocommit=True)
    else:
        import pymysql
        from pymysql.constants import CLIENT

        parts = urlsplit(url)
        opened = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.path[1:],
            charset="utf8mb4",
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def new_database(kind: str, admin: str) -> Iterator[ServerDatabase]:
    """A new, empty database, dropped at the end."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    owner = _at(admin, name)
    reader = _at(admin, name, f"{READER}:{READER}")
    if kind == "postgres":
        begin = [
            f"DO $$ BEGIN CREATE ROLE {READER} LOGIN PASSWORD '{READER}';"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            f"CREATE DATABASE {name}",
        ]
        inside = (
            f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER};"
            f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {READER}"
        )
        end = f"DROP DATABASE {name} WITH (FORCE)"
    else:
        begin = [
            f"CREATE USER IF NOT EXISTS '{READER}'@'%' IDENTIFIED BY '{READER}'",
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
            f"GRANT SELECT, SHOW VIEW ON {name}.* TO '{READER}'@'%'",
        ]
        inside = "SELECT 1"
        end = f"DROP DATABASE {name}; REVOKE SELECT, SHOW VIEW ON {name}.* FROM '{READER}'@'%'"
    for statement in begin:
        run(admin, statement)
    try:
        run(owner, inside)
        yield ServerDatabase(name, owner, reader)
    finally:
        run(admin, end)


def _at(url: str, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    user = user or f"{parts.username}:{parts.password}"
    return urlunsplit((parts.scheme, f"{user}@{parts.hostname}:{parts.port}", f"/{database}", "", ""))
