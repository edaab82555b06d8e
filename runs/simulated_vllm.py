"""What a server that batches does with the time of its requests, without a model: for trials and tests.

    python runs/simulated_vllm.py --port PORT [--speed 20]

It answers as vLLM's server does, as far as the scripts here ask: /v1/models, /v1/chat/completions, /tokenize,
/reset_prefix_cache. Each step reads the prompts of those that come in, up to a number of tokens, and writes
one token of every request under way, 256 at most. A step takes as long as SmolLM2-135M took on two cores, by
the figures of three batches, divided by --speed. No prefix is ever found in its cache. A token is four
characters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

STEP, EACH, READ = 0.035, 0.0032, 1 / 1500
"""Seconds of a step, of each request in it, and of each token of a prompt."""
MOST_REQUESTS, MOST_READ = 256, 4096


@dataclass
class _Request:
    """One request."""

    reads: int
    """Tokens of its prompt that are to be read."""
    writes: int
    """Tokens that are to be written."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Batches:
    """All requests, in steps."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._waiting: deque[_Request] = deque()
        self._came = asyncio.Event()

    async def take(self, reads: int, writes: int) -> None:
        """Until a request has been worked on."""
        request = _Request(reads, writes)
        self._waiting.append(request)
        self._came.set()
        await request.done.wait()

    async def work(self) -> None:
        """Step after step, for ever."""
        running: list[_Request] = []
        while True:
            if not running and not self._waiting:
                self._came.clear()
                await self._came.wait()
            read = 0
            while self._waiting and len(running) < MOST_REQUESTS and read < MOST_READ:
                running.append(self._waiting.popleft())
                read += running[-1].reads
            await asyncio.sleep((STEP + EACH * len(running) + READ * read) / self._speed)
            for request in running:
                request.writes -= 1
                if not request.writes:
                    request.done.set()
            running = [request for request in running if request.writes]


def tokens(text: str) -> int:
    """How many tokens a text has."""
    return max(1, len(text) // 4)


async def answer(path: str, asked: dict[str, Any], batches: Batches) -> dict[str, Any]:
    """The answer to a request."""
    if path == "/tokenize":
        return {"count": tokens(asked["prompt"])}
    if path != "/v1/chat/completions":
        return {"data": []}
    reads = sum(tokens(message["content"]) for message in asked["messages"])
    writes = asked["max_tokens"] if asked.get("ignore_eos") else min(20, asked["max_tokens"])
    await batches.take(reads, writes)
    message = {"role": "assistant", "content": "word " * writes}
    return {
        "model": asked["model"],
        "choices": [{"index": 0, "finish_reason": "length", "message": message}],
        "usage": {"prompt_tokens": reads, "completion_tokens": writes},
    }


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, batches: Batches) -> None:
    """One connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
            content = await reader.readexactly(int(length[1])) if length else b""
            told = await answer(head.split()[1], json.loads(content or b"{}"), batches)
            body = json.dumps(told).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(port: int, speed: float) -> None:
    """Answer until killed."""
    batches = Batches(speed)
    server = await asyncio.start_server(lambda r, w: talk(r, w, batches), "127.0.0.1", port, backlog=1024)
    async with server:
        await batches.work()


def main() -> None:
    """Serve; vLLM's own arguments are taken, and mean nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--speed", type=float, default=20.0)
    given, _ = parser.parse_known_args()
    asyncio.run(serve(given.port, given.speed))


if __name__ == "__main__":
    main()
