"""The processes behind a DuckDB file: interrupted, killed, orphaned, forked, lent."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from share_sql.database.base import Limits
from share_sql.database.child import Child, Workers
from share_sql.database.duckdb import DuckdbDatabase
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import (
    DatabaseMissing,
    DatabaseUnreadable,
    QueryError,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
)

from .conftest import FOREVER, SOON, alive, pid_in_a_fork, reaped, within, worker_pid
from .grounds import busy

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes through /proc")

STUCK = "SELECT list_reduce(range(10000000), lambda x, y: (x * 31 + y) % 1000003)"
OVERTIME = 1.0


def make(path: Path, people: int = 20) -> Path:
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE person AS SELECT range AS id FROM range(?)", [people])
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "people.duckdb")


@pytest.fixture
def database(path: Path) -> Iterator[DuckdbDatabase]:
    with DuckdbDatabase(path) as database:
        yield database


def pid_of(database: DuckdbDatabase) -> int:
    """The one process that is there after a query."""
    database.query("SELECT 1")
    (pid,) = database.pids
    return pid


def ask_beside(database: DuckdbDatabase, sql: str, limits: Limits | None = None) -> list[Exception]:
    """Ask in a thread, once the query runs; the list gets its error."""
    raised: list[Exception] = []

    def ask() -> None:
        try:
            database.query(sql, limits)
        except Exception as error:
            raised.append(error)

    threading.Thread(target=ask).start()
    assert within(10, lambda: any(map(busy, database.pids)))
    return raised


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["heeds an interrupt", "heeds none"])
def test_a_query_is_dead_soon_after_its_deadline(database: DuckdbDatabase, sql: str) -> None:
    pid = pid_of(database)
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match="deadline"):
        database.query(sql, SOON)
    assert within(SOON.seconds + OVERTIME - (time.monotonic() - began), lambda: not busy(pid))
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_process_that_heeds_an_interrupt_is_kept(database: DuckdbDatabase) -> None:
    pid = pid_of(database)
    with pytest.raises(QueryTimeout):
        database.query(FOREVER, SOON)
    assert pid_of(database) == pid


def test_a_process_that_heeds_none_leaves_no_zombie(database: DuckdbDatabase) -> None:
    pid = pid_of(database)
    with pytest.raises(QueryTimeout):
        database.query(STUCK, SOON)
    assert reaped(pid)


def test_a_query_beside_one_that_is_killed_goes_on(database: DuckdbDatabase) -> None:
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(database.query, STUCK, SOON)
        counted = database.query("SELECT count(*) FROM person, range(100000000)", Limits(seconds=60))
        assert isinstance(late.exception(), QueryTimeout)
    assert counted.rows == ((2_000_000_000,),)


def test_survives_a_kill_from_outside(database: DuckdbDatabase) -> None:
    os.kill(pid_of(database), signal.SIGKILL)
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_query_whose_processes_are_killed_is_an_error(
    database: DuckdbDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Child.send

    def send_and_kill(child: Child, kind: bytes, body: tuple[object, ...], deadline: float) -> None:
        if kind == b"q":
            os.kill(child.pid, signal.SIGSTOP)  # so that it cannot answer first
        send(child, kind, body, deadline)
        if kind == b"q":
            os.kill(child.pid, signal.SIGKILL)

    monkeypatch.setattr(Child, "send", send_and_kill)
    with pytest.raises(QueryError, match="signal 9"):
        database.query("SELECT 1")


def test_a_stopped_process_counts_as_late(database: DuckdbDatabase) -> None:
    os.kill(pid_of(database), signal.SIGSTOP)
    with pytest.raises(QueryTimeout):
        database.query("SELECT 1", SOON)


def test_a_process_that_holds_much_memory_is_ended(database: DuckdbDatabase) -> None:
    pid = pid_of(database)
    with pytest.raises(QueryTooLarge, match="memory"):
        database.query("SELECT list(range) FROM range(400000000)", Limits(seconds=60))
    assert reaped(pid)


def test_close_ends_the_processes_of_queries_under_way(path: Path) -> None:
    database = DuckdbDatabase(path)
    raised = ask_beside(database, STUCK)
    pids = database.pids
    database.close()
    assert pids
    assert all(within(5, lambda pid=pid: reaped(pid)) for pid in pids)
    assert within(5, lambda: bool(raised))
    assert isinstance(raised[0], DatabaseUnreadable)
    assert "closed" in str(raised[0])


def test_a_forgotten_database_leaves_no_process(path: Path) -> None:
    database = DuckdbDatabase(path)
    pid = pid_of(database)
    del database
    gc.collect()
    assert reaped(pid)


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["heeds an interrupt", "heeds none"])
def test_the_process_ends_when_its_parent_is_killed(path: Path, sql: str) -> None:
    script = f"""
        import threading, time
        from share_sql.database.duckdb import DuckdbDatabase
        database = DuckdbDatabase({str(path)!r})
        threading.Thread(target=database.query, args=({sql!r},), daemon=True).start()
        time.sleep(0.3)
        print(*database.pids, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        lived = alive(pid)
        parent.kill()
        parent.wait()
    assert lived
    assert within(30, lambda: not alive(pid))


def test_a_file_that_is_replaced_gets_another_process(database: DuckdbDatabase, path: Path) -> None:
    pid = pid_of(database)
    make(path.with_name("new.duckdb"), people=7).replace(path)
    assert database.query("SELECT count(*) FROM person").rows == ((7,),)
    assert reaped(pid)


def test_a_file_that_is_gone_is_named_and_found_again(database: DuckdbDatabase, path: Path) -> None:
    database.query("SELECT 1")
    path.rename(path.with_name("away"))
    with pytest.raises(DatabaseMissing, match="no file"):
        database.query("SELECT 1")
    path.with_name("away").rename(path)
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_forked_process_gets_a_process_of_its_own(database: DuckdbDatabase) -> None:
    ours = pid_of(database)
    theirs = pid_in_a_fork(lambda: pid_of(database), database.close)
    assert theirs != ours
    assert pid_of(database) == ours


def test_the_environment_does_not_reach_the_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with DuckdbDatabase(path) as database:
        assert b"sk-secret" not in Path(f"/proc/{pid_of(database)}/environ").read_bytes()


def test_the_process_is_limited(database: DuckdbDatabase) -> None:
    lines = Path(f"/proc/{pid_of(database)}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
    assert (limits["Max file size"], limits["Max core file size"]) == ("0", "0")
    assert int(limits["Max address space"]) <= 3 << 30
    assert int(limits["Max open files"]) <= 16


def test_a_lent_process_serves_one_file_after_another(path: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other.duckdb", people=3)
    with Workers(idle=2) as workers:
        with DuckdbDatabase(path, workers=workers) as first:
            pid = pid_of(first)
        assert str(path) not in [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        with DuckdbDatabase(other, workers=workers) as second:
            assert pid_of(second) == pid
            assert second.query("SELECT count(*) FROM person").rows == ((3,),)
            with pytest.raises(QueryRefused):
                second.query("SELECT * FROM read_text('/etc/hostname')")
    assert reaped(pid)


def test_a_lent_process_serves_its_own_kind_of_file(path: Path, shop: Path) -> None:
    with Workers(idle=2) as workers:
        with DuckdbDatabase(path, workers=workers) as first:
            pid = pid_of(first)
        with SqliteDatabase(shop, workers=workers) as second:
            assert worker_pid(second) != pid
