"""A database with a little of everything, and a folder around it in which nothing may change."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from share_sql.database.base import Database, Limits
from share_sql.database.sqlite import SqliteDatabase

FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
STUCK = "SELECT instr(hex(zeroblob(10000000)) || '1', hex(zeroblob(5000000)) || '2')"
SOON = Limits(seconds=0.2)


SECRET = "xyzzy-the-secret"


@dataclass(frozen=True)
class Place:
    """A folder with a database to query and things that no query may reach."""

    folder: Path

    @property
    def shop(self) -> Path:
        return self.folder / "shop.sqlite"

    @property
    def other(self) -> Path:
        return self.folder / "other.sqlite"

    @property
    def text(self) -> Path:
        return self.folder / "secret.txt"

    @property
    def out(self) -> Path:
        return self.folder / "out" / "made"

    def snapshot(self) -> dict[str, bytes | None]:
        """Every file's bytes and every folder's name."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
        }


def make_shop(path: Path, people: int = 3000) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER);
            CREATE INDEX person_age ON person (age);
            CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT DEFAULT (lower('X')));
            CREATE TABLE two (y);
            INSERT INTO two VALUES (1), (2);
            INSERT INTO empty DEFAULT VALUES;
            CREATE VIEW adult AS SELECT * FROM person WHERE age > 18;
            CREATE TRIGGER adult_update INSTEAD OF UPDATE ON adult
                BEGIN UPDATE person SET name = new.name WHERE id = old.id; END;
            CREATE VIEW evil_view AS SELECT load_extension('x');
            CREATE VIEW endless_view AS
                WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c;
            CREATE VIRTUAL TABLE notes USING fts5(body);
            INSERT INTO notes VALUES ('a word in a text'), ('another word');
            CREATE VIRTUAL TABLE old USING fts4(body);
            INSERT INTO old VALUES ('a word in a text');
            """
        )
        connection.executemany(
            "INSERT INTO person VALUES (?, ?, ?)",
            ((i, f"person {i % 97}", i % 80) for i in range(1, people + 1)),
        )
        connection.execute("ANALYZE")
    connection.close()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("place"))
    make_shop(place.shop)
    with sqlite3.connect(place.other) as connection:
        connection.execute("CREATE TABLE secret (word TEXT)")
        connection.execute("INSERT INTO secret VALUES (?)", (SECRET,))
    connection.close()
    place.text.write_text(SECRET)
    place.out.parent.mkdir()
    return place


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small database of the test's own."""
    path = tmp_path / "shop.sqlite"
    make_shop(path, people=20)
    return path


@pytest.fixture
def database(shop: Path) -> Iterator[SqliteDatabase]:
    with SqliteDatabase(shop) as database:
        yield database


def worker_pid(database: SqliteDatabase) -> int:
    """The process behind a database, started where there is none."""
    database.query("SELECT 1")
    assert database.pid is not None
    return database.pid


def reaped(pid: int) -> bool:
    """Whether nothing is left of a process, not even a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


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


def pid_in_a_fork(pid_of: Callable[[], int], close: Callable[[], None]) -> int:
    """The worker's process id as a forked process sees it, which then closes its database."""
    read, write = os.pipe()
    forked = os.fork()
    if forked == 0:
        code = 1
        try:
            os.write(write, str(pid_of()).encode())
            close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(forked, 0)[1] == 0
    theirs = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    return theirs


def assert_many_threads_share(database: Database) -> None:
    """Each of many threads gets the answer to its own query."""
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(database.query(f"SELECT {n}").rows[0][0] == n))
        for n in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [True] * 24
