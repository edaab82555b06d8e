"""The servers that tests use: shared by all who ask, gone with the one they were started for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.database.open import open_database
from share_sql.errors import DatabaseError

from . import kinds
from .database import ServerDatabase, run
from .kinds import KINDS, ServerMissing
from .start import ROOT, start, stop


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def gone(url: str, seconds: float = 15.0) -> bool:
    late = time.monotonic() + seconds
    while time.monotonic() < late:
        try:
            open_database(url).close()
        except DatabaseError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_server_is_shared_and_ends_with_its_owner(
    kind: str, owner: subprocess.Popen[bytes], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(f"{kind}_url")  # skips where there is none
    url = start(kind, tmp_path, owner.pid)
    assert start(kind, tmp_path, owner.pid) == url
    assert run(url, "SELECT 1") == [(1,)]
    owner.kill()
    owner.wait()
    assert gone(url)


def test_stop_ends_a_server(postgres_url: str, tmp_path: Path) -> None:
    url = start("postgres", tmp_path, None)
    assert stop("postgres", tmp_path)
    assert gone(url, 1.0)
    assert not stop("postgres", tmp_path)


def test_a_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds.shutil, "which", lambda _: None)
    monkeypatch.setattr(kinds.os, "access", lambda *_: False)
    with pytest.raises(ServerMissing, match="apt-get install postgresql"):
        KINDS["postgres"].make(tmp_path, 1, "x", kinds.Account())


def test_it_is_a_command(postgres_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "start" in done.stdout


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_reader_reads_and_may_not_write(kind: str, request: pytest.FixtureRequest) -> None:
    database: ServerDatabase = request.getfixturevalue(f"{kind}_database")
    database.run("CREATE TABLE one (x INT); INSERT INTO one VALUES (7)")
    assert run(database.reader, "SELECT x FROM one") == [(7,)]
    with pytest.raises(Exception, match="denied"):
        run(database.reader, "INSERT INTO one VALUES (8)")
