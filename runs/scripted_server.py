"""An OpenAI-compatible server that answers every role alike at once: a process of its own, to be killed.

    python runs/scripted_server.py --port 18700 [--seconds 0.02]

The model's name is the role, as `models_file` writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re

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


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """One connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = re.search(r"content-length: (\d+)", head)
            asked = json.loads(await reader.readexactly(int(length[1]) if length else 0))
            await asyncio.sleep(seconds)
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


async def serve(port: int, seconds: float) -> None:
    """Answer until killed."""
    server = await asyncio.start_server(lambda r, w: talk(r, w, seconds), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.02, help="for each answer")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.seconds))


if __name__ == "__main__":
    main()
