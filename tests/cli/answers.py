"""A server that answers as a test says, well or badly."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

Reply: TypeAlias = "tuple[int, dict[str, str], bytes] | None"
"""Status, headers and body; None to hang up without a word."""


def said(text: object, finish: str = "stop") -> Reply:
    """A chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return sent(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice]}
    )


def sent(body: object, status: int = 200, **headers: str) -> Reply:
    return status, {"content-type": "application/json", **headers}, json.dumps(body).encode()


def page(status: int = 200) -> Reply:
    return status, {"content-type": "text/html"}, b"<!DOCTYPE html><html><body>Welcome</body></html>"


def late() -> Reply:
    time.sleep(0.4)
    return said("res = df.count()")


GOOD = said("```SR\nres = df.where(element = store.city, filter = 'Bonn').count()\n```")


class Endpoint:
    """A server that answers what `answer` says of the number of the call and the prompt."""

    def __init__(self) -> None:
        self.answer: Callable[[int, str], Reply] = lambda number, prompt: GOOD
        self.prompts: list[str] = []
        self.url = ""


@contextmanager
def serving() -> Iterator[Endpoint]:
    """An endpoint that serves until the block ends."""
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.prompts.append(body["messages"][-1]["content"])
            reply = told.answer(len(told.prompts), told.prompts[-1])
            if reply is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, content = reply
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that has gone away

    with Quiet(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield told
        server.shutdown()
        thread.join()
