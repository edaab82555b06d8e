"""Rates, requests under way, bodies: what is taken at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from share_sql.serve.access import BATCH, Guard
from share_sql.serve.limits import Bodies, Limited, Rates, client_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_has_ten_seconds_worth_at_once_and_then_its_rate() -> None:
    clock = Clock()
    rates = Rates(600, clock)
    assert [rates.take("a") for _ in range(100)] == [0.0] * 100
    assert rates.take("a") == pytest.approx(0.1)
    assert rates.take("b") == 0.0
    clock.now = 0.1
    assert rates.take("a") == 0.0
    assert rates.take("a") > 0
    clock.now = 3600
    assert sum(rates.take("a") == 0 for _ in range(200)) == 100


def test_a_wrong_token_costs_more_and_never_for_ever() -> None:
    clock = Clock()
    rates = Rates(60, clock)
    for _ in range(100):
        rates.charge("a", 9)
    assert rates.take("a") == pytest.approx(11)
    clock.now = 11
    assert rates.take("a") == 0.0


def test_many_clients_take_bounded_memory() -> None:
    rates = Rates(60, Clock())
    for at in range(10_000):
        rates.take(str(at))
    assert len(rates) <= 4096


@pytest.mark.parametrize(
    ("client", "counts_as"),
    [
        (("10.0.0.1", 5), "10.0.0.1"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("::ffff:10.0.0.1", 5), "10.0.0.1"),
        (("testclient", 5), "testclient"),
        (None, ""),
    ],
)
def test_who_is_one_client(client: object, counts_as: str) -> None:
    assert client_of({"client": client}) == counts_as


class Call:
    """One request to an application, its body given part by part."""

    def __init__(self, path: str = "/v1/run", client: str = "10.0.0.1", headers: Any = ()) -> None:
        self.scope = {"type": "http", "path": path, "client": (client, 1), "headers": list(headers)}
        self.parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []

    def part(self, body: bytes, *, more: bool = True) -> None:
        self.parts.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def to(self, app: Any) -> asyncio.Task[None]:
        return asyncio.ensure_future(app(self.scope, self.parts.get, self.send))

    @property
    def status(self) -> int | None:
        return next((each["status"] for each in self.sent if "status" in each), None)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


class Held:
    """An application that answers when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def test_so_many_requests_are_under_way() -> None:
    async def asked() -> None:
        held = Held()
        app = Limited(held, Guard(max_requests=2))
        calls = [Call(client=f"10.0.0.{at}") for at in range(3)]
        tasks = [each.to(app) for each in calls]
        await tasks[2]
        assert (calls[2].status, calls[2].headers[b"retry-after"]) == (503, b"1")
        health = Call("/healthz")
        answered = health.to(app)
        held.go.set()
        await asyncio.gather(answered, *tasks)
        assert [calls[0].status, calls[1].status, health.status] == [200, 200, 200]
        again = Call()
        await again.to(app)
        assert again.status == 200

    asyncio.run(asked())


def test_one_client_has_half_of_them_where_clients_are_told_apart() -> None:
    async def asked() -> None:
        held = Held()
        app = Limited(held, Guard(max_requests=4, per_minute=600))
        calls = [Call() for _ in range(3)]
        tasks = [each.to(app) for each in calls]
        await tasks[2]
        assert calls[2].status == 429
        other = Call(client="10.0.0.2")
        held.go.set()
        await asyncio.gather(other.to(app), *tasks)
        assert other.status == 200

    asyncio.run(asked())


def test_a_request_that_is_cancelled_is_no_longer_under_way() -> None:
    async def asked() -> None:
        held = Held()
        app = Limited(held, Guard(max_requests=1))
        gone = Call().to(app)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        held.go.set()
        call = Call()
        await call.to(app)
        assert call.status == 200

    asyncio.run(asked())


def test_too_often_says_when() -> None:
    async def asked() -> None:
        held = Held()
        held.go.set()
        app = Limited(held, Guard(per_minute=6))
        for _ in range(10):
            call = Call()
            await call.to(app)
            assert call.status == 200
        call = Call()
        await call.to(app)
        assert (call.status, call.headers[b"retry-after"]) == (429, b"10")

    asyncio.run(asked())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads all, then answers; as a framework does, it makes an answer of its own of what fails."""
    try:
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
        status = 200
    except Exception:
        status = 500
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("parts", [[b"x" * 11], [b"x" * 6, b"x" * 6]])
def test_a_body_is_counted_while_it_comes(parts: list[bytes]) -> None:
    async def asked() -> None:
        call = Call()
        for part in parts:
            call.part(part)
        await call.to(Bodies(echo, Guard(max_body=10)))
        assert [each["status"] for each in call.sent if "status" in each] == [413]

    asyncio.run(asked())


def test_a_body_as_long_as_may_be_is_taken() -> None:
    async def asked() -> None:
        call = Call()
        call.part(b"x" * 5)
        call.part(b"x" * 5, more=False)
        await call.to(Bodies(echo, Guard(max_body=10)))
        assert call.status == 200

    asyncio.run(asked())


def test_a_slow_body_ends_and_time_that_the_service_takes_does_not_count() -> None:
    async def slow_reader(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(4):
            await asyncio.sleep(0.1)
            await receive()
        await echo(scope, receive, send)

    async def asked() -> None:
        guard = Guard(body_seconds=0.2, body_rate=1e9)
        late = Call()
        late.part(b"x")
        await late.to(Bodies(echo, guard))
        assert late.status == 408
        read = Call()
        for _ in range(5):
            read.part(b"x")
        read.part(b"x", more=False)
        await read.to(Bodies(slow_reader, guard))
        assert read.status == 200

    asyncio.run(asked())


def test_a_batch_may_be_made_while_it_is_sent() -> None:
    async def asked() -> None:
        call = Call(BATCH)
        call.part(b"x")
        task = call.to(Bodies(echo, Guard(body_seconds=0.01, batch_seconds=30)))
        await asyncio.sleep(0.1)
        assert not task.done()
        call.part(b"", more=False)
        await task
        assert call.status == 200

    asyncio.run(asked())


def test_an_answer_that_has_begun_is_left_without_its_end() -> None:
    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await echo(scope, receive, send)

    async def asked() -> None:
        call = Call()
        call.part(b"x" * 11)
        await call.to(Bodies(streams, Guard(max_body=10)))
        assert [each["type"] for each in call.sent] == ["http.response.start"]

    asyncio.run(asked())


def test_what_the_application_itself_fails_in_stays_its_own() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        asyncio.run(Bodies(fails, Guard())(Call().scope, None, None))  # type: ignore[arg-type]
