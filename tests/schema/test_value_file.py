"""The value index's file under faults of its disk: look-ups answer the same, and one line tells of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.schema.conftest import Make

from share_sql.catalog import Catalog
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import DatabaseUnreadable
from share_sql.schema.introspect import introspect
from share_sql.schema.values import ValueIndex

NAMES = [f"name {at:05} {'of a town by the sea ' * 3}" for at in range(40_000)]
LOOK_UP = """
import logging, resource, sys
from pathlib import Path
from share_sql.database.sqlite import SqliteDatabase
from share_sql.schema.introspect import introspect
from share_sql.schema.values import ValueIndex

logging.basicConfig(format="%(message)s")
with SqliteDatabase(Path("towns.sqlite")) as database:
    schema = introspect(database)
    {before}
    with ValueIndex.open(database, schema, Path("{cache}")) as index:
        print(index.path is None, index.holds("t", "name", "Bonn"), index.lookup("bonn")[0].value)
"""
IN_MEMORY = "True True Bonn\n"


@pytest.fixture
def towns(make: Make) -> SqliteDatabase:
    """A database whose index takes megabytes."""
    return make("CREATE TABLE t (name TEXT)", "towns", {"t": [(name,) for name in [*NAMES, "Bonn"]]})


def look_up(cache: str, before: str = "pass") -> list[str]:
    return [sys.executable, "-c", LOOK_UP.format(before=before, cache=cache)]


def apart(folder: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    """Run shell steps where file systems of one's own can be mounted."""
    call = ["unshare", "-Urm", "bash", "-ec"]
    (folder / "small").mkdir()
    mount = "mount -t tmpfs -o size=400k tmpfs small"
    if shutil.which("unshare") is None or subprocess.run([*call, mount], cwd=folder).returncode:
        pytest.skip("no right to mount a file system of one's own")
    script = "\n".join((mount, *steps))
    return subprocess.run([*call, script], cwd=folder, capture_output=True, text=True)


def test_a_full_cache_disk(towns: SqliteDatabase, tmp_path: Path) -> None:
    (tmp_path / "look_up.py").write_text(look_up("small/cache")[-1])
    done = apart(tmp_path, f"{sys.executable} look_up.py", "ls small/cache")
    assert done.stdout == IN_MEMORY, "and no part of a file is left"
    assert (done.stderr.count("\n"), "kept in memory" in done.stderr) == (1, True)
    assert "small/cache cannot be written: database or disk is full" in done.stderr


def test_a_full_disk_for_temporary_files(towns: SqliteDatabase, tmp_path: Path) -> None:
    (tmp_path / "look_up.py").write_text(look_up("cache")[-1])
    done = apart(tmp_path, f"TMPDIR=$PWD/small SQLITE_TMPDIR=$PWD/small {sys.executable} look_up.py")
    assert done.stdout == IN_MEMORY
    assert (done.stderr.count("\n"), "kept in memory" in done.stderr) == (1, True)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_system_that_is_read_only(towns: SqliteDatabase, tmp_path: Path) -> None:
    (tmp_path / "look_up.py").write_text(look_up("small/cache")[-1])
    python = f"{sys.executable} look_up.py"
    done = apart(tmp_path, "mount -o remount,size=40m small", python, "mount -o remount,ro small", python)
    assert done.stdout == "False True Bonn\n" * 2, "what is there is used"
    assert done.stderr == ""


def test_a_file_that_may_not_grow(towns: SqliteDatabase, tmp_path: Path) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))"
    call = look_up("cache", limit)
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == IN_MEMORY
    assert (done.stderr.count("\n"), "kept in memory" in done.stderr) == (1, True)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_in_its_place(
    towns: SqliteDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schema, cache = introspect(towns), tmp_path / "cache"
    with ValueIndex.open(towns, schema, cache) as index:
        assert index.path is not None
        path = index.path
    path.unlink()
    (path / "in it").mkdir(parents=True)
    with ValueIndex.open(towns, schema, cache) as index:
        assert (index.path, index.lookup("bonn")[0].value) == (None, "Bonn")
    assert len(caplog.messages) == 1
    assert "kept in memory" in caplog.text
    assert list(cache.iterdir()) == [path]


def test_damaged_bytes_are_never_looked_up_in(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("share_sql.schema.values.SMALL", 3)
    names = [f"{at} Elm Street" for at in range(2000)]
    towns = make("CREATE TABLE t (name TEXT)", rows={"t": [(name,) for name in names]})
    schema, cache = introspect(towns), tmp_path / "cache"
    asked = [*names[::100], *(name.lower().replace("e", "3", 1) for name in names[::100])]

    def found() -> tuple[Path | None, list[object]]:
        with ValueIndex.open(towns, schema, cache) as index:
            seen = [(index.lookup(text), index.holds("t", "name", text)) for text in asked]
            return index.path, [*seen, index.size, index.complete("t", "name")]

    path, right = found()
    assert path is not None
    for seed in range(40):
        rng = random.Random(seed)
        content = bytearray(path.read_bytes())
        for _ in range(200 if seed % 2 else 1):
            content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        path.write_bytes(content)
        caplog.clear()
        assert found() == (path, right)
        assert len(caplog.messages) == 1
        assert "is built anew: its content is damaged" in caplog.text


def test_damage_while_it_is_open_is_mended_by_the_next_use(towns: SqliteDatabase, tmp_path: Path) -> None:
    catalog = Catalog(cache=tmp_path / "cache")
    catalog.add("towns", towns.path)
    opened = catalog.acquire("towns")
    path = opened.values.path
    assert path is not None
    with path.open("r+b") as file:
        file.seek(4 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 4 * 4096))
    with pytest.raises(DatabaseUnreadable, match="is damaged"):
        opened.values.lookup("bonn")
    assert opened.values.lookup("bonn")[0].value == "Bonn"
    catalog.release(opened)
    catalog.close()


def test_what_a_killed_build_left_is_removed_and_no_other_file(towns: SqliteDatabase, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    other.mkdir()
    with closing(sqlite3.connect(other / "towns.sqlite")) as connection:
        connection.execute("CREATE TABLE t (name TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"{name} again",) for name in NAMES])
        connection.commit()
    # Stops in the middle: the first build of two that are under way.
    stop = (
        "import share_sql.schema.values as v, time; whole = v.write_store; "
        "v.write_store = lambda *given: (whole(*given), print('built', flush=True), time.sleep(60))"
    )
    call = look_up(str(cache), stop)
    builders = [
        subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, text=True) for folder in (tmp_path, other)
    ]
    try:
        for builder in builders:
            assert builder.stdout is not None
            assert builder.stdout.readline() == "built\n"
        begun = sorted(path.name for path in cache.iterdir())
        assert sorted(name.rpartition(".")[2] for name in begun) == ["lock", "lock", "tmp", "tmp"]
        builders[0].send_signal(signal.SIGKILL)
        builders[0].wait()
        (cache / "tmpother.tmp").write_text("another program's")
        ValueIndex.open(towns, introspect(towns), cache).close()
        left = sorted(path.name for path in cache.iterdir())
        assert len(left) == 4, "the index, what is under way with its lock, and the other program's"
        assert len(set(begun) & set(left)) == 2
        assert "tmpother.tmp" in left
    finally:
        for builder in builders:
            builder.kill()
            builder.communicate()


def test_of_programs_that_need_it_at_once_one_builds(towns: SqliteDatabase, tmp_path: Path) -> None:
    told = (
        "import share_sql.schema.values as v; whole = v.write_store; "
        "v.write_store = lambda *given: (print('built'), whole(*given))"
    )
    builders = [
        subprocess.Popen(
            look_up("cache", told), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    found = sorted(builder.communicate() for builder in builders)
    assert found == [("False True Bonn\n", "")] * 2 + [("built\nFalse True Bonn\n", "")]
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".sqlite"]
    assert os.listdir(tmp_path / "cache")[0].count("-") == 1
    with closing(sqlite3.connect(next((tmp_path / "cache").iterdir()))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
