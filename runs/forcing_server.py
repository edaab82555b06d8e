"""A server between a client and vLLM that forces recorded answers (`forced_answers.py`).

`URL/ROLE/v1/chat/completions` is passed on to the engine with the recorded answer's length, and answered with
the recorded answer's text; usage is as the engine told it. Two kinds of requests are passed on as they are,
and the engine's own words handed back: one with a grammar, which an answer must keep to, and one whose prompt
is of no recorded case, which is counted as unmatched. Every call is noted.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from forced_answers import Answers, Forced

_GRAMMARS = ("structured_outputs", "guided_grammar", "response_format", "grammar")


@dataclass(frozen=True)
class Call:
    """One call that was passed on."""

    role: str
    """As the path names it."""
    body: dict[str, Any]
    """What the engine was asked."""
    began: float
    """Of time.monotonic()."""
    ended: float
    """Of time.monotonic()."""
    status: int
    """The engine's."""
    prompt_tokens: int
    """As the engine counted them."""
    cached_tokens: int
    """Of those, found in the prefix cache."""
    completion_tokens: int
    """As the engine counted them."""
    matched: bool
    """Whether a recorded answer was forced, or a grammar was kept to."""


class Forcing:
    """What the server does, and the calls that it saw.

    Args:
        engine: vLLM's address, `http://127.0.0.1:PORT`.
        model: the name by which the engine knows its model, whatever the client calls it.
        answers: those to force.
        generator_seconds: answer the generator's calls after so many seconds, as a service elsewhere would,
            in place of passing them on.
    """

    def __init__(
        self, engine: str, model: str, answers: Answers, generator_seconds: float | None = None
    ) -> None:
        self._engine = engine
        self._model = model
        self._answers = answers
        self._generator_seconds = generator_seconds
        self._calls: list[Call] = []
        self.url = ""
        """Where it listens, once it does."""

    def take(self) -> list[Call]:
        """The calls since this was asked last."""
        calls, self._calls = self._calls, []
        return sorted(calls, key=lambda call: call.began)

    async def answer(self, client: httpx2.AsyncClient, role: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        """Pass a request on: status and body of the answer."""
        prompt = "\n".join(str(message["content"]) for message in asked["messages"])
        free = any(name in asked for name in _GRAMMARS)
        found = None if free else self._answers.find(prompt, role)
        body = {**asked, "model": self._model, **(found.sampling() if found else {})}
        body.pop("max_completion_tokens", None) if found else None
        began = time.monotonic()
        if role == "generator" and found and self._generator_seconds is not None:
            await asyncio.sleep(self._generator_seconds)
            told, status = {"choices": [{"index": 0, "message": {"role": "assistant"}}]}, 200
        else:
            response = await client.post(f"{self._engine}/v1/chat/completions", json=body)
            told, status = response.json(), response.status_code
        ended = time.monotonic()
        usage = told.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        self._calls.append(
            Call(
                role, body, began, ended, status,
                usage.get("prompt_tokens", 0), details.get("cached_tokens") or 0,
                usage.get("completion_tokens", 0), free or found is not None,
            )
        )  # fmt: skip
        if status == 200 and found:
            _force(told, found, asked.get("model", ""))
        return status, json.dumps(told).encode()

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: httpx2.AsyncClient
    ) -> None:
        """One connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                content = await reader.readexactly(int(length[1]) if length else 0)
                path = re.match(r"POST /(\w+)/v1/chat/completions", head)
                if path is None:
                    status, body = 404, b'{"error": {"message": "there is only /ROLE/v1/chat/completions"}}'
                else:
                    status, body = await self.answer(client, path[1], json.loads(content))
                writer.write(
                    b"HTTP/1.1 %d -\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % (status, len(body))
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _force(told: dict[str, Any], found: Forced, model: str) -> None:
    """Put a recorded text in the place of what the engine wrote."""
    for choice in told["choices"]:
        choice["message"]["content"] = found.text
        choice["finish_reason"] = "stop"
    told["model"] = model


@contextmanager
def forcing(
    engine: str, model: str, answers: Answers, generator_seconds: float | None = None
) -> Iterator[Forcing]:
    """Listen on a free port of this machine, in a thread, for the length of a block; arguments as Forcing."""
    server = Forcing(engine, model, answers, generator_seconds)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(timeout=3600.0, limits=limits, trust_env=False) as client:
            listening = await asyncio.start_server(lambda r, w: server.talk(r, w, client), "127.0.0.1", 0)
            server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()
            listening.close()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
            for task in asyncio.all_tasks(loop):  # connections that clients keep
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run, name="forcing")
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
