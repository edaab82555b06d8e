"""SqliteDatabase: results, bounds, and what happens when the file or the process goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from share_sql.database.base import Limits
from share_sql.database.child import Child, Workers
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import (
    DatabaseMissing,
    DatabaseUnreadable,
    QueryError,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
)

FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
STUCK = "SELECT instr(hex(zeroblob(10000000)) || '1', hex(zeroblob(5000000)) || '2')"
SOON = Limits(seconds=0.2)


@pytest.fixture
def database(shop: Path) -> Iterator[SqliteDatabase]:
    with SqliteDatabase(shop) as database:
        yield database


def worker_pid(database: SqliteDatabase) -> int:
    """The process behind a database: the only child of this process with its script."""
    database.query("SELECT 1")
    assert database._child is not None
    return database._child.pid


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


# -- results -----------------------------------------------------------------------------------------


def test_gives_rows_in_order(database: SqliteDatabase) -> None:
    assert database.query("SELECT id FROM person ORDER BY id DESC LIMIT 3").rows == ((20,), (19,), (18,))


def test_gives_column_names_that_repeat(database: SqliteDatabase) -> None:
    assert database.query("SELECT 1 AS a, 2 AS a").columns == ("a", "a")


def test_gives_columns_of_an_empty_result(database: SqliteDatabase) -> None:
    assert database.query("SELECT id, name FROM person WHERE 0").columns == ("id", "name")


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("NULL", None),
        ("1", 1),
        ("-9223372036854775808", -(2**63)),
        ("0.1", 0.1),
        ("1e999", float("inf")),
        ("-1e999", float("-inf")),
        ("'grüß 日本 🎈'", "grüß 日本 🎈"),
        ("''", ""),
        ("x'00ff'", b"\x00\xff"),
        ("x''", b""),
        ("'a' || char(0) || 'b'", "a\0b"),
        ("CAST(x'ff41' AS TEXT)", b"\xffA"),
    ],
)
def test_keeps_values_and_their_types(database: SqliteDatabase, sql: str, value: object) -> None:
    found = database.query(f"SELECT {sql}").rows[0][0]
    assert (type(found), found) == (type(value), value)


def test_gives_all_rows_where_only_a_late_one_is_not_utf_8(database: SqliteDatabase) -> None:
    sql = "SELECT CASE id WHEN 15 THEN CAST(x'ff' AS TEXT) ELSE name END FROM person ORDER BY id"
    rows = database.query(sql).rows
    assert (len(rows), rows[0][0], rows[14][0]) == (20, "person 1", b"\xff")


def test_cuts_a_result_at_the_row_cap(database: SqliteDatabase) -> None:
    result = database.query("SELECT id FROM person", Limits(rows=7))
    assert (len(result.rows), result.truncated) == (7, True)


def test_does_not_call_a_result_of_exactly_the_cap_cut(database: SqliteDatabase) -> None:
    assert database.query("SELECT id FROM person", Limits(rows=20)).truncated is False


def test_gives_large_results_whole(database: SqliteDatabase) -> None:
    sql = "SELECT a.id, b.id, c.id, a.name FROM person a, person b, person c ORDER BY 1, 2, 3"
    rows = database.query(sql).rows
    assert rows == tuple(
        (a, b, c, f"person {a}") for a in range(1, 21) for b in range(1, 21) for c in range(1, 21)
    )


def test_full_text_tables_can_be_searched(database: SqliteDatabase) -> None:
    assert database.query("SELECT body FROM notes WHERE notes MATCH 'another'").rows == (("another word",),)


def test_the_schema_can_be_introspected(database: SqliteDatabase) -> None:
    assert database.query("SELECT name FROM pragma_table_info('person')").rows == (
        ("id",),
        ("name",),
        ("age",),
    )


# -- bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["interrupted", "killed"])
def test_stops_at_the_deadline(database: SqliteDatabase, sql: str) -> None:
    with pytest.raises(QueryTimeout):
        database.query(sql, SOON)


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["interrupted", "killed"])
def test_answers_after_a_deadline(database: SqliteDatabase, sql: str) -> None:
    with pytest.raises(QueryTimeout):
        database.query(sql, SOON)
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_deadline_may_be_infinite(database: SqliteDatabase) -> None:
    assert database.query("SELECT 1", Limits(seconds=float("inf"))).rows == ((1,),)


def test_refuses_results_over_the_byte_cap(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(500)) FROM person", Limits(bytes=10_000))


def test_refuses_one_value_over_the_byte_cap(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(2000000))", Limits(bytes=2_000_000))


def test_a_cap_holds_for_its_query_alone(database: SqliteDatabase) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT hex(zeroblob(2000000))", Limits(bytes=2_000_000))
    assert database.query("SELECT length(hex(zeroblob(2000000)))").rows == ((4_000_000,),)


def test_refuses_to_take_all_memory(database: SqliteDatabase) -> None:
    blobs = ", ".join(["zeroblob(60000000)"] * 3)
    with pytest.raises(QueryTooLarge):
        database.query(f"SELECT * FROM (SELECT {blobs} FROM person) ORDER BY 1", Limits(seconds=20))


def test_names_what_a_refused_query_would_do(database: SqliteDatabase) -> None:
    with pytest.raises(QueryRefused, match="would delete from person"):
        database.query("DELETE FROM person")


def test_tells_sqlites_own_message(database: SqliteDatabase) -> None:
    with pytest.raises(QueryError, match="no such column: nosuch"):
        database.query("SELECT nosuch FROM person")


def test_names_itself_in_messages(shop: Path) -> None:
    with SqliteDatabase(shop, "the shop") as database, pytest.raises(QueryError, match=r"^the shop: "):
        database.query("SELECT nosuch")


# -- the process -------------------------------------------------------------------------------------


def test_uses_one_process_for_many_queries(database: SqliteDatabase) -> None:
    assert worker_pid(database) == worker_pid(database)


def test_survives_a_kill_from_outside(database: SqliteDatabase) -> None:
    os.kill(worker_pid(database), signal.SIGKILL)
    assert database.query("SELECT 1").rows == ((1,),)


def test_survives_a_kill_in_the_middle_of_a_query(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    sql = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000000) SELECT count(*) FROM c"
    )
    assert database.query(sql).rows == ((3_000_000,),)


def test_a_stopped_process_counts_as_late(database: SqliteDatabase) -> None:
    os.kill(worker_pid(database), signal.SIGSTOP)
    with pytest.raises(QueryTimeout):
        database.query("SELECT 1", SOON)


def test_a_query_that_kills_its_process_is_an_error(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Child.send

    def send_and_kill(child: Child, kind: bytes, body: tuple[object, ...], deadline: float) -> None:
        send(child, kind, body, deadline)
        if kind == b"q":
            os.kill(child.pid, signal.SIGKILL)

    monkeypatch.setattr(Child, "send", send_and_kill)
    with pytest.raises(QueryError, match="signal 9"):
        database.query(FOREVER)


def test_close_ends_the_process(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    database.close()
    assert not Path(f"/proc/{pid}").exists()


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
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_query_leaves_no_zombie(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    with pytest.raises(QueryTimeout):
        database.query(STUCK, SOON)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("sql", [FOREVER, STUCK], ids=["steps", "one call"])
def test_the_process_ends_when_its_parent_is_killed(shop: Path, sql: str) -> None:
    script = f"""
        import threading, time
        from share_sql.database.sqlite import SqliteDatabase
        database = SqliteDatabase({str(shop)!r})
        database.query("SELECT 1")
        threading.Thread(target=database.query, args=({sql!r},), daemon=True).start()
        time.sleep(0.3)
        print(database._child.pid, flush=True)
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
    assert within(5, lambda: not alive(pid))


def test_an_interrupt_leaves_no_answer_of_the_last_query(database: SqliteDatabase) -> None:
    pid = worker_pid(database)
    threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        database.query("SELECT 1 FROM (" + FOREVER + ")", Limits(seconds=5))
    assert not alive(pid)
    assert database.query("SELECT 2").rows == ((2,),)


def test_threads_get_each_their_own_answer(database: SqliteDatabase) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: database.query(f"SELECT {i}").rows[0][0], range(200)))
    assert found == list(range(200))


def test_a_forked_process_gets_a_worker_of_its_own(database: SqliteDatabase) -> None:
    ours = worker_pid(database)
    read, write = os.pipe()
    forked = os.fork()
    if forked == 0:
        code = 1
        try:
            os.write(write, str(worker_pid(database)).encode())
            database.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(forked, 0)[1] == 0
    theirs = int(os.read(read, 20))
    os.close(read)
    os.close(write)
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


# -- processes lent ----------------------------------------------------------------------------------


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
    within(5, lambda: not alive(pid))
    with SqliteDatabase(shop, workers=workers) as database:
        assert database.query("SELECT 1").rows == ((1,),)


def test_closing_ends_what_is_idle(shop: Path) -> None:
    with Workers() as workers, SqliteDatabase(shop, workers=workers) as database:
        pid = worker_pid(database)
    assert not Path(f"/proc/{pid}").exists()


def test_more_than_the_most_idle_end(shop: Path, workers: Workers) -> None:
    first, second = SqliteDatabase(shop, workers=workers), SqliteDatabase(shop, workers=workers)
    pids = [worker_pid(first), worker_pid(second)]
    first.close()
    second.close()
    assert [Path(f"/proc/{pid}").exists() for pid in pids] == [True, False]


# -- the file ----------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match=r"nothing\.sqlite"):
        SqliteDatabase(tmp_path / "nothing.sqlite")


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        SqliteDatabase(tmp_path / "nothing.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreadable, match="folder"):
        SqliteDatabase(tmp_path)


def test_an_empty_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(DatabaseUnreadable, match="empty"):
        SqliteDatabase(tmp_path / "empty.sqlite")


def test_a_pipe_is_no_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatabaseUnreadable, match="regular"):
        SqliteDatabase(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(shop: Path) -> None:
    shop.chmod(0)
    with pytest.raises(DatabaseUnreadable, match="permission"):
        SqliteDatabase(shop)


@pytest.mark.parametrize("content", [b"name,age\nAda,36\n", b"SQLite format 2\0" * 100, os.urandom(9000)])
def test_another_kind_of_file_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with (
        SqliteDatabase(tmp_path / "list.csv") as database,
        pytest.raises(DatabaseUnreadable, match="not a SQLite"),
    ):
        database.query("SELECT 1")


def test_a_corrupt_file_is_unreadable(shop: Path) -> None:
    content = bytearray(shop.read_bytes())
    content[100:4096] = os.urandom(3996)
    shop.write_bytes(content)
    with SqliteDatabase(shop) as database, pytest.raises(DatabaseUnreadable):
        database.query("SELECT * FROM person")


def test_a_corrupt_header_is_unreadable(shop: Path) -> None:
    content = bytearray(shop.read_bytes())
    content[16:100] = b"\xff" * 84
    shop.write_bytes(content)
    with SqliteDatabase(shop) as database, pytest.raises(DatabaseUnreadable):
        database.query("SELECT * FROM person")


def test_a_truncated_file_is_unreadable(shop: Path) -> None:
    shop.write_bytes(shop.read_bytes()[:5000])
    with SqliteDatabase(shop) as database, pytest.raises(DatabaseUnreadable):
        database.query("SELECT * FROM person, notes")


def test_a_file_shorter_than_its_header_is_unreadable(shop: Path) -> None:
    shop.write_bytes(shop.read_bytes()[:60])
    with SqliteDatabase(shop) as database, pytest.raises(DatabaseUnreadable):
        database.query("SELECT * FROM person")


@pytest.fixture
def locked(shop: Path) -> Iterator[Path]:
    connection = sqlite3.connect(shop, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield shop
    connection.close()


def test_a_locked_file_is_unreadable(locked: Path) -> None:
    with SqliteDatabase(locked) as database, pytest.raises(DatabaseUnreadable, match="locked"):
        database.query("SELECT * FROM person")


def test_looking_at_a_file_keeps_the_callers_lock(locked: Path) -> None:
    # POSIX locks go when the process that holds them closes any descriptor of the file.
    with SqliteDatabase(locked) as database:
        database.fingerprint()
    other = f"import sqlite3; sqlite3.connect({str(locked)!r}, timeout=0).execute('SELECT * FROM person')"
    ran = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
    assert "database is locked" in ran.stderr


def test_reads_again_when_the_lock_is_gone(shop: Path) -> None:
    with SqliteDatabase(shop) as database:
        connection = sqlite3.connect(shop, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnreadable):
            database.query("SELECT * FROM person")
        connection.close()
        assert database.query("SELECT count(*) FROM person").rows == ((20,),)


def test_a_file_deleted_while_open_is_missing(database: SqliteDatabase, shop: Path) -> None:
    database.query("SELECT 1")
    shop.unlink()
    with pytest.raises(DatabaseMissing):
        database.query("SELECT 1")


def test_a_file_put_in_its_place_is_read(database: SqliteDatabase, shop: Path) -> None:
    database.query("SELECT 1")
    new = shop.with_name("new.sqlite")
    with sqlite3.connect(new) as connection:
        connection.execute("CREATE TABLE fresh AS SELECT 7 AS x")
    connection.close()
    new.replace(shop)
    assert database.query("SELECT x FROM fresh").rows == ((7,),)


def test_changes_by_others_are_seen(database: SqliteDatabase, shop: Path) -> None:
    database.query("SELECT 1")
    with sqlite3.connect(shop) as connection:
        connection.execute("INSERT INTO person VALUES (21, 'new', 1)")
    connection.close()
    assert database.query("SELECT count(*) FROM person").rows == ((21,),)


@pytest.mark.parametrize(
    "name", ["a b.sqlite", "100%41.sqlite", "what?mode=rwc.sqlite", "x#y.sqlite", "日本.db", "'.db"]
)
def test_any_file_name_will_do(shop: Path, name: str) -> None:
    copy = shop.with_name(name)
    shutil.copy(shop, copy)
    with SqliteDatabase(copy) as database:
        assert database.query("SELECT count(*) FROM person").rows == ((20,),)


def test_a_relative_path_stands_after_a_change_of_folder(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    with SqliteDatabase(shop.name) as database:
        monkeypatch.chdir("/")
        assert database.query("SELECT count(*) FROM person").rows == ((20,),)


# -- write-ahead logs and journals -------------------------------------------------------------------


@pytest.fixture
def wal(shop: Path) -> Iterator[sqlite3.Connection]:
    """A writer that keeps the shop in WAL mode with a change that is only in the log."""
    connection = sqlite3.connect(shop, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO person VALUES (21, 'new', 1)")
    yield connection
    connection.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_reads_what_is_only_in_the_log(wal: sqlite3.Connection, database: SqliteDatabase) -> None:
    assert database.query("SELECT count(*) FROM person").rows == ((21,),)


def test_sees_what_is_added_to_the_log(wal: sqlite3.Connection, database: SqliteDatabase) -> None:
    database.query("SELECT 1 FROM person")
    wal.execute("INSERT INTO person VALUES (22, 'newer', 1)")
    assert database.query("SELECT count(*) FROM person").rows == ((22,),)


def test_reads_a_closed_wal_database_without_side_files(wal: sqlite3.Connection, shop: Path) -> None:
    wal.close()
    with SqliteDatabase(shop) as database:
        assert database.query("SELECT count(*) FROM person").rows == ((21,),)
        assert names(shop.parent) == {shop.name}


def test_sees_a_writer_come_to_a_closed_wal_database(wal: sqlite3.Connection, shop: Path) -> None:
    wal.close()
    with SqliteDatabase(shop) as database:
        database.query("SELECT 1 FROM person")
        writer = sqlite3.connect(shop, isolation_level=None)
        writer.execute("INSERT INTO person VALUES (22, 'newer', 1)")
        assert database.query("SELECT count(*) FROM person").rows == ((22,),)
        writer.close()


def test_a_log_without_its_index_is_named(wal: sqlite3.Connection, shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for side in ("", "-wal"):
        shutil.copy(f"{shop}{side}", copy)
    with SqliteDatabase(copy / shop.name) as database, pytest.raises(DatabaseUnreadable, match="-wal"):
        database.query("SELECT 1 FROM person")
    assert names(copy) == {shop.name, f"{shop.name}-wal"}


def test_a_write_that_was_cut_off_is_named(shop: Path) -> None:
    script = f"""
        import os, sqlite3
        connection = sqlite3.connect({str(shop)!r}, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE person SET name = hex(zeroblob(5000))")
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    before = names(shop.parent)
    assert f"{shop.name}-journal" in before
    with SqliteDatabase(shop) as database, pytest.raises(DatabaseUnreadable, match="-journal"):
        database.query("SELECT * FROM person")
    assert names(shop.parent) == before


# -- fingerprints ------------------------------------------------------------------------------------


def test_the_fingerprint_stays_while_nothing_changes(database: SqliteDatabase) -> None:
    before = database.fingerprint()
    database.query("SELECT * FROM person")
    assert database.fingerprint() == before


def test_the_fingerprint_is_the_same_for_a_second_connection(database: SqliteDatabase, shop: Path) -> None:
    with SqliteDatabase(shop) as second:
        assert second.fingerprint() == database.fingerprint()


def test_the_fingerprint_changes_with_a_row(database: SqliteDatabase, shop: Path) -> None:
    before = database.fingerprint()
    with sqlite3.connect(shop) as connection:
        connection.execute("UPDATE person SET age = age + 1 WHERE id = 1")
    connection.close()
    assert database.fingerprint() != before


def test_the_fingerprint_changes_even_where_the_time_is_set_back(
    database: SqliteDatabase, shop: Path
) -> None:
    before, times = database.fingerprint(), os.stat(shop)
    with sqlite3.connect(shop) as connection:
        connection.execute("UPDATE person SET age = age + 1 WHERE id = 1")
    connection.close()
    os.utime(shop, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert database.fingerprint() != before


def test_the_fingerprint_changes_with_the_log(wal: sqlite3.Connection, database: SqliteDatabase) -> None:
    before = database.fingerprint()
    wal.execute("INSERT INTO person VALUES (22, 'newer', 1)")
    assert database.fingerprint() != before
