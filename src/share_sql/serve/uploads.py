"""SQLite files that callers upload to try them: off unless the settings ask for it.

Covered:
- Names and places. A file lies in a folder of the service's own that nobody else may enter, under a name made
  here; nothing that a caller sends becomes part of a path.
- Room. Bytes are counted while they come; so many files, and so many bytes of all together, are kept at once.
- Content. A file that does not begin as SQLite's is refused with its first bytes. The rest is read by
  `database/sqlite.py`'s process alone, read-only and bounded, like any database's. A schema is refused where
  it is larger than `MOST_TABLES` and `MOST_COLUMNS`, or cannot be read whole in `CHECK_SECONDS`: views that
  contain themselves or grow without bound, tables of modules that are not there.
- Time. A file goes after its time, with the index of its values, and all go when the service ends.

Not covered:
- Who may see an upload: it is a database of the service until it goes, for every caller.
- A query of an upload that is under way when it goes: it may end.
- A service that is killed leaves its folder, `share-uploads-…`, where the system keeps temporary files.
- Models: what stages ask them holds names and values of a database, and of an upload too.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from share_sql.database.base import Limits
from share_sql.errors import DatabaseError, QueryError, QueryTimeout
from share_sql.serve.problems import problem
from share_sql.serve.shapes import UploadAnswer

if TYPE_CHECKING:
    from share_sql.serve.desk import Desk
    from share_sql.settings import ServiceSettings

log = logging.getLogger("share_sql.serve")

HEADER = b"SQLite format 3\0"
"""What such a file begins with."""
MOST = 16
"""Uploads that are kept at once; together they may have the bytes of `MOST_FULL` of the largest."""
MOST_FULL = 4
LATE_SECONDS = 300.0
"""After how long what work under way has written beside a deleted upload is deleted too."""
MOST_TABLES = 2_000
"""Tables and views of an upload."""
MOST_COLUMNS = 40_000
"""Columns of all of them."""
CHECK_SECONDS = 5.0
"""What reading its schema may take."""
QUERY_SECONDS = 10.0
"""What a query of it may take."""

_COUNT = "SELECT COUNT(*), SUM(type IN ('table', 'view')) FROM sqlite_schema"
_COLUMNS = (
    "SELECT COUNT(*) FROM sqlite_schema AS m JOIN pragma_table_xinfo(m.name) "
    "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_FIRST_WORDS = 200
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/octet-stream", "application/vnd.sqlite3")
        },
    }
}


class UploadRefused(Exception):
    """An upload is not taken; the routes make a problem document of it.

    Args:
        status: the HTTP status.
        name: one word or two for the kind of refusal.
        detail: what was wrong, and what to do.
        seconds: when to try again; None where that does not help.
    """

    def __init__(self, status: int, name: str, detail: str, seconds: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.seconds = seconds


@dataclass(frozen=True)
class Upload:
    """An upload that may be asked."""

    name: str
    """The database's."""
    bytes: int
    expires: float
    """When it goes, in seconds since 1970."""


class Uploads:
    """Takes uploads in at a desk and deletes them again. It lives in one event loop.

    Args:
        desk: gets them as databases.
        max_bytes: of one.
        seconds: how long each is kept.
    """

    def __init__(self, desk: Desk, *, max_bytes: int, seconds: float) -> None:
        self._desk = desk
        self._max_bytes = max_bytes
        self._seconds = seconds
        # mkdtemp lets nobody but the owner in.
        self._folder = Path(tempfile.mkdtemp(prefix="share-uploads-"))
        self._kept: dict[str, Upload] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._coming: dict[str, int] = {}
        """Bytes so far of those that are not there yet."""

    @classmethod
    def of(cls, desk: Desk, service: ServiceSettings) -> Self:
        """As settings ask for it."""
        return cls(desk, max_bytes=service.max_upload, seconds=60 * service.upload_minutes)

    async def take(self, chunks: AsyncIterable[bytes]) -> Upload:
        """Keep a file.

        Args:
            chunks: its bytes as they come.

        Raises:
            UploadRefused: it is too large, there is no room, or it is no database that can be asked.
        """
        if len(self._kept) + len(self._coming) >= MOST:
            raise self._full()
        name = f"upload-{secrets.token_hex(8)}"
        self._coming[name] = 0
        folder = self._folder / name
        try:
            folder.mkdir(mode=0o700)
            file = folder / "upload.sqlite"
            await self._write(file, name, chunks)
            # Beside the event loop, where the catalog's other databases are opened too.
            await asyncio.to_thread(_check, file)
            size = self._coming[name]
            self._keep(name, file, size)
        finally:
            del self._coming[name]
            self._sweep()
        return self._kept[name]

    async def _write(self, file: Path, name: str, chunks: AsyncIterable[bytes]) -> None:
        first = b""
        with file.open("xb") as out:
            async for chunk in chunks:
                self._coming[name] += len(chunk)
                if self._coming[name] > self._max_bytes:
                    raise UploadRefused(413, "too-large", f"an upload has {self._max_bytes:,} bytes at most")
                if sum(self._coming.values()) + self._bytes() > MOST_FULL * self._max_bytes:
                    raise self._full()
                if len(first) < len(HEADER):
                    first += chunk[: len(HEADER)]
                    if not HEADER.startswith(first[: len(HEADER)]):
                        raise _no_database("it does not begin as a SQLite file does")
                out.write(chunk)
        if len(first) < len(HEADER):
            raise _no_database("it ends before a SQLite file has begun")

    def _keep(self, name: str, file: Path, size: int) -> None:
        # The index of its values beside it, so that both go together.
        cache = file.parent / "cache"
        self._desk.add(name, file, Limits(seconds=QUERY_SECONDS), cache)
        self._kept[name] = Upload(name, size, time.time() + self._seconds)
        self._timers[name] = asyncio.get_running_loop().call_later(self._seconds, self.remove, name)

    def _bytes(self) -> int:
        return sum(each.bytes for each in self._kept.values())

    def _full(self) -> UploadRefused:
        # By the loop's clock, which nobody sets.
        first = min((timer.when() for timer in self._timers.values()), default=0.0)
        wait = max(1.0, first - asyncio.get_running_loop().time())
        return UploadRefused(
            503, "uploads-full", "there is no room for more uploads; delete one, or wait", wait
        )

    def remove(self, name: str) -> bool:
        """Delete an upload; False where there is none of this name."""
        if self._kept.pop(name, None) is None:
            return False
        timer = self._timers.pop(name)
        timer.cancel()
        self._desk.drop(name)
        self._sweep()
        # Who asks it now has it open, and may write the index of its values where it was.
        asyncio.get_running_loop().call_later(LATE_SECONDS, self._sweep)
        return True

    def _sweep(self) -> None:
        """Delete what is not kept."""
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            if folder.name not in self._kept and folder.name not in self._coming:
                _delete(folder)

    def close(self) -> None:
        """Delete all, when nobody is answered any more. May be called twice."""
        _delete(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass  # somebody deletes it beside us
    except OSError as error:
        log.warning("an upload could not be deleted: %s", error)


def _no_database(why: str) -> UploadRefused:
    return UploadRefused(422, "upload-unusable", f"the upload is no SQLite database that can be asked: {why}")


def router(uploads: Uploads) -> APIRouter:
    """The routes: `PUT /v1/uploads` and `DELETE /v1/uploads/{name}`."""
    routes = APIRouter(prefix="/v1")

    @routes.put("/uploads", response_model=UploadAnswer, status_code=201, openapi_extra=_BODY)
    async def upload(request: Request) -> UploadAnswer | Response:
        """Take a SQLite file as a database to try, for a time. The answer has the database's name."""
        try:
            kept = await uploads.take(request.stream())
        except UploadRefused as refusal:
            wait = {} if refusal.seconds is None else {"Retry-After": str(math.ceil(refusal.seconds))}
            return problem(refusal.status, refusal.name, refusal.detail, headers=wait)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        expires = datetime.fromtimestamp(kept.expires, UTC).isoformat(timespec="seconds")
        return UploadAnswer(name=kept.name, bytes=kept.bytes, expires=expires)

    @routes.delete("/uploads/{name}", status_code=204)
    async def forget(name: str) -> Response:
        """Delete an upload before its time."""
        if not uploads.remove(name):
            return problem(404, "upload-missing", "there is no upload of that name, or no longer")
        return Response(status_code=204)

    return routes


def _is_cut(file: Path) -> bool:
    """Whether a file is shorter than its header says (sqlite.org/fileformat2.html); SQLite itself sees that
    only where it reads what is missing."""
    with file.open("rb") as opened:
        head = opened.read(100)
    size = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # The count of pages holds where the last writer knew of it.
    known = head[24:28] == head[92:96]
    return len(head) < 100 or (known and file.stat().st_size < pages * (65536 if size == 1 else size))


def _check(file: Path) -> None:
    """Raises UploadRefused where a file is no database with a schema that can be read."""
    from share_sql.database.open import open_database

    limits = Limits(seconds=CHECK_SECONDS, rows=10)
    if _is_cut(file):
        raise _no_database("its end is missing; upload it again")
    try:
        # The name stands in messages: it must not be the path's.
        with open_database(file, name="upload") as database:
            objects, tables = database.query(_COUNT, limits).rows[0]
            if not tables:
                raise _no_database("it has no tables")
            if not isinstance(objects, int) or not isinstance(tables, int) or objects > 10 * MOST_TABLES:
                raise _no_database("its schema has too many parts")
            if tables > MOST_TABLES:
                raise _no_database(f"it has more than {MOST_TABLES:,} tables and views")
            columns = database.query(_COLUMNS, limits).rows[0][0]
            if not isinstance(columns, int) or columns > MOST_COLUMNS:
                raise _no_database(f"its tables have more than {MOST_COLUMNS:,} columns")
    except QueryTimeout:
        raise _no_database(f"its schema takes more than {CHECK_SECONDS:g} s to read") from None
    except QueryError as error:
        said = str(error).removeprefix("upload: ")[:_FIRST_WORDS]
        raise _no_database(
            f"its schema cannot be read whole: {said}; mend or drop that table or view"
        ) from None
    except DatabaseError as error:
        # These name the file.
        said = str(error).replace(str(file), "it").removeprefix("upload: ")[:_FIRST_WORDS]
        raise _no_database(said) from None
