"""A PostgreSQL schema of 2,000 tables with 20 columns each: how long introspection takes, and a correction.

    python runs/large_schema.py SERVER [--tables 2000] [--columns 20] [--rows 20] [--profile]

SERVER: URL of a role that may create databases and roles, postgresql://postgres@127.0.0.1/postgres. The
script makes a database and a role that may read it, named share_large_schema_PID, and drops both at its end.

Each table has a key, foreign keys to two others, texts, numbers and dates. Prints seconds: of introspection,
of the first correction of a catalog (which opens the database, reads its schema and, where stored values are
asked for, indexes them), and of later ones, by draft. --profile prints where the time goes, of introspection
and of the later corrections.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql as pieces

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.open import open_database
from share_sql.schema.introspect import introspect

WORDS = ("order", "customer", "product", "invoice", "payment", "stock", "region", "visit", "ticket", "branch")
QUESTION = "How many customers of the region North have an order above 100?"
DRAFTS = {
    "runs": "SELECT count(*) FROM {first} WHERE amount_3 > 100",
    "a wrong column": "SELECT count(*) FROM {first} WHERE amount_33 > 100",
    "a wrong table": "SELECT count(*) FROM {first}s WHERE amount_3 > 100",
    "a join": "SELECT a.label_1 FROM {first} a JOIN {second} b ON a.parent_1 = b.id "
    "WHERE b.label_2 = 'north'",
    "another dialect": "SELECT IFNULL(`label_1`, 'x') FROM `{first}` LIMIT 2, 3",
}


def table_name(at: int) -> str:
    """The name of a table by its number."""
    return f"{WORDS[at % len(WORDS)]}_{at}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("server", metavar="SERVER")
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with (
        made(given.server, given.tables, given.columns, given.rows) as url,
        tempfile.TemporaryDirectory() as cache,
    ):
        with open_database(url) as database, profiled(given.profile):
            began = time.perf_counter()
            schema = introspect(database)
            print(
                f"introspection     {time.perf_counter() - began:7.2f} s, {len(schema.tables)} tables",
                end=", ",
            )
            print(f"{sum(1 for _ in schema.columns())} columns, {len(schema.foreign_keys)} foreign keys")
        catalog = Catalog(cache=Path(cache))
        catalog.add("large", url)
        with Assistant(catalog=catalog) as assistant:
            for round_ in ("first", "later"):
                with profiled(given.profile and round_ == "later"):
                    for name, draft in DRAFTS.items():
                        text = draft.format(first=table_name(11), second=table_name(10))
                        began = time.perf_counter()
                        found = assistant.correct(Case(name, QUESTION, "large", text))
                        took = time.perf_counter() - began
                        print(f"{round_:6} {name:17} {took:7.2f} s, {found.verdict}: {found.reason[:90]}")


@contextmanager
def made(server: str, tables: int, columns: int, rows: int) -> Iterator[str]:
    """A database of so many tables, until the block ends.

    Yields the URL of a role that may read it."""
    name, password = f"share_large_schema_{os.getpid()}", secrets.token_hex(16)
    with closing(psycopg.connect(server, autocommit=True)) as owner:
        owner.execute(pieces.SQL("CREATE DATABASE {}").format(pieces.Identifier(name)))
        try:
            owner.execute(
                pieces.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(pieces.Identifier(name), password)
            )
            parts = urlsplit(server)
            host = parts.netloc.rpartition("@")[2]
            own = urlunsplit(parts._replace(path=f"/{name}"))
            fill(own, name, tables, columns, rows)
            yield urlunsplit(parts._replace(netloc=f"{name}:{password}@{host}", path=f"/{name}"))
        finally:
            owner.execute(pieces.SQL("DROP DATABASE {} WITH (FORCE)").format(pieces.Identifier(name)))
            owner.execute(pieces.SQL("DROP ROLE IF EXISTS {}").format(pieces.Identifier(name)))


def fill(url: str, reader: str, tables: int, columns: int, rows: int) -> None:
    """Make the tables, a hundred in a transaction: a server holds locks for some thousand at once."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for start in range(0, tables, 100):
            statements = []
            for at in range(start, min(start + 100, tables)):
                name, kinds = table_name(at), ["id integer PRIMARY KEY"]
                kinds += [
                    f"parent_{which} integer"
                    + (f" REFERENCES {table_name(at - which)}" if at >= which else "")
                    for which in (1, 10)
                ]
                others = (("label", "text"), ("amount", "numeric"), ("made_on", "date"), ("flag", "boolean"))
                for which in range(columns - len(kinds)):
                    own, kind = others[which % len(others)]
                    kinds.append(f"{own}_{which // len(others) + 1} {kind}")
                statements.append(f"CREATE TABLE {name} ({', '.join(kinds)})")
                parent = "n" if at else "NULL"
                statements.append(
                    f"INSERT INTO {name} (id, parent_1, label_1, label_2, amount_3) "
                    f"SELECT n, {parent}, 'label ' || n, CASE WHEN n % 2 = 0 THEN 'North' ELSE 'South' END, "
                    f"n * 10 FROM generate_series(1, {rows}) n"
                )
            connection.execute(("BEGIN;" + ";".join(statements) + ";COMMIT").encode())
        connection.execute(
            pieces.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(pieces.Identifier(reader))
        )
        connection.execute("ANALYZE")


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print where the time goes in the block, in all threads that it waits for as far as they are its own."""
    if not wanted:
        yield
        return
    profile = cProfile.Profile()
    import threading

    threading.setprofile(lambda *_: profile.enable())
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        threading.setprofile(None)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(30)


if __name__ == "__main__":
    main()
