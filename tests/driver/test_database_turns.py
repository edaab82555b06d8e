"""How many cases ask one database at a time: as many as it answers, and no more."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import share_sql.database.open
from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.duckdb import DuckdbDatabase
from share_sql.database.open import open_database
from tests.servers.database import ServerDatabase

duckdb = pytest.importorskip("duckdb")

SLOW = 0.05


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE store (id integer, city varchar)")
        connection.execute("INSERT INTO store VALUES (1, 'Bonn'), (2, 'Jena')")
    return str(path)


@pytest.mark.parametrize("parallel", [1, 3])
def test_as_many_queries_at_a_time_as_the_database_answers(
    parallel: int, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    class Counting(DuckdbDatabase):
        def query(self, sql: str, limits: Any = None) -> Any:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(SLOW)
            try:
                return super().query(sql, limits)
            finally:
                with lock:
                    under_way -= 1

    monkeypatch.setattr(Counting, "parallel", parallel)
    monkeypatch.setattr(
        share_sql.database.open, "open_database", lambda where, name=None: Counting(where, name)
    )
    # The value index too is built in one case's turn, while the others wait for it.
    drafts = [
        "SELECT id FROM store WHERE city = 'bonn'",
        "SELECT cty FROM store",
        "SELECT count(*) FROM store",
    ]
    cases = [Case(str(at), "Which stores are in Bonn?", shop, drafts[at % 3]) for at in range(9)]
    with Assistant(catalog=Catalog(cache=tmp_path / "cache"), concurrency=8) as assistant:
        found = list(assistant.correct_many(cases))
    assert [each.runs for each in found] == [True] * 9
    assert found[0].sql == "SELECT id FROM store WHERE city = 'Bonn'"
    assert most == parallel


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_run_opens_no_more_connections_than_the_pool_has(kind: str, request: pytest.FixtureRequest) -> None:
    server: ServerDatabase = request.getfixturevalue(f"{kind}_database")
    server.run("CREATE TABLE store (id integer PRIMARY KEY, city varchar(20))")
    server.run("INSERT INTO store VALUES (1, 'Bonn'), (2, 'Jena')")
    counted = {
        "postgres": "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader'",
    }[kind]
    with closing(open_database(server.reader)) as database:
        parallel = database.parallel
    assert parallel > 1
    most, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.is_set():
            most = max(most, int(server.run(counted)[0][0]))

    cases = [
        Case(str(at), "Which stores are in Bonn?", server.reader, f"SELECT id, {at} FROM store")
        for at in range(60)
    ]
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with Assistant(concurrency=16) as assistant:
            found = list(assistant.correct_many(cases))
    finally:
        ended.set()
        thread.join()
    assert all(each.runs for each in found)
    assert 1 <= most <= parallel
