"""Batches: cases as JSON Lines in, corrections as JSON Lines out, each line as soon as it is there.

Reading and writing go on side by side, and neither holds much: the reader waits while enough cases are under
way, and answers that the client does not take yet lie in a temporary file. So a client that sends all before
it reads anything is served too, and a large batch costs no more memory than a small one.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from share_sql.serve.bodies import CorrectBody
from share_sql.serve.problems import document, invalid, lost, other, response, told

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from share_sql.serve.desk import Desk
    from share_sql.serve.metrics import Metrics

LINES = 10_000
"""Lines of one batch at most."""
BYTES = 64 * 1024 * 1024
"""Bytes of one batch at most."""
LINE_BYTES = 8 * 1024 * 1024
"""Bytes of one line at most: a draft of a million characters may be escaped."""
AT_ONCE = 4
"""Cases of one batch under way at once."""
MEDIA_TYPES = frozenset({"application/jsonl", "application/x-ndjson", "application/x-jsonlines"})
"""What a batch may be sent as. No page of another site can send one without being asked first."""
_IN_MEMORY = 256 * 1024
_ON_DISK = 256 * 1024 * 1024
"""Bytes of answers that wait for the client; beyond them, no further line is read."""


def router(desk: Desk, metrics: Metrics, lines: int, size: int) -> APIRouter:
    """The route.

    Args:
        desk: corrects.
        metrics: counts what comes of drafts.
        lines: of one batch at most.
        size: its bytes at most.
    """
    routes = APIRouter(prefix="/v1")

    @routes.post("/batch", response_class=Response)
    async def batch(request: Request) -> Response:
        """Correct many drafts: a case a line in, a line a case out, in the order in which they end.

        A line out is a correction; or `id`, `line` and `problem` for a line that came to nothing.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in MEDIA_TYPES:
            detail = "send the cases with the header Content-Type: application/jsonl"
            return response(other("media-type-unknown", detail))
        told_size = request.headers.get("content-length", "")
        if told_size.isdecimal() and int(told_size[:20]) > size:
            return response(other("too-large", f"a batch has {size:,} bytes at most; send several"))
        return _Batch(desk, metrics, lines, size)

    return routes


class _Batch(Response):
    """The answer to a batch, which reads it."""

    media_type = "application/jsonl"

    def __init__(self, desk: Desk, metrics: Metrics, lines: int, size: int) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._desk = desk
        self._metrics = metrics
        self._lines = lines
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, correct and write until both ends are through, or the client has gone."""
        started = False
        with _Spool() as answers:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(receive, answers))
                    while (rows := await answers.take()) is not None:
                        if not started:
                            started = True
                            await self._start(send)
                        await send({"type": "http.response.body", "body": rows, "more_body": True})
            except BaseExceptionGroup as failed:
                refused, rest = failed.split(HTTPException)
                if refused is None or rest is not None:
                    raise
                # The guard takes no more of the body, and says so itself where the answer has not begun. One
                # that has is left without its end, so that the caller sees that it is none.
                if not started:
                    raise _first(refused) from None
                return
            if not started:
                await self._start(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _read(self, receive: Receive, answers: _Spool) -> None:
        """Read lines and have them worked on, some at once; at the end say that no more answers come."""
        slots, over = asyncio.Semaphore(AT_ONCE), False

        async def work(number: int, line: bytes | None) -> None:
            try:
                answers.put(await self._answer(number, line))
            finally:
                slots.release()

        async with asyncio.TaskGroup() as cases:
            async for number, line in _lines(receive, self._size):
                await answers.room()
                if number > self._lines:
                    if not over:
                        over = True
                        limit = f"a batch has {self._lines:,} lines at most; the rest is not worked on"
                        answers.put(_failed(str(number), number, other("too-large", limit)))
                    continue  # the rest is read, or the answers would be lost with the connection
                await slots.acquire()
                cases.create_task(work(number, line))
        answers.end()

    async def _answer(self, number: int, line: bytes | None) -> bytes:
        """The line that a line is answered with."""
        if line is None:
            limit = f"a line has {LINE_BYTES:,} bytes at most, and a batch {self._size:,}"
            return _failed(str(number), number, other("too-large", limit))
        name = str(number)
        try:
            case = json.loads(line)
            if not isinstance(case, dict):
                raise ValueError
        except (ValueError, RecursionError):
            detail = "the line is no JSON object, or nested too deeply"
            return _failed(name, number, document(400, "not-json", detail))
        case.pop("gold", None)  # a file of labelled cases may be sent as it is
        given = case.setdefault("id", name)
        if isinstance(given, int):
            case["id"] = str(given) if abs(given) < 10**18 else name
        try:
            body = CorrectBody.model_validate(case)
        except ValidationError as error:
            found = error.errors()
            known = isinstance(case["id"], str) and not any(each["loc"][:1] == ("id",) for each in found)
            return _failed(case["id"] if known else name, number, invalid(found))
        try:
            answer = await self._desk.correct(body)
        except Exception as error:
            return _failed(body.id, number, told(error, f"POST /v1/batch, line {number}"))
        self._metrics.corrected(answer)
        problem = lost(answer)
        return (
            answer.model_dump_json().encode() + b"\n"
            if problem is None
            else _failed(body.id, number, problem)
        )


def _first(group: BaseExceptionGroup[HTTPException]) -> HTTPException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, HTTPException)
    return found


def _failed(name: str, number: int, problem: dict[str, Any]) -> bytes:
    return json.dumps({"id": name, "line": number, "problem": problem}).encode() + b"\n"


async def _lines(receive: Receive, size: int) -> AsyncIterator[tuple[int, bytes | None]]:
    """The lines of a body with their numbers from 1, empty ones left out; None for one that is too long, and
    it is the last where the whole body is."""
    number, total, held = 1, 0, bytearray()
    skips, more = False, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        chunk, more = message.get("body", b""), message.get("more_body", False)
        chunk, total = chunk[: max(0, size - total)], total + len(chunk)
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            held += part
            if not skips and held.strip():
                yield number, bytes(held)
            held.clear()
            skips, number = False, number + 1
        if not skips:
            held += rest
        if len(held) > LINE_BYTES:
            yield number, None
            held.clear()
            skips = True
        if total > size:
            yield number, None
            return
    if held.strip():
        yield number, bytes(held)


class _Spool:
    """Lines that wait to be sent: in memory, or in a file where they are many. Lives in one event loop."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._written = 0
        self._taken = 0
        self._ended = False
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def put(self, line: bytes) -> None:
        """Add a line."""
        self._file.seek(self._written)
        self._file.write(line)
        self._written += len(line)
        self._news.set()
        if self._written - self._taken > _ON_DISK:
            self._space.clear()

    def end(self) -> None:
        """Say that no more come."""
        self._ended = True
        self._news.set()

    async def room(self) -> None:
        """Wait until there is room for more."""
        await self._space.wait()

    async def take(self) -> bytes | None:
        """The next bytes, as many as there are up to some; None at the end."""
        while self._taken == self._written:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        self._file.seek(self._taken)
        found = self._file.read(_IN_MEMORY)
        self._taken += len(found)
        if self._taken == self._written:
            # All is sent: the file begins anew, so that it grows only while the client lags behind.
            self._file.seek(0)
            self._file.truncate()
            self._taken = self._written = 0
        if self._written - self._taken <= _ON_DISK:
            self._space.set()
        return found
