"""The process behind a database: killed, orphaned, forked, interrupted, lent."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from share_sql.database.base import Limits
from share_sql.database.child import Child, Workers
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import (
    DatabaseUnreadable,
    QueryError,
    QueryRefused,
    QueryTimeout,
)

from .conftest import FOREVER, SOON, STUCK, alive, pid_in_a_fork, reaped, within, worker_pid

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes through /proc")


def kill_on_queries(monkeypatch: pytest.MonkeyPatch, only: int | None = None) -> None:
    """Kill each process, or only that one, as soon as it is asked a query."""
    send = Child.send

    def send_and_kill(child: Child, kind: bytes, body: tuple[object, ...], deadline: float) -> None:
        stopped = kind == b"q" and only in (None, child.pid)
        if stopped:
            os.kill(child.pid, signal.SIGSTOP)  # so that it cannot answer first
        send(child, kind, body, deadline)
        if stopped:
            os.kill(child.pid, signal.SIGKILL)

    monkeypatch.setattr(Child, "send", send_and_kill)


# -- the process --


def test_uses_one_process_for_many_queries(database: SqliteDatabase) -> None:
    assert worker_pid(database) == worker_pid(database)


def test_survives_a_kill_from_outside(database: SqliteDatabase) -> None:
    os.kill(worker_pid(database), signal.SIGKILL)
    assert database.query("SELECT 1").rows == ((1,),)


def test_survives_a_kill_in_the_middle_of_a_query(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = worker_pid(database)
    kill_on_queries(monkeypatch, only=pid)
    assert database.query("SELECT 1").rows == ((1,),)
    assert database.pid != pid


def test_a_stopped_process_counts_as_late(database: SqliteDatabase) -> None:
    os.kill(worker_pid(database), signal.SIGSTOP)
    with pytest.raises(QueryTimeout):
        database.query("SELECT 1", SOON)


def test_a_query_that_kills_its_process_is_an_error(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_on_queries(monkeypatch)
    with pytest.raises(QueryError, match="signal 9"):
        database.query(FOREVER)


def test_close_ends_the_process(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    database.close()
    assert reaped(pid)


def test_close_may_be_called_twice(database: SqliteDatabase) -> None:
    database.close()
    database.close()


def test_a_closed_database_says_so(database: SqliteDatabase) -> None:
    database.close()
    with pytest.raises(DatabaseUnreadable, match="closed"):
        database.query("SELECT 1")


def test_a_forgotten_database_leaves_no_process(shop: Path) -> None:
    database = SqliteDatabase(shop)
    pid = worker_pid(database)
    del database
    assert reaped(pid)


def test_a_killed_query_leaves_no_zombie(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    with pytest.raises(QueryTimeout):
        database.query(STUCK, SOON)
    assert reaped(pid)


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["steps", "one call"])
def test_the_process_ends_when_its_parent_is_killed(shop: Path, sql: str) -> None:
    script = f"""
        import threading, time
        from share_sql.database.sqlite import SqliteDatabase
        database = SqliteDatabase({str(shop)!r})
        database.query("SELECT 1")
        threading.Thread(target=database.query, args=({sql!r},), daemon=True).start()
        time.sleep(0.3)
        print(database.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        busy = alive(pid)
        parent.kill()
        parent.wait()
    assert busy
    assert within(30, lambda: not alive(pid))


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_leaves_no_answer_of_the_last_query(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    threading.Timer(0.2, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        database.query("SELECT 1 FROM (" + FOREVER + ")", Limits(seconds=60))
    assert not alive(pid)
    assert database.query("SELECT 2").rows == ((2,),)


def test_threads_get_each_their_own_answer(database: SqliteDatabase) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: database.query(f"SELECT {i}").rows[0][0], range(200)))
    assert found == list(range(200))


def test_a_forked_process_gets_a_worker_of_its_own(database: SqliteDatabase) -> None:
    ours = worker_pid(database)
    theirs = pid_in_a_fork(lambda: worker_pid(database), database.close)
    assert theirs != ours
    assert worker_pid(database) == ours


def test_the_environment_does_not_reach_the_worker(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with SqliteDatabase(shop) as database:
        assert b"sk-secret" not in Path(f"/proc/{worker_pid(database)}/environ").read_bytes()


def test_the_worker_inherits_no_open_file(shop: Path, tmp_path: Path) -> None:
    with (tmp_path / "open.txt").open("w") as handle, SqliteDatabase(shop) as database:
        os.set_inheritable(handle.fileno(), True)
        held = [os.readlink(link) for link in Path(f"/proc/{worker_pid(database)}/fd").iterdir()]
    assert str(tmp_path / "open.txt") not in held


# -- processes lent --


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(idle=1) as workers:
        yield workers


def another_shop(shop: Path) -> Path:
    other = shop.with_name("another.sqlite")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE person AS SELECT 7 AS x")
    connection.close()
    return other


def test_a_lent_process_serves_one_database_after_another(shop: Path, workers: Workers) -> None:
    with SqliteDatabase(shop, workers=workers) as first:
        pid = worker_pid(first)
    with SqliteDatabase(another_shop(shop), workers=workers) as second:
        assert worker_pid(second) == pid
        assert second.query("SELECT * FROM person").rows == ((7,),)


def test_databases_open_at_once_have_each_their_process(shop: Path, workers: Workers) -> None:
    with SqliteDatabase(shop, workers=workers) as first, SqliteDatabase(shop, workers=workers) as second:
        assert worker_pid(first) != worker_pid(second)


def test_a_lent_process_is_guarded_again(shop: Path, workers: Workers) -> None:
    for path in (shop, another_shop(shop)):
        with SqliteDatabase(path, workers=workers) as database, pytest.raises(QueryRefused):
            database.query("DELETE FROM person")


def test_a_process_given_back_holds_no_file(shop: Path, workers: Workers) -> None:
    with SqliteDatabase(shop, workers=workers) as database:
        pid = worker_pid(database)
    assert str(shop) not in [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]


def test_a_lent_process_that_was_killed_is_not_lent_again(shop: Path, workers: Workers) -> None:
    with SqliteDatabase(shop, workers=workers) as database:
        pid = worker_pid(database)
    os.kill(pid, signal.SIGKILL)
    assert within(30, lambda: not alive(pid))
    with SqliteDatabase(shop, workers=workers) as database:
        assert database.query("SELECT 1").rows == ((1,),)


def test_a_lent_process_that_dies_unseen_is_replaced(
    shop: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteDatabase(shop, workers=workers) as database:
        pid = worker_pid(database)
    monkeypatch.setattr(Child, "alive", True)  # as it looks until the system has noticed
    os.kill(pid, signal.SIGKILL)
    assert within(30, lambda: not alive(pid))
    with SqliteDatabase(shop, workers=workers) as database:
        assert database.query("SELECT 1").rows == ((1,),)


def test_closing_ends_what_is_idle(shop: Path) -> None:
    with Workers() as workers, SqliteDatabase(shop, workers=workers) as database:
        pid = worker_pid(database)
    assert reaped(pid)


def test_more_than_the_most_idle_end(shop: Path, workers: Workers) -> None:
    first, second = SqliteDatabase(shop, workers=workers), SqliteDatabase(shop, workers=workers)
    pids = [worker_pid(first), worker_pid(second)]
    first.close()
    second.close()
    assert [reaped(pid) for pid in pids] == [False, True]
