"""A query that another thread stops: it ends soon, those of other threads and later ones are unharmed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from share_sql.database.base import Database, Limits
from share_sql.database.open import open_database
from share_sql.errors import QueryTimeout

LONG = Limits(seconds=300.0)
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c"
ENDLESS_OF = {
    "sqlite": ENDLESS,
    "duckdb": "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
    "postgres": "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "mysql": "SELECT count(*) FROM store a, store b, store c, store d, store e, store f, store g",
}


def sqlite_file(folder: Path) -> str:
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE store (id integer)")
    connection.close()
    return str(folder / "shop.sqlite")


def duckdb_file(folder: Path) -> str:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE store (id integer)")
    return str(folder / "shop.duckdb")


@pytest.fixture(params=["sqlite", "duckdb", "postgres", "mysql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def where(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return sqlite_file(tmp_path)
    if kind == "duckdb":
        return duckdb_file(tmp_path)
    server = request.getfixturevalue(f"{kind}_database")
    server.run("CREATE TABLE IF NOT EXISTS store (id integer)")
    server.run(f"INSERT INTO store VALUES {', '.join(['(1)'] * 200)}")
    return str(server.reader)


def stopped(database: Database, sql: str, stop: Callable[[int], None]) -> None:
    """Run SQL in a thread, have it stopped, and see that it was."""
    threads: list[int] = []
    begun = threading.Event()

    def run() -> None:
        threads.append(threading.get_ident())
        begun.set()
        database.query(sql, LONG)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert begun.wait(60)
        while not running.done():  # it may not have begun the first time
            stop(threads[0])
            threading.Event().wait(0.1)
        with pytest.raises(QueryTimeout, match="nobody waits for it"):
            running.result()


def test_a_stopped_query_ends_and_the_next_one_runs(kind: str, where: str) -> None:
    with open_database(where) as database:
        for _ in range(2):
            stopped(database, ENDLESS_OF[kind], database.stop)
            assert database.query("SELECT 7").rows == ((7,),)


def test_nothing_is_stopped_where_a_thread_runs_nothing(kind: str, where: str) -> None:
    with open_database(where) as database, ThreadPoolExecutor(1) as pool:
        idle = pool.submit(threading.get_ident).result()
        for _ in range(20):
            database.stop(idle)
            database.stop(threading.get_ident())
            assert database.query("SELECT 7").rows == ((7,),)
        if kind == "sqlite":
            assert pool.submit(database.query, "SELECT 7").result().rows == ((7,),)
