"""The parts of `service_load.py` in which something goes wrong.

A database hangs, a model's server is killed, callers hang up.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripted_server import ANSWERS, models_file
from service_client import HOST, Answer, Client, Load, Service, free_port, many, serving
from service_measures import (
    Expected,
    Row,
    Size,
    bodies,
    body,
    median_of,
    milliseconds,
    of_load,
    quiet,
    right,
    unanswered,
)

SLOW_SECONDS = 4.0
"""What a query of the hanging database may take."""
ENDLESS = "SELECT COUNT(*) FROM endless"
SCRIPTED = Path(__file__).with_name("scripted_server.py")
WORDS = ("stopped at its deadline", "other cases used it", "time that a case may take")
"""One of them names why there is no better answer on a database that hangs."""


def write_hanging(folder: Path) -> None:
    """A database with a view that never ends, by the name `slow` in the folder's settings."""
    connection = sqlite3.connect(folder / "slow.sqlite")
    connection.executescript(
        "CREATE TABLE stores (store_id INTEGER PRIMARY KEY, store_name TEXT);"
        "INSERT INTO stores VALUES (1, 'North');"
        "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT x AS number FROM n;"
    )
    connection.close()
    (folder / "share.toml").write_text(
        f'[databases.slow]\npath = "slow.sqlite"\nseconds = {SLOW_SECONDS}\n', encoding="utf-8"
    )


def slow_body(at: int, draft: str = ENDLESS) -> Mapping[str, Any]:
    return {"id": f"slow {at}", "database": "slow", "question": "How many numbers?", "draft": draft}


def named(answer: Answer) -> str:
    """How a request was answered that cannot be answered well: `lost` where nothing names why."""
    if answer.status == 200:
        said = f"{answer.body['reason']} {answer.body['error']}"
        return "named" if any(word in said for word in WORDS) else f"lost: {said[:200]}"
    if answer.status in (429, 503, 504) and isinstance(answer.body, dict) and answer.body.get("detail"):
        return f"problem {answer.status}"
    return f"lost: {answer.status} {str(answer.body)[:200]}"


# -- a database that hangs -----------------------------------------------------------------------------------


def hang(size: Size, folder: Path) -> list[Row]:
    """The paced callers, without and with others who ask a database that never answers."""
    write_hanging(folder)
    with serving("--demo", folder=folder) as service:
        expected = Expected(service)
        median = median_of(service, size).quantile(0.5)
        rows = [Row("single median", milliseconds(median))]
        alone = asyncio.run(
            many(service.port, bodies(size.callers, size.requests, "alone"), every=size.every)
        )
        rows += [
            *of_load("without", alone, median, size, True),
            right(expected.troubles_of(alone), len(alone.answers)),
        ]
        beside, slow = asyncio.run(_beside(service, size))
        rows += [
            *of_load("with", beside, median, size, True),
            right(expected.troubles_of(beside), len(beside.answers)),
        ]
        counts = Counter(named(answer) for answer in slow)
        slowest = beside.quantile(1.0)
        rows += [
            Row(
                "with: the slowest",
                milliseconds(slowest),
                "waits for no query that hangs",
                slowest < SLOW_SECONDS or not size.timed,
            ),
            Row(
                f"answers of {size.hanging} callers of the one that hangs",
                ", ".join(f"{count} {name}" for name, count in counts.most_common()),
                "each named",
                bool(slow) and not any(name.startswith("lost") for name in counts),
            ),
        ]
        return [*rows, quiet(service)]


async def _beside(service: Service, size: Size) -> tuple[Load, list[Answer]]:
    over = asyncio.Event()
    slow: list[Answer] = []

    async def ask(caller: int) -> None:
        client = Client(service.port)
        at = 0
        while not over.is_set():
            answer = await client.post("/v1/correct", slow_body(1000 * caller + at))
            slow.append(answer)
            at += 1
            if answer.status != 200:
                await asyncio.sleep(0.5)  # refused: who asks again at once loads only himself
        client.close()

    hanging = [asyncio.ensure_future(ask(caller)) for caller in range(size.hanging)]
    await asyncio.sleep(1.0)
    load = await many(service.port, bodies(size.callers, size.requests, "beside"), every=size.every)
    over.set()
    _, waiting = await asyncio.wait(hanging, timeout=2 * SLOW_SECONDS)
    if not slow and not size.timed:  # a busy machine is no fault of the service's
        _, waiting = await asyncio.wait(hanging, timeout=100, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    return load, slow


# -- a model's server that is killed -------------------------------------------------------------------------


class ModelServer:
    """The scripted server, as a process that is killed and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        call = [sys.executable, str(SCRIPTED), "--port", str(self.port)]
        self._process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((HOST, self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def killed(size: Size, folder: Path) -> list[Row]:
    """Callers whose model's server is killed and started again."""
    server = ModelServer()
    (folder / "models.toml").write_text(models_file(server.port), encoding="utf-8")
    try:
        server.start()
        with serving("--demo", "--models", "models.toml", folder=folder) as service:
            first = asyncio.run(many(service.port, bodies(1, 3)))
            whole = [_of_models(asked, answer) for asked, answer in first.answers]
            rows = [Row("before", ", ".join(whole), "corrections", set(whole) == {"correction"})]
            load = asyncio.run(_through(service, server, size))
            counts = Counter(_of_models(*each) for each in load.answers)
            asked = size.model_callers * size.requests
            rows += [
                Row(
                    f"of {asked} requests through {len(size.outages)} outages",
                    ", ".join(f"{count} {name}" for name, count in counts.most_common()),
                    "each a correction or a named error with its draft",
                    len(load.answers) == asked and not any(name.startswith("lost") for name in counts),
                ),
                Row("longest", f"{load.quantile(1.0):.1f} s"),
            ]
            again, seconds = asyncio.run(_recovered(service))
            rows.append(
                Row(
                    "after the last start",
                    f"{again} after {seconds:.1f} s",
                    "a correction",
                    again == "correction",
                )
            )
            return [*rows, quiet(service)]
    finally:
        server.kill()


def _of_models(asked: Mapping[str, Any], answer: Answer) -> str:
    """A correction with all models, one that names those that failed, a problem with the draft; or lost."""
    held = answer.body if isinstance(answer.body, dict) else {}
    if held.get("draft") != asked["draft"]:
        return f"lost: {answer.status} {str(answer.body)[:200]}"
    if answer.status == 503 and held.get("detail"):
        return "problem 503 with its draft"
    if answer.status != 200:
        return f"lost: {answer.status} {str(answer.body)[:200]}"
    if not held["failures"]:
        used = held["usage"]
        missing = [role for role in ANSWERS if role != "scorer" and not used.get(role, {}).get("requests")]
        return f"lost: {missing} not asked" if missing else "correction"
    causes = sorted({each["cause"] for each in held["failures"]})
    return f"correction that names its models' failure ({', '.join(causes)})"


async def _through(service: Service, server: ModelServer, size: Size) -> Load:
    """Load while the server is killed and comes back."""
    asking = asyncio.ensure_future(many(service.port, bodies(size.model_callers, size.requests, "killed")))
    for away in size.outages:
        await asyncio.sleep(0.7)
        server.kill()
        await asyncio.sleep(away)
        await asyncio.to_thread(server.start)
    return await asking


async def _recovered(service: Service) -> tuple[str, float]:
    """How the next requests are answered, until one has all its models or half a minute is over."""
    client = Client(service.port)
    began = time.monotonic()
    while True:
        asked = body(0, "after")
        found = _of_models(asked, await client.post("/v1/correct", asked))
        if found == "correction" or time.monotonic() - began > 30:
            client.close()
            return found, time.monotonic() - began
        await asyncio.sleep(0.2)


# -- callers who hang up -------------------------------------------------------------------------------------


BOTH: list[list[Mapping[str, Any]]] = [
    [body(at, "both") for at in range(5)],
    [slow_body(at, "SELECT store_name FROM stores") for at in range(5)],
]


ROUNDS = 3
"""How often callers leave before and after the count. A database's process comes and goes by one, so the
most of the rounds before stands against the least of those after: what each round loses shows."""


def leave(size: Size, folder: Path) -> list[Row]:
    """Callers who hang up at a random moment, a quarter of them while a database hangs."""
    write_hanging(folder)
    with serving("--demo", folder=folder) as service:
        # Pools of threads are as large as they get.
        asyncio.run(many(service.port, [*bodies(50, 8), *([slow_body(at)] for at in range(12))]))
        answers: list[tuple[Mapping[str, Any], Answer]] = []
        settled: list[tuple[float, float]] = []
        held: list[tuple[float, int, int]] = []
        for _ in range(2 * ROUNDS):
            asyncio.run(_left(service, size.leaving))
            settled.append(asyncio.run(_settled(service)))
            # A database that was stopped is opened again.
            answers += asyncio.run(many(service.port, BOTH)).answers
            held.append(service.held())
        memory, files, threads = (max(each) for each in zip(*held[:ROUNDS], strict=True))
        memory_after, files_after, threads_after = (min(each) for each in zip(*held[ROUNDS:], strict=True))
        seconds, used = max(settled)
        return [
            Row("MB before, after", f"{memory:.1f}, {memory_after:.1f}"),
            Row("files before, after", f"{files}, {files_after}", "no more", files_after <= files),
            Row("threads before, after", f"{threads}, {threads_after}", "no more", threads_after <= threads),
            Row("idle again", f"after {seconds:.1f} s", "at once", used < 0.2),
            right([trouble for each in answers if (trouble := unanswered(*each))], len(answers)),
            quiet(service),
        ]


async def _left(service: Service, count: int) -> None:
    chance = random.Random(7)

    async def one(at: int) -> None:
        await asyncio.sleep(chance.random() * count / 100)
        path = ("/v1/correct", "/v1/correct/stream")[at % 2]
        asked = slow_body(at) if at % 4 == 3 else body(at, "leaving")
        await Client(service.port).leave(path, asked, chance.random() * 0.06)

    await asyncio.gather(*(one(at) for at in range(count)))


async def _settled(service: Service) -> tuple[float, float]:
    """Seconds until the process used less than a tenth of a core for half a second, 20 at most; and the share
    of a core that it used last."""
    began = time.monotonic()
    while True:
        before = service.processor_seconds()
        await asyncio.sleep(0.5)
        used = (service.processor_seconds() - before) / 0.5
        if used < 0.1 or time.monotonic() - began > 20:
            return time.monotonic() - began, used
