"""How many calls a server gets at once, in a time that no machine slows: servers as queues, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from share_sql.errors import ModelLimited
from share_sql.models.endpoint import EndpointModel
from share_sql.models.flow import PROBES, Flow, Flows, StillRefused
from share_sql.models.load import load_models
from share_sql.models.pace import LEAST, START
from share_sql.models.refusals import Again

from .server import KEY, URL, Ask, Server, completion, failure
from .virtual import Batching, Slots, crowd, now, run

Call = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Seen:
    """What came of a crowd of calls."""

    seconds: float = 0.0
    limits: list[int] = field(default_factory=list)
    """Before each try."""
    tries: list[int] = field(default_factory=list)
    """By call; over 6: lost."""
    most: int = 0
    """Calls in flight at once."""


def through(
    server: Callable[[], Call], calls: int, callers: int, *, most: int = 256, timeout: float = 1e9
) -> Seen:
    """Make calls as an endpoint does: six tries each, half a second and more between them."""
    seen = Seen(tries=[0] * calls)

    async def main() -> None:
        flow, ask = Flow(most), server()
        busy = 0

        async def once(number: int) -> bool:
            nonlocal busy
            async with flow.place(600.0) as place:
                seen.limits.append(flow.pace.limit)
                busy += 1
                seen.most = max(seen.most, busy)
                try:
                    async with asyncio.timeout(timeout):
                        await ask()
                    place.became = "answered"
                except TimeoutError:
                    place.became = "failed"
                except Again as again:
                    flow.refused(place, again, 0.5)
                finally:
                    busy -= 1
            return place.became == "answered"

        async def call(number: int) -> None:
            while (tries := seen.tries[number]) < 7:
                seen.tries[number] += 1
                if await once(number):
                    return
                await asyncio.sleep(0.5 * 2**tries)

        seen.seconds = await crowd(calls, callers, call)

    run(main())
    return seen


def fixed(server: Callable[[], Call], calls: int, callers: int) -> float:
    """The seconds that it takes where all who ask are let in."""

    async def main() -> float:
        ask = server()
        return await crowd(calls, callers, lambda _: ask())

    return run(main())


def whole_time(seconds: float) -> Callable[[], Call]:
    return lambda: lambda: asyncio.sleep(seconds)


# -- it grows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "each", "share"),
    [(0.02, 0.0001, 1.15), (0.05, 0.002, 1.05), (0.03, 0.0075, 1.05)],
    ids=["a GPU", "a CPU with a prefix in its cache", "a CPU"],
)
def test_64_cases_reach_a_batching_server_nearly_as_soon_as_all_at_once(
    step: float, each: float, share: float
) -> None:
    def server() -> Call:
        return Batching(step, each, 256)

    seen = through(server, 192, 64)
    assert seen.seconds < share * fixed(server, 192, 64)
    assert (seen.limits[0], seen.most) == (START, 64)


def test_latency_that_grows_with_the_batch_does_not_keep_it_small() -> None:
    # From 16 to 256 calls each answer takes eight times as long, and there are twice as many a second.
    def server() -> Call:
        return Batching(0.05, 0.002, 256)

    seen = through(server, 4000, 400)
    assert seen.most == 256
    assert seen.seconds < 1.1 * fixed(server, 4000, 256)


def test_it_never_exceeds_what_is_set() -> None:
    assert through(whole_time(1.0), 1000, 200, most=40).most == 40
    assert through(whole_time(1.0), 50, 20, most=3).most == 3
    assert through(whole_time(1.0), 50, 20, most=1).most == 1


def test_what_is_not_full_says_nothing_of_the_server() -> None:
    assert set(through(whole_time(1.0), 500, 10).limits) == {START}


def test_it_grows_again_once_the_server_is_quick_again() -> None:
    def server() -> Call:
        slots = Slots(4, 1.0)

        async def ask() -> None:
            slots.grow_to(4 if now() < 200 else 200)
            await slots()

        return ask

    seen = through(server, 6000, 300)
    assert seen.limits[700] < 130, "four at once, whatever is asked"
    assert seen.limits[-1] > 150
    assert seen.seconds < 200 + 1.5 * 5200 / 200


# -- it backs off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slots", "seconds"), [(1, 10.0), (1, 20.0), (4, 20.0)])
def test_a_server_that_is_slow_is_asked_less_at_once_and_loses_no_call(slots: int, seconds: float) -> None:
    # With 64 in flight on one slot the last would wait for ten minutes, and a try has two.
    seen = through(lambda: Slots(slots, seconds), 200, 64, timeout=120.0)
    assert max(seen.tries) <= 6
    assert seen.seconds < 1.4 * 200 * seconds / slots
    assert seen.limits[-1] <= 4 * slots + LEAST


def test_latency_without_gain_ends_the_rise() -> None:
    seen = through(lambda: Slots(20, 1.0), 4000, 400)
    tail = seen.limits[2000:]
    assert 20 <= sum(tail) / len(tail) < 100, "each is answered sooner"
    assert seen.seconds < 1.05 * 4000 / 20, "and as many a second"


def test_one_call_that_hangs_delays_nobody() -> None:
    def server() -> Call:
        calls = 0

        async def ask() -> None:
            nonlocal calls
            calls += 1
            await asyncio.sleep(3600.0 if calls == 5 else 1.0)

        return ask

    seen = through(server, 640, 64, timeout=120.0)
    assert min(seen.limits) == START
    assert sum(tries > 1 for tries in seen.tries) == 1


# -- it is refused -----------------------------------------------------------------------------------------


def bucket(per_second: float, storm: tuple[float, float] = (0, 0), after: float | None = None) -> Call:
    """A server that takes so many calls a second, and none in a storm."""
    left, last = per_second, 0.0

    async def ask() -> None:
        nonlocal left, last
        left, last = min(per_second, left + (now() - last) * per_second), now()
        if left < 1 or storm[0] <= now() < storm[1]:
            await asyncio.sleep(0.02)
            raise Again("status 429", after, ModelLimited)
        left -= 1
        await asyncio.sleep(1.0)

    return ask


def test_a_limit_of_calls_a_second_is_nearly_used_up() -> None:
    seen = through(lambda: bucket(20), 2000, 200)
    assert seen.seconds < 1.5 * 2000 / 20
    assert max(seen.tries) <= 4
    assert sum(seen.tries) < 1.1 * 2000


@pytest.mark.parametrize("after", [None, 10.0])
def test_a_storm_of_refusals_uses_up_nobodys_retries(after: float | None) -> None:
    seen = through(lambda: bucket(100, (5, 65), after), 2000, 200)
    assert max(seen.tries) <= 4
    tried_again = sum(seen.tries) - 2000
    assert tried_again < 200, "few calls try while it refuses"
    assert seen.seconds < 60 + 4 * 2000 / 100, "and it grows again"


def test_retry_after_is_obeyed_by_all() -> None:
    async def main() -> list[float]:
        flow = Flow(256)
        async with flow.place(60.0) as place:
            flow.refused(place, Again("status 429", 7.0, ModelLimited), 0.5)
        came: list[float] = []

        async def call() -> None:
            async with flow.place(60.0) as place:
                came.append(now())
                await asyncio.sleep(1.0)
                place.became = "answered"

        await asyncio.gather(*(call() for _ in range(10)))
        return came

    assert run(main()) == [7.0] * PROBES + [8.0] * (10 - PROBES)


@pytest.mark.parametrize(("patience", "after"), [(5.0, 0.0), (100.0, 70.0)])
def test_who_waits_for_a_server_that_refuses_does_so_for_so_long(patience: float, after: float) -> None:
    """Not at all where the server says that it will be longer; else until then, with many before it."""

    async def main() -> float:
        flow = Flow(256)

        async def refused() -> None:
            async with flow.place(1e6) as place:
                flow.refused(place, Again("status 429", 30.0, ModelLimited), 0.5)

        await refused()
        others = [asyncio.ensure_future(refused()) for _ in range(100)]
        await asyncio.sleep(0)
        with pytest.raises(StillRefused, match="status 429"):
            async with flow.place(patience):
                pass
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return now()

    assert after <= run(main()) <= patience


def test_who_leaves_the_queue_takes_no_place() -> None:
    async def main() -> None:
        flow = Flow(1)

        async def call() -> None:
            async with flow.place(60.0) as place:
                await asyncio.sleep(1.0)
                place.became = "answered"

        calls = [asyncio.ensure_future(call()) for _ in range(5)]
        await asyncio.sleep(0.5)
        calls[0].cancel()
        calls[2].cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in done] == [
            True,
            False,
            True,
            False,
            False,
        ]
        assert now() == 3.5

    run(main())


def test_a_loop_that_is_gone_is_forgotten() -> None:
    flows = Flows(10)

    async def main() -> None:
        async with flows.here().place(1.0):
            pass

    for _ in range(3):
        run(main())
    import gc

    gc.collect()
    assert len(flows._flows) == 0


# -- models ------------------------------------------------------------------------------------------------


def test_a_storm_costs_no_ask(request_of: Ask) -> None:
    """An endpoint whose server refuses for a minute: each of a hundred asks is answered."""

    async def server(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0.1)
        return failure(429) if now() < 60 else httpx2.Response(200, json=completion())

    async def main() -> list[str]:
        asked = EndpointModel("m", URL, KEY, transport=httpx2.MockTransport(server))
        found = await asyncio.gather(*(asked.ask(request_of()) for _ in range(100)))
        await asked.close()
        return [each.text for each in found]

    assert run(main()) == ["hi"] * 100


def test_a_storm_without_end_ends_each_ask_and_says_why(request_of: Ask) -> None:
    async def server(request: httpx2.Request) -> httpx2.Response:
        return failure(429, "slow down")

    async def main() -> list[BaseException | Any]:
        asked = EndpointModel("m", URL, KEY, deadline=100.0, transport=httpx2.MockTransport(server))
        asks = (asked.ask(request_of()) for _ in range(100))
        found = await asyncio.gather(*asks, return_exceptions=True)
        await asked.close()
        assert now() <= 130
        return found

    found = run(main())
    assert {type(each) for each in found} == {ModelLimited}
    assert all("status 429 (slow down)" in str(each) for each in found)
    assert any("its 100 s (`deadline`) are over" in str(each) for each in found)


def test_models_of_one_server_are_counted_together(request_of: Ask, tmp_path: Any) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        f'[models.sam]\nbase_url = "{URL}"\nmodel = "sam"\nconcurrency = 5\n'
        f'[models.lom]\nbase_url = "{URL}"\nmodel = "lom"\n'
        '[models.scorer]\nbase_url = "http://other.test/v1"\nmodel = "scorer"\n'
    )
    models = load_models(str(file))
    server = Server(crowd=5)

    async def main() -> None:
        for each in models.values():
            assert isinstance(each, EndpointModel)
            each._transport = httpx2.MockTransport(server)
        await asyncio.gather(*(models[role].ask(request_of()) for role in ("sam", "lom") * 10))
        assert server.most_busy == 5
        server.crowd = 12
        server.gathered.clear()
        await asyncio.gather(*(models["scorer"].ask(request_of()) for _ in range(12)))
        assert server.most_busy == 12
        for each in models.values():
            await each.close()

    asyncio.run(main())
