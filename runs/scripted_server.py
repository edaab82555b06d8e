"""An OpenAI-compatible server that answers every role alike at once: a process of its own, to be killed.

    python runs/scripted_server.py --port 18700 [--seconds 0.02] [--spread 0.5] [--log FILE]

The model's name is the role, as `models_file` writes it. With `--port 0` the system chooses one; the first
line says which. Answers take so many seconds, more or less by the spread, each prompt always alike. The log
gets a line for each call as it comes: the role and a hash of what is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import IO

TRAJECTORY = "```SR\nres = df.select(stores.store_name)\n```"
ANSWERS = {
    "sam": TRAJECTORY,
    "lom": TRAJECTORY,
    "generator": "```sql\nSELECT store_name FROM stores\n```",
    "scorer": "no",
}
"""By role. None of them is right for a case, so that corrections are those of no model."""


def models_file(port: int) -> str:
    """A models file in which this server answers all roles."""
    role = 'base_url = "http://127.0.0.1:{port}/v1"\nmodel = "{name}"\nadapts = true\n'
    return "".join(f"[models.{name}]\n{role.format(port=port, name=name)}\n" for name in ANSWERS)


async def talk(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    seconds: float,
    spread: float = 0.0,
    log: IO[str] | None = None,
) -> None:
    """One connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = re.search(r"content-length: (\d+)", head)
            text = await reader.readexactly(int(length[1]) if length else 0)
            asked = json.loads(text)
            digest = hashlib.sha256(text).hexdigest()
            if log is not None:
                log.write(f"{asked['model']} {digest}\n")
                log.flush()
            await asyncio.sleep(seconds * (1 + spread * (int(digest[:4], 16) / 0x8000 - 1)))
            message = {"role": "assistant", "content": ANSWERS[asked["model"]]}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
            body = json.dumps(
                {
                    "id": "c", "object": "chat.completion", "created": 1, "model": asked["model"],
                    "choices": [choice] * asked.get("n", 1), "usage": usage,
                }
            ).encode()  # fmt: skip
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(port: int, seconds: float, spread: float, log: IO[str] | None) -> None:
    """Answer until killed."""
    server = await asyncio.start_server(lambda r, w: talk(r, w, seconds, spread, log), "127.0.0.1", port)
    print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.02, help="for each answer")
    parser.add_argument("--spread", type=float, default=0.0, help="part of the seconds, up or down")
    parser.add_argument("--log", type=Path, help="a file that gets a line for each call")
    given = parser.parse_args()
    log = given.log.open("a") if given.log else None
    asyncio.run(serve(given.port, given.seconds, given.spread, log))


if __name__ == "__main__":
    main()
