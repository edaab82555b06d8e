"""Connections: those that say nothing, those that read nothing, and too many of them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from share_sql.serve.access import Guard
from share_sql.serve.guard import guarded
from share_sql.serve.protocol import server_options
from tests.serve.conftest import serving
from tests.serve.hostile_requests import ask

QUICK = Guard(head_seconds=0.3, body_seconds=0.3, send_seconds=0.3, max_connections=3)


class Streams:
    """Answers without an end, until nobody is there."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["path"] == "/v1/short":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        watching = asyncio.ensure_future(self._watch(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not watching.done():
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})

    async def _watch(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


@contextmanager
def connected(url: str, *parts: bytes) -> Iterator[socket.socket]:
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        yield connection


def rest(connection: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def url(streams: Streams) -> Iterator[str]:
    with serving(guarded(streams, QUICK), lifespan="off", **server_options(QUICK)) as url:
        yield url


def test_a_connection_that_says_nothing_is_ended(url: str) -> None:
    with connected(url) as connection:
        assert rest(connection) == b""


def test_headers_that_trickle_are_ended(url: str) -> None:
    with connected(url, b"GET / HTTP/1.1\r\n") as connection:
        assert rest(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_what_follows_an_answer_has_its_time_too(url: str) -> None:
    kept = ask("GET", "/v1/short").replace(b"Connection: close\r\n", b"")
    with connected(url, kept, kept, b"GET /v1/sh") as connection:
        found = rest(connection)
    assert found.count(b"HTTP/1.1 200 ") == 2
    assert found.count(b"HTTP/1.1 408 ") == 1


def test_who_reads_nothing_is_left(url: str, streams: Streams) -> None:
    with connected(url, ask("GET", "/v1/endless")):
        assert streams.gone.wait(30)


def test_too_many_connections_are_refused_and_others_go_on(url: str) -> None:
    with connected(url, ask("GET", "/v1/endless")) as first:
        assert first.recv(15) == b"HTTP/1.1 200 OK"
        held = [socket.create_connection(first.getpeername(), timeout=30) for _ in range(20)]
        found = [rest(each) for each in held]
        for each in held:
            each.close()
        refused = [each for each in found if each]
        assert refused
        for each in refused:
            assert each.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"retry-after: 1" in each.lower()
    with connected(url, ask("GET", "/v1/short")) as connection:
        assert rest(connection).endswith(b"ok")


def test_a_chunk_that_is_none_in_the_middle_of_an_answer_ends_it(streams: Streams) -> None:
    patient = replace(QUICK, send_seconds=60)
    head = ask("POST", "/v1/endless", "Transfer-Encoding: chunked", "Content-Type: application/json")
    app = guarded(streams, patient)
    with serving(app, lifespan="off", **server_options(patient)) as url, connected(url, head) as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        connection.sendall(b"zz\r\n")
        while connection.recv(65536):
            pass
        assert streams.gone.wait(30)
