"""A client that goes away stops its work, plain or streamed; a service that ends lets work end, or not."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from share_sql.serve.app import create_app
from share_sql.serve.doors import Doors
from tests.serve.conftest import serving, shop_desk
from tests.serve.models import CASE, SLOW, Silent


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def asked(url: str, path: str, body: object) -> socket.socket:
    """A request of which nobody has read the answer yet."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data)
    return connection


@pytest.mark.parametrize("path", ["/v1/correct", "/v1/correct/stream"])
def test_a_case_ends_with_its_connection(path: str, tmp_path: Path) -> None:
    model = Silent()
    with shop_desk(tmp_path, models={"generator": model}) as desk, serving(create_app(desk)) as url:
        connection = asked(url, path, CASE)
        assert model.asked.wait(30)
        assert desk.under_way == 1
        connection.close()
        assert model.given_up.wait(30)
        until(lambda: desk.under_way == 0)
        until(lambda: 'status="gone"' in httpx2.get(f"{url}/metrics").text or path.endswith("stream"))


def test_a_query_ends_with_its_connection(tmp_path: Path) -> None:
    slow = {"database": "shop", "sql": SLOW, "seconds": 60}
    with shop_desk(tmp_path) as desk, serving(create_app(desk)) as url:
        httpx2.post(f"{url}/v1/run", json={"database": "shop", "sql": "SELECT 1"}, timeout=30)
        opened = desk._catalog.acquire("shop")
        connection = asked(url, "/v1/run", slow)
        # SQLite answers one at a time: its turn is taken while the query runs.
        until(lambda: not _free(opened.turn))
        connection.close()
        until(lambda: _free(opened.turn))
        desk._catalog.release(opened)
        began = time.monotonic()
        again = httpx2.post(f"{url}/v1/run", json={"database": "shop", "sql": "SELECT 1"}, timeout=60)
        assert again.status_code == 200
        assert time.monotonic() - began < 50, "the query that nobody waits for still ran"


def _free(turn: object) -> bool:
    taken: bool = turn.acquire(timeout=0)  # type: ignore[attr-defined]
    if taken:
        turn.release()  # type: ignore[attr-defined]
    return taken


def test_shut_doors_let_nobody_in_and_those_inside_end(tmp_path: Path) -> None:
    model, doors = Silent(), Doors()
    with (
        shop_desk(tmp_path, models={"generator": model}) as desk,
        serving(create_app(desk, doors=doors)) as url,
    ):
        assert httpx2.get(f"{url}/readyz").status_code == 200
        inside = asked(url, "/v1/correct", CASE)
        assert model.asked.wait(30)
        assert doors.inside == 1
        doors.shut = True
        late = httpx2.post(f"{url}/v1/check", json=CASE)
        assert late.status_code == 503
        assert late.json()["type"] == "urn:share:problem:draining"
        assert late.headers["retry-after"]
        assert httpx2.get(f"{url}/readyz").status_code == 503
        assert httpx2.get(f"{url}/healthz").status_code == 200
        assert httpx2.get(f"{url}/metrics").status_code == 200
        assert not model.given_up.is_set()
        # Its time is over: it is told, and nothing of it goes on.
        doors.give_up()
        assert model.given_up.wait(30)
        assert inside.recv(100_000).startswith(b"HTTP/1.1 503 ")
        inside.close()
        until(lambda: doors.inside == 0)


def test_a_case_ends_with_a_client_that_goes_while_it_is_sent_to(tmp_path: Path) -> None:
    model = Silent()
    body = json.dumps(CASE).encode()
    path = "/v1/correct/stream"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def main() -> None:
        gone = asyncio.Event()
        sent = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            for message in sent:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.sleep(600)  # the client does not read

        with shop_desk(tmp_path, models={"generator": model}) as desk:
            app = create_app(desk)
            async with app.router.lifespan_context(app):
                serving = asyncio.ensure_future(app(scope, receive, send))
                assert await asyncio.to_thread(model.asked.wait, 30)
                gc.disable()  # the case must not wait for a collection
                try:
                    gone.set()
                    await asyncio.wait({serving}, timeout=30)
                    assert await asyncio.to_thread(model.given_up.wait, 30)
                finally:
                    gc.enable()

    asyncio.run(main())
