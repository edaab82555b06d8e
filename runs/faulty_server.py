"""A model's server that fails in a hundred ways, for `endpoint_faults.py` and the tests: the faults, and the
server."""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import html
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

KEY = "sk-live/4f3c+9a8b=7e"
HEADER = "tok-<7d>&'52c1\"9"
PASSWORD = "p@ss:w/rd+31"
QUERY = "q/91-code+8-x"
SECRETS = (KEY, HEADER, PASSWORD, QUERY)
ANSWER = "```SR\nres = df.where(element = store.city, filter = 'Bonn').count()\n```"
TOLD = {"prompt_tokens": 101, "completion_tokens": 13, "total_tokens": 114}

Writer = asyncio.StreamWriter
Behave = Callable[[Writer], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """What a server does in place of an answer."""

    behave: Behave
    cause: str | None
    """What each struck case fails with, or one of several; None where it does not."""
    counted: tuple[int, int, int] = (0, 0, 0)
    """Prompt tokens, completion tokens and requests that the caller can know of."""


# -- answers on the wire ---------------------------------------------------------------------------------


def refused(status: int, message: str, **headers: str) -> Behave:
    """A refusal in the words of vLLM."""
    error = {"message": message, "type": "Error", "param": None, "code": status}
    return sends(wire(json.dumps({"error": error}), status, **headers))


def wire(body: bytes | str = b"", status: int = 200, **headers: str) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    named = {"content-type": "application/json", "content-length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Word\r\n{head}\r\n".encode("latin-1", "replace") + body


def completion(content: object = ANSWER, finish: object = "stop", **more: Any) -> str:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    choice |= {name: more.pop(name) for name in ("logprobs",) if name in more}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": TOLD}
    return json.dumps({**body, "choices": [choice], **more})


async def send(writer: Writer, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def sends(data: bytes, then_close: bool = False) -> Behave:
    async def behave(writer: Writer) -> None:
        await send(writer, data)
        if then_close:
            writer.close()

    return behave


def drips(begin: bytes, part: bytes, pause: float = 0.05) -> Behave:
    async def behave(writer: Writer) -> None:
        await send(writer, begin)
        while True:
            await send(writer, part)
            await asyncio.sleep(pause)

    return behave


async def hangs(writer: Writer) -> None:
    await asyncio.sleep(3600)


async def resets(writer: Writer) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PAGE = "<!DOCTYPE html><html><body>Welcome</body></html>"
ONE, ALL = (0, 0, 1), (TOLD["prompt_tokens"], TOLD["completion_tokens"], 1)


@functools.cache
def bomb(times: int) -> bytes:
    data = b" " * (200 << 20)
    for _ in range(times):
        data = gzip.compress(data, 6)
    return data


def encodings(text: str) -> dict[str, str]:
    raw = text.encode()
    return {
        "plain": text,
        "url": quote(text, safe=""),
        "form": quote_plus(text),
        "base64": base64.b64encode(raw).decode(),
        "base64 for urls": base64.urlsafe_b64encode(raw).decode(),
        "base64 unpadded": base64.b64encode(raw).decode().rstrip("="),
        "hex": raw.hex(),
        "json": json.dumps(text)[1:-1],
        "html": html.escape(text),
    }


def all_secrets() -> list[str]:
    """Each secret in each encoding, and user and password together."""
    whole = [*SECRETS, f"ada:{PASSWORD}"]
    return [each for secret in whole for each in encodings(secret).values()]


def said(encoding: str) -> str:
    whole = [*SECRETS, f"ada:{PASSWORD}"]
    return "; ".join(f"header {encodings(secret)[encoding]} is bad" for secret in whole)


def faults(bombs: bool = True) -> dict[str, Fault]:
    """The faults by name; `bombs` take some seconds to make."""
    found: dict[str, Fault] = {}

    def status(code: int, cause: str, body: str = '{"error": {"message": "no"}}', **headers: str) -> None:
        name = f"status {code}" + "".join(f", {key} {value[:20]}" for key, value in headers.items())
        found[name] = Fault(sends(wire(body, code, **headers)), cause)

    for code in (301, 302, 303, 307, 308):
        status(code, "refused", location="http://127.0.0.1:9/elsewhere")
    status(302, "refused", location="/v1/chat/completions")
    status(300, "refused")
    for code in (400, 401, 403, 404, 413, 422):
        status(code, "refused")
    found["an adapter that is gone"] = Fault(refused(404, "The model `m` does not exist."), "refused")
    found["a prompt that is too long"] = Fault(
        refused(400, "This model's maximum context length is 8192 tokens, the prompt has 200012."), "unusable"
    )
    for code, cause in ((408, "timeout"), (409, "unavailable"), (429, "limited"), (500, "unavailable")):
        status(code, cause)
    for code, cause in ((503, "unavailable"), (504, "timeout"), (529, "unavailable"), (999, "unavailable")):
        status(code, cause)
    for after in ("0.01", "nan", "-5", "inf", "7200", "soon", "1e308", "Wed, 21 Oct 2099 07:28:00 GMT"):
        status(429, "limited", retry_after=after)
    found["status 429, quota"] = Fault(
        sends(wire('{"error": {"message": "pay", "code": "insufficient_quota"}}', 429)), "refused"
    )
    found["status 404, page"] = Fault(sends(wire(PAGE, 404, content_type="text/html")), "refused")
    found["status 502, page"] = Fault(sends(wire(PAGE, 502, content_type="text/html")), "unavailable")
    found["status 503, deep"] = Fault(sends(wire("[" * 100_000, 503)), "unavailable")
    found["status 503, endless"] = Fault(drips(b"HTTP/1.1 503 No\r\n\r\n", b"x" * 65536, 0), "unavailable")

    for name, begin, part in (
        ("drips its status", b"", b"H"),
        ("drips its headers", OK, b"x"),
        ("drips its body", OK + b"content-length: 99999\r\n\r\n", b" "),
        ("drips chunks", CHUNKED, b"1\r\n \r\n"),
        ("says continue for ever", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ):
        found[name] = Fault(drips(begin, part), "timeout")
    found["never answers"] = Fault(hangs, "timeout")
    found["stops in its body"] = Fault(drips(OK + b"content-length: 999\r\n\r\n{", b"", 3600), "timeout")

    for name, data in (
        ("hangs up", b""),
        ("hangs up in its status", b"HTTP/1."),
        ("hangs up in its headers", OK),
        ("hangs up in its body", OK + b'content-length: 999\r\n\r\n{"cho'),
        ("hangs up in a chunk", CHUNKED + b"ff\r\n{"),
        ("no HTTP", b"\x16\x03\x01\x02\x00 hello\r\n\r\n"),
        ("headers of 1 MB", OK + b"x: y\r\n" * 170_000 + b"\r\n"),
        ("a length that is none", b"HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\n{}"),
        ("two lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        ("a chunk that is none", CHUNKED + b"zz\r\n{}\r\n"),
    ):
        found[name] = Fault(sends(data, then_close=True), "unreachable")
    found["resets"] = Fault(resets, "unreachable")
    found["headers without end"] = Fault(drips(OK, b"x: y\r\n" * 5000, 0), "unreachable")

    head = OK + b"connection: close\r\n\r\n"
    # Where the machine is busy, a try may end before 8 MB have come.
    found["spaces without end"] = Fault(drips(head, b" " * 65536, 0), "unreadable timeout")
    found["JSON without end"] = Fault(drips(head, b'{"a": [' * 9000, 0), "unreadable timeout")
    found["chunks without end"] = Fault(
        drips(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n", 0), "unreadable timeout"
    )
    if bombs:
        found["a bomb of gzip"] = Fault(sends(wire(bomb(1), content_encoding="gzip")), "unreadable")
        found["a bomb in a bomb"] = Fault(sends(wire(bomb(2), content_encoding="gzip, gzip")), "unreadable")
    found["no gzip"] = Fault(sends(wire("{}" * 99, content_encoding="gzip")), "unreadable")
    found["a page"] = Fault(sends(wire(PAGE, content_type="text/html")), "unreadable")

    for name, body, counted in (
        ("an empty body", "", ONE),
        ("JSON cut off", '{"choices": [{"mess', ONE),
        ("null", "null", ONE),
        ("a number", "5", ONE),
        ("a text", '"hello"', ONE),
        ("a list", "[1]", ONE),
        ("NaN", "NaN", ONE),
        ("nested too deeply", '{"choices": ' + "[" * 99_999 + "]" * 99_999 + "}", ONE),
        ("no choices", json.dumps({"object": "list", "usage": TOLD}), ALL),
        ("choices null", completion(choices=None), ALL),
        ("choices a text", completion(choices="text"), ALL),
        ("choices an object", completion(choices={"0": "x"}), ALL),
        ("choices empty", completion(choices=[]), ALL),
        ("a choice a number", completion(choices=[5]), ALL),
        ("a message a text", completion(choices=[{"message": "hi"}]), ALL),
        ("content a number", completion(5), ALL),
        ("content a list", completion(["hi"]), ALL),
        ("content an object", completion({"text": "hi"}), ALL),
        ("content of 1 MB", completion("word " * 200_000), ALL),
        ("usage text, choices none", completion(choices=None, usage="many"), ONE),
    ):
        found[name] = Fault(sends(wire(body)), "unreadable", counted)
    found["not UTF-8"] = Fault(sends(wire(b'{"choices": "\xff\xfe"}')), "unreadable", ONE)

    found["no text"] = Fault(sends(wire(completion(""))), "empty", ALL)
    found["cut off before it began"] = Fault(sends(wire(completion(None, "length"))), "empty", ALL)
    found["held back by a filter"] = Fault(sends(wire(completion(None, "content_filter"))), "empty", ALL)
    found["prose"] = Fault(sends(wire(completion("I am sorry, Dave."))), "unusable", ALL)

    parts = [{"type": "text", "text": ANSWER[:20]}, {"type": "text", "text": ANSWER[20:]}]
    for name, body, counted in (
        ("content in parts", completion(parts), ALL),
        ("usage a text", completion(usage="many"), ONE),
        ("usage negative", completion(usage={"prompt_tokens": -5, "completion_tokens": -1}), ONE),
        ("usage NaN", completion(usage={"prompt_tokens": float("nan"), "completion_tokens": 1e300}), ONE),
        ("usage of lists", completion(usage={"prompt_tokens": [1], "prompt_tokens_details": 5}), ONE),
        ("log-probabilities of texts", completion(logprobs={"content": [{"logprob": "x"}]}), ALL),
        ("another model's name", completion(model="another"), ALL),
        ("a model that is a number", completion(model=5), ALL),
        ("an end that is a list", completion(finish=[1]), ALL),
        ("a lone surrogate", completion(ANSWER + " \ud800"), ALL),
        ("a key twice", '{"choices": 5, ' + completion()[1:], ALL),
        ("echoes in its answer", completion(f"{ANSWER}\n{said('plain')} {said('base64')}"), ALL),
        ("echoes as its model", completion(model=said("plain")), ALL),
    ):
        found[name] = Fault(sends(wire(body)), None, counted)
    for encoding in encodings(""):
        body = json.dumps({"error": {"message": said(encoding), "code": said(encoding)}})
        found[f"echoes, {encoding}"] = Fault(sends(wire(body, 400)), "refused")
    found["echoes and may be retried"] = Fault(
        sends(wire(json.dumps({"error": said("json")}), 503)), "unavailable"
    )
    found["echoes in a redirect"] = Fault(
        sends(wire("", 302, location=f"http://{quote(KEY, safe='')}.test/{said('url')}")), "refused"
    )
    found["echoes without choices"] = Fault(
        sends(wire(json.dumps({"error": {"message": said("plain")}}))), "unreadable", ONE
    )
    return found


# -- the server ------------------------------------------------------------------------------------------


@dataclass
class Endpoint:
    """A server in a thread: answers, or does what `pick` says for the call's number and the case's."""

    pick: Callable[[int, int], Fault | None] = lambda call, case: None
    calls: int = 0
    struck: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    """Cases that got the right answer; one that came too late, on a busy machine, is told twice."""
    of_faults: list[int] = field(default_factory=lambda: [0, 0, 0])
    port: int = 0
    good: str = field(default_factory=completion)
    """What it answers."""
    busy: int = 0
    most_busy: int = 0
    """Calls under way at once, and the most of them."""
    latency: Callable[[int], float] = lambda call: 0.0
    """Seconds that a good answer takes, by the call's number."""

    def __post_init__(self) -> None:
        ready = threading.Event()
        self._writers: set[Writer] = set()
        self._deaths: set[asyncio.Task[None]] = set()

        async def serve() -> None:
            self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=1000)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()
            await asyncio.Event().wait()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait()

    def dies(self, seconds: float) -> Fault:
        """It breaks all connections and takes none for some seconds; whoever is struck begins that."""

        async def die() -> None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(seconds)
            self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, backlog=1000)

        async def behave(writer: Writer) -> None:
            task = asyncio.ensure_future(die())
            self._deaths.add(task)
            task.add_done_callback(self._deaths.discard)
            await asyncio.sleep(3600)

        return Fault(behave, None)

    def begin(self, pick: Callable[[int, int], Fault | None]) -> None:
        self.pick, self.calls, self.struck, self.answered = pick, 0, set(), set()
        self.of_faults = [0, 0, 0]
        self.busy = self.most_busy = 0

    @property
    def told(self) -> list[int]:
        """Prompt tokens, completion tokens and requests that the caller can know of."""
        return [of + each * len(self.answered) for of, each in zip(self.of_faults, ALL, strict=True)]

    async def _good(self, writer: Writer, call: int) -> None:
        await asyncio.sleep(self.latency(call))
        await send(writer, wire(self.good))

    async def _talk(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = re.search(r"content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                found = re.search(rb"Bonn\? \((\d+)\)", body)
                case = int(found[1]) if found else -1
                self.calls += 1
                fault = self.pick(self.calls, case)
                if fault is not None:
                    self.struck.add(case)
                self.busy += 1
                self.most_busy = max(self.busy, self.most_busy)
                # Who hangs up is heard of at once, and has heard all that was sent whole.
                doing = asyncio.ensure_future(
                    fault.behave(writer) if fault else self._good(writer, self.calls)
                )
                gone = asyncio.ensure_future(self._gone(reader))
                await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
                if doing.done() and doing.exception() is None:
                    if fault is None:
                        self.answered.add(case)
                    else:
                        both = zip(self.of_faults, fault.counted, strict=True)
                        self.of_faults = [told + more for told, more in both]
                for each in (doing, gone):
                    each.cancel()
                await asyncio.gather(doing, gone, return_exceptions=True)
                self.busy -= 1
                if writer.is_closing() or reader.at_eof():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    @staticmethod
    async def _gone(reader: asyncio.StreamReader) -> None:
        while not reader.at_eof() and reader.exception() is None:
            await asyncio.sleep(0.02)
