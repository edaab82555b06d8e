"""Uploads: room, names, time, and what is left of them."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import DatabaseMissing
from share_sql.schema import values
from share_sql.serve import uploads as module
from share_sql.serve.bodies import CorrectBody, RunBody
from share_sql.serve.desk import Desk
from share_sql.serve.uploads import UploadRefused, Uploads
from tests.serve.conftest import shop_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with shop_desk(tmp_path / "cache") as desk:
        yield desk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads get their folder."""
    found = tmp_path / "temporary"
    found.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(found))
    return found


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A database of some kilobytes."""
    file = tmp_path / "made.sqlite"
    made = sqlite3.connect(file)
    made.executescript("CREATE TABLE towns (name TEXT); INSERT INTO towns VALUES ('Köln'), ('Bonn');")
    made.close()
    return file.read_bytes()


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1000):
        yield content[at : at + 1000]


def within(desk: Desk, work: Callable[[Uploads], Coroutine[Any, Any, None]], **given: Any) -> None:
    """Do something with uploads of 100,000 bytes and ten minutes."""

    async def inside() -> None:
        with Uploads(desk, **{"max_bytes": 100_000, "seconds": 600, **given}) as uploads:
            await work(uploads)

    asyncio.run(inside())


def test_an_upload_is_a_database_in_a_folder_of_its_own(desk: Desk, folder: Path, content: bytes) -> None:
    async def work(uploads: Uploads) -> None:
        kept = await uploads.take(chunks(content))
        assert kept.name.startswith("upload-")
        assert kept.name in desk.names
        (own,) = folder.iterdir()
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        rows = (await desk.run(RunBody(database=kept.name, sql="SELECT COUNT(*) FROM towns"))).rows
        assert rows == [[2]]
        other = await uploads.take(chunks(content))
        assert other.name != kept.name

    within(desk, work)
    assert not list(folder.iterdir())


def test_it_goes_with_the_index_of_its_values(
    desk: Desk, folder: Path, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "SMALL", 0)  # no index is too small for a file

    async def work(uploads: Uploads) -> None:
        name = (await uploads.take(chunks(content))).name
        draft = "SELECT COUNT(*) FROM towns WHERE name = 'Koln'"
        answer = await desk.correct(
            CorrectBody(database=name, question="How many are called Köln?", draft=draft)
        )
        assert "Köln" in answer.sql
        assert list(folder.glob("*/*/cache/**/*")), "the index is beside the file"
        assert uploads.remove(name)
        assert not list(folder.glob("*/*"))
        with pytest.raises(DatabaseMissing):
            await desk.run(RunBody(database=name, sql="SELECT 1"))
        assert not uploads.remove(name)

    within(desk, work)
    assert not [each for each in (tmp_path / "cache").rglob("*") if "upload" in each.name]


def test_it_goes_after_its_time(desk: Desk, folder: Path, content: bytes) -> None:
    async def work(uploads: Uploads) -> None:
        name = (await uploads.take(chunks(content))).name
        while name in desk.names:
            await asyncio.sleep(0.01)
        assert not list(folder.glob("*/*"))

    within(desk, work, seconds=0.05)


def test_a_query_under_way_does_not_keep_it(desk: Desk, folder: Path, content: bytes) -> None:
    endless = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT MAX(x) FROM a"

    async def work(uploads: Uploads) -> None:
        name = (await uploads.take(chunks(content))).name
        asking = asyncio.ensure_future(desk.run(RunBody(database=name, sql=endless, seconds=0.5)))
        await asyncio.sleep(0.1)
        assert uploads.remove(name)
        assert not list(folder.glob("*/*"))
        await asyncio.wait({asking})
        assert asking.exception() is not None
        assert desk.away == set()

    within(desk, work)


def test_so_many_are_kept(desk: Desk, folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)

    async def work(uploads: Uploads) -> None:
        first = await uploads.take(chunks(content))
        await uploads.take(chunks(content))
        with pytest.raises(UploadRefused) as refused:
            await uploads.take(chunks(content))
        assert refused.value.status == 503
        assert 590 < (refused.value.seconds or 0) <= 600
        uploads.remove(first.name)
        await uploads.take(chunks(content))

    within(desk, work)


def test_those_on_their_way_count_too(
    desk: Desk, folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)

    async def work(uploads: Uploads) -> None:
        taken = await asyncio.gather(
            *(uploads.take(chunks(content)) for _ in range(10)), return_exceptions=True
        )
        assert sum(isinstance(each, UploadRefused) for each in taken) == 7
        assert len([name for name in desk.names if name.startswith("upload-")]) == 3

    within(desk, work)


def test_all_together_have_so_many_bytes(
    desk: Desk, folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_FULL", 2)

    async def work(uploads: Uploads) -> None:
        await uploads.take(chunks(content))
        await uploads.take(chunks(content))
        with pytest.raises(UploadRefused, match="no room"):
            await uploads.take(chunks(content))

    within(desk, work, max_bytes=len(content))


def test_one_that_breaks_off_leaves_nothing(desk: Desk, folder: Path, content: bytes) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield content[:5000]
        raise ConnectionError("gone")

    async def work(uploads: Uploads) -> None:
        before = desk.names
        with pytest.raises(ConnectionError):
            await uploads.take(broken())
        assert not list(folder.glob("*/*"))
        assert desk.names == before

    within(desk, work)


def test_no_bytes_are_read_after_it_is_known_to_be_none(desk: Desk, folder: Path) -> None:
    read = 0

    async def long() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(50):
            read += 1
            yield b"SQL" + bytes(997)

    async def work(uploads: Uploads) -> None:
        with pytest.raises(UploadRefused, match="does not begin"):
            await uploads.take(long())

    within(desk, work)
    assert read == 1
