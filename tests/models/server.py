"""Servers that answer from a list or as they like, and the model that speaks to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

import httpx2

from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.endpoint import EndpointModel

Ask = Callable[..., ModelRequest]
KEY = "sk-very-secret-key"
URL = "http://models.test/v1"


def choice(text: str | None = "hi", finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}, **more}


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "served", "usage": usage}
    return {**body, "choices": list(choices) or [choice()], **more}


class Server:
    """Answers from a list, the last one again and again; keeps what it was sent.

    With `crowd`, nobody is answered before that many requests are under way at once.
    """

    def __init__(self, *answers: Any, crowd: int = 1) -> None:
        self.crowd = crowd
        self.gathered = asyncio.Event()
        self.answers = list(answers) or [completion()]
        self.sent: list[httpx2.Request] = []
        self.busy = self.most_busy = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        if self.busy >= self.crowd:
            self.gathered.set()
        await asyncio.wait_for(self.gathered.wait(), 30)
        await asyncio.sleep(0.01 if self.crowd > 1 else 0)  # time for one too many to come in
        self.busy -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, json=answer)

    def body(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sent[number].content)
        return found


def model(server: Server, **settings: Any) -> EndpointModel:
    settings = {"model": "sam", "base_url": URL, "api_key": KEY, "first_wait": 0.0, **settings}
    return EndpointModel(transport=httpx2.MockTransport(server), **settings)


def ask(model: EndpointModel, request: ModelRequest) -> ModelReply:
    async def once() -> ModelReply:
        try:
            return await model.ask(request)
        finally:
            await model.close()

    return asyncio.run(once())


def failure(
    status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any
) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": message, **more}}, headers=headers)


class RawServer:
    """A real server that does what `behave` says with each connection, once the request has been read.

    `behave` gets the connection and the request's number, from 1. What was asked is kept.
    """

    def __init__(self, behave: Callable[[socket.socket, int], None]) -> None:
        self.behave = behave
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        """First line, headers by lower-case name, body."""
        self.gone = threading.Event()
        """Set once a client has hung up while its answer was under way."""
        self.over = threading.Event()
        """Set at the end; endless answers look at it."""

    def __enter__(self) -> RawServer:
        told = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    while told._read(self.request):
                        told.behave(self.request, len(told.requests))

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Threads(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _read(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return False
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        self.requests.append((line, headers, body))
        return True

    def endlessly(self, connection: socket.socket, part: bytes, pause: float = 0.0) -> None:
        """Send `part` until the client has gone or the test is over."""
        try:
            while not self.over.wait(pause):
                connection.sendall(part)
        except OSError:
            self.gone.set()
            raise


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """A whole response on the wire; `content_type` names the header Content-Type."""
    named = {"content-type": "application/json", "content-length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"HTTP/1.1 {status} Word\r\n{lines}\r\n".encode() + body


def good(*choices: dict[str, Any], **more: Any) -> bytes:
    return response(json.dumps(completion(*choices, **more)).encode())
