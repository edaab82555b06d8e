"""The file of a SqliteDatabase: missing, broken, locked, replaced, with logs and journals."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.database import sqlite
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import (
    DatabaseMissing,
    DatabaseUnreadable,
)

# -- the file --


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


# -- write-ahead logs and journals --


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


# -- fingerprints --


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


def test_a_file_that_rests_is_told_by_its_times(
    database: SqliteDatabase, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SETTLED_SECONDS", -1.0)
    before, process = database.fingerprint(), database.pid
    assert process is not None
    os.kill(process, signal.SIGKILL)
    assert database.fingerprint() == before
    assert database.pid == process, "nobody noticed that it is gone: it was not asked"
    with sqlite3.connect(shop) as connection:
        connection.execute("UPDATE person SET age = age + 1 WHERE id = 1")
    connection.close()
    assert database.fingerprint() != before
    assert database.pid != process


def test_a_file_that_was_just_written_is_told_by_its_header(database: SqliteDatabase) -> None:
    before, process = database.fingerprint(), database.pid
    assert process is not None
    os.kill(process, signal.SIGKILL)
    assert database.fingerprint() == before
    assert database.pid != process


def test_the_fingerprint_changes_with_the_log(wal: sqlite3.Connection, database: SqliteDatabase) -> None:
    before = database.fingerprint()
    wal.execute("INSERT INTO person VALUES (22, 'newer', 1)")
    assert database.fingerprint() != before
