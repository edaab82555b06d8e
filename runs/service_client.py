"""`share serve` as a process, and a client of it that costs little processor time: for `service_load.py`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 30.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@dataclass
class Service:
    """A service under way."""

    port: int
    process: subprocess.Popen[bytes]
    log: list[str] = field(default_factory=list)
    """What it has written to stderr, line by line."""

    def held(self) -> tuple[float, int, int]:
        """Memory in MB of it and the processes below it, pages that they share counted once; its own open
        files and threads."""
        folder = Path(f"/proc/{self.process.pid}")
        memory = 0
        for each in below(self.process.pid):
            with suppress(OSError):  # it has ended meanwhile
                memory += int(_said(Path(f"/proc/{each}/smaps_rollup"))["Pss"].split()[0])
        return memory / 1024, len(os.listdir(folder / "fd")), int(_said(folder / "status")["Threads"])

    def processor_seconds(self) -> float:
        """What it and the processes below it have used so far: the same on a busy machine as on an idle one,
        or nearly so."""
        ticks = 0
        for each in below(self.process.pid):
            with suppress(OSError):
                fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def below(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for each in task.read_text().split():
                found += below(int(each))
    return found


def _said(file: Path) -> dict[str, str]:
    """What a file of lines `NAME: VALUE` says."""
    return dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)


@contextmanager
def serving(*flags: str, folder: Path, code: str = "") -> Iterator[Service]:
    """`share serve` with these flags, until the end of the block.

    Args:
        flags: without `--port`.
        folder: its working folder; caches go there too.
        code: Python that its process runs first, e.g. to look at how fast it is.
    """
    port = free_port()
    call = [sys.executable, "-c", f"{code}\nfrom share_sql.cli.main import main; main()", "serve"]
    environment = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    source = str(Path(__file__).resolve().parent.parent / "src")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (source, environment.get("PYTHONPATH"))))
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    process = subprocess.Popen(
        [*call, *flags, "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    service = Service(port, process)
    reading = threading.Thread(target=_read, args=(process, service.log), daemon=True)
    reading.start()
    try:
        _await(service)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            service.log.append("it did not end within 40 s of SIGTERM")
        reading.join(5)


def _read(process: subprocess.Popen[bytes], log: list[str]) -> None:
    assert process.stderr is not None
    with process.stderr:
        log.extend(line.decode("utf-8", "replace").rstrip() for line in process.stderr)


def _await(service: Service) -> None:
    """Wait until it listens."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((HOST, service.port), 1).close()
            return
        except OSError:
            if service.process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the service did not start: " + "\n".join(service.log)) from None
            time.sleep(0.02)


@dataclass(frozen=True)
class Answer:
    """What came of one request."""

    status: int
    """0 where no whole answer came."""
    body: Any
    """As JSON; where that could not be had, what was wrong."""
    seconds: float


class Client:
    """One caller: one request at a time over one connection, as browsers and agents keep one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Mapping[str, Any], seconds: float = 120.0) -> Answer:
        """Send a request and read its answer; a failure is an answer of status 0."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                status, text = await self._exchange(path, body)
            found = json.loads(text)
        except TimeoutError:
            self.close()
            status, found = 0, f"no answer within {seconds:g} s"
        except (OSError, EOFError, ValueError) as error:
            self.close()
            status, found = 0, repr(error)
        return Answer(status, found, time.perf_counter() - began)

    async def leave(self, path: str, body: Mapping[str, Any], after: float) -> None:
        """Send a request and hang up after some seconds, without a word."""
        await self._send(path, body)
        assert self._streams is not None
        reader, writer = self._streams
        try:
            async with asyncio.timeout(after):
                while await reader.read(65536):
                    pass
        except (TimeoutError, OSError):
            pass
        writer.transport.abort()
        self._streams = None

    async def _exchange(self, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        reader = await self._send(path, body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        text = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), text

    async def _send(self, path: str, body: Mapping[str, Any]) -> asyncio.StreamReader:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(HOST, self._port, limit=1 << 22)
        reader, writer = self._streams
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        return reader

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True)
class Load:
    """What many callers saw."""

    answers: list[tuple[Mapping[str, Any], Answer]]
    """Each request's body with its answer."""
    seconds: float
    """From the first request to the last answer."""
    late: int = 0
    """Requests that a caller could not begin at their time, since the answer before had not come."""

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered."""
        times = sorted(answer.seconds for _, answer in self.answers)
        return times[min(len(times) - 1, int(share * len(times)))]

    @property
    def rate(self) -> float:
        """Answers of status 200 a second."""
        return sum(answer.status == 200 for _, answer in self.answers) / self.seconds


async def many(
    port: int,
    bodies: list[list[Mapping[str, Any]]],
    path: str = "/v1/correct",
    every: float = 0.0,
    seed: int = 1,
) -> Load:
    """Send many callers' requests.

    Args:
        port: the service's.
        bodies: of each caller.
        path: where they are sent.
        every: seconds between the beginnings of two requests of a caller, who starts at a random moment of
            the first ones; 0: each sends the next as soon as the last is answered.
        seed: of the random moments.
    """
    chance = random.Random(seed)
    answers: list[tuple[Mapping[str, Any], Answer]] = []
    late = 0

    async def one(mine: list[Mapping[str, Any]], offset: float) -> None:
        nonlocal late
        client = Client(port)
        began = time.perf_counter() + offset
        for at, body in enumerate(mine):
            wait = began + at * every - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            elif every and at:
                late += 1
            answers.append((body, await client.post(path, body)))
        client.close()

    started = time.perf_counter()
    await asyncio.gather(*(one(mine, chance.random() * every) for mine in bodies))
    return Load(answers, time.perf_counter() - started, late)
