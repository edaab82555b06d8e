"""The demo's shop behind a desk, and a real server over it on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from share_sql import Assistant, Catalog
from share_sql.serve.app import create_app
from share_sql.serve.demo import demo_shop
from share_sql.serve.desk import Desk


@contextmanager
def shop_desk(cache: Path, bounds: Mapping[str, Any] | None = None, **assistant: Any) -> Iterator[Desk]:
    """A desk over the demo's shop; what is given goes to its assistant, `bounds` to the desk."""
    catalog = Catalog(cache=cache)
    with demo_shop(catalog) as examples:
        correcting = Assistant(catalog=catalog, inspect=True, conventions="benchmark", **assistant)
        checker = Assistant(catalog=catalog, inspect=True, conventions="benchmark")
        desk = Desk(
            catalog=catalog,
            names=catalog.names,
            assistant=correcting,
            checker=checker,
            examples=examples,
            **(bounds or {}),
        )
        try:
            yield desk
        finally:
            desk.close()


@contextmanager
def serving(app: Any, port: int = 0, **options: Any) -> Iterator[str]:
    """An application on a port of this machine, a free one for 0, with uvicorn's options; its URL."""
    # Its protocol is named: else small answers wait for the client's acknowledgement of their head.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port may be taken a second time
    listening.bind(("127.0.0.1", port))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's shop over HTTP, corrected without a model."""
    with shop_desk(tmp_path_factory.mktemp("cache")) as desk, serving(create_app(desk)) as url:
        yield url


@pytest.fixture
def client(shop_url: str) -> Iterator[httpx2.Client]:
    """A client of it."""
    with httpx2.Client(base_url=shop_url, timeout=30) as client:
        yield client
