"""MCP over HTTP: a real server, the SDK's client in both eras of the protocol, and plain requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY

from share_sql.assistant import STAGES
from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.desk import Desk
from share_sql.serve.guard import guarded

from .agents import talk, text_of
from .conftest import serving, shop_desk
from .test_mcp_server import CALLS, CASE, DRAFT, Slow

ERAS = pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The demo's shop."""
    with shop_desk(tmp_path_factory.mktemp("cache")) as desk:
        yield desk


@pytest.fixture(scope="module")
def url(desk: Desk) -> Iterator[str]:
    """It over HTTP."""
    with serving(create_app(desk)) as url:
        yield url


def post(url: str, method: str, params: dict[str, Any], **headers: str) -> httpx2.Response:
    """One request of 2026-07-28: all that it needs is in it."""
    meta = {
        PROTOCOL_VERSION_META_KEY: "2026-07-28",
        CLIENT_INFO_META_KEY: {"name": "test", "version": "1"},
        CLIENT_CAPABILITIES_META_KEY: {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    sent = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        **({"mcp-name": params["name"]} if "name" in params else {}),
        **headers,
    }
    return httpx2.post(f"{url}/mcp", json=body, headers=sent, timeout=30)


@ERAS
def test_all_tools_answer(url: str, mode: str) -> None:
    async def asked(agent: Client) -> None:
        assert [tool.name for tool in (await agent.list_tools()).tools] == list(CALLS)
        for tool, arguments in CALLS.items():
            result = await agent.call_tool(tool, arguments)
            assert not result.is_error, text_of(result)
        assert (await agent.call_tool("nothing", {})).is_error
        assert (await agent.read_resource("schema://shop")).contents

    talk(f"{url}/mcp", asked, mode=mode)


@ERAS
def test_stages_are_told_to_who_asks(url: str, mode: str) -> None:
    told: list[float] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async def asked(agent: Client) -> Any:
        return await agent.call_tool("correct_sql", CASE, progress_callback=listen)

    assert talk(f"{url}/mcp", asked, mode=mode).structured_content["verdict"] == "corrected"
    assert told == list(range(1, len(STAGES) + 1))


def test_a_request_is_answered_by_itself_as_json(url: str) -> None:
    answers = [post(url, "tools/call", {"name": "correct_sql", "arguments": CASE}) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert "mcp-session-id" not in answer.headers
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["result"]["structuredContent"]["sql"] == DRAFT.replace("En", "en")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_there_is_no_session_to_listen_to_or_to_end(url: str, method: str) -> None:
    answer = httpx2.request(method, f"{url}/mcp", headers={"accept": "text/event-stream"}, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 10_000, b'{"jsonrpc": "2.0", "id": 1}']
)
def test_a_body_that_is_no_request_is_refused(url: str, body: bytes) -> None:
    for headers in ({}, {"mcp-protocol-version": "2026-07-28"}, {"mcp-protocol-version": "1999-01-01"}):
        sent = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **headers,
        }
        answer = httpx2.post(f"{url}/mcp", content=body, headers=sent, timeout=10)
        assert 400 <= answer.status_code < 500
        assert "Traceback" not in answer.text


def test_two_agents_at_once_each_get_their_own_answers(url: str) -> None:
    async def asked(first: Client) -> None:
        async with Client(f"{url}/mcp", mode="legacy") as second:
            calls = [
                agent.call_tool("run_readonly", {"database": "shop", "sql": f"SELECT {at} AS n"})
                for at in range(20)
                for agent in (first, second)
            ]
            results = await asyncio.gather(*calls)
        assert [each.structured_content["rows"][0][0] for each in results[::2]] == list(range(20))
        assert [each.structured_content["rows"][0][0] for each in results[1::2]] == list(range(20))

    talk(f"{url}/mcp", asked)


def test_the_rest_of_the_service_is_there_beside_it(url: str) -> None:
    assert httpx2.get(f"{url}/v1/databases", timeout=10).json() == [{"name": "shop", "dialect": "sqlite"}]
    assert "/mcp" not in httpx2.get(f"{url}/openapi.json", timeout=10).json()["paths"]


def test_a_call_that_is_given_up_stops_its_case_and_holds_up_no_other(tmp_path: Path) -> None:
    slow = Slow()
    with shop_desk(tmp_path, models={"generator": slow}) as desk, serving(create_app(desk)) as url:

        async def asked(agent: Client) -> None:
            hanging = asyncio.create_task(agent.call_tool("correct_sql", CASE))
            await until(slow.asked.is_set)
            assert not (await agent.call_tool("check_sql", CALLS["check_sql"])).is_error
            hanging.cancel()
            await until(lambda: slow.stopped)

        talk(f"{url}/mcp", asked)


@ERAS
def test_an_agent_that_goes_away_stops_its_case(tmp_path: Path, mode: str) -> None:
    slow = Slow()
    with shop_desk(tmp_path, models={"generator": slow}) as desk, serving(create_app(desk)) as url:

        async def asked(agent: Client) -> asyncio.Task[Any]:
            hanging = asyncio.create_task(agent.call_tool("correct_sql", CASE))
            await until(slow.asked.is_set)
            return hanging

        async def gone() -> None:
            async with Client(f"{url}/mcp", mode=mode) as agent:
                hanging = await asked(agent)
            await asyncio.wait([hanging])
            assert hanging.cancelled() or hanging.exception() is not None
            await until(lambda: slow.stopped)

        asyncio.run(asyncio.wait_for(gone(), 120))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something to hold."""
    while not holds():
        await asyncio.sleep(0.01)


def test_the_application_can_be_started_and_stopped_with_it(tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk:
        with serving(create_app(desk)) as url:
            assert post(url, "tools/call", {"name": "list_databases", "arguments": {}}).status_code == 200
        with pytest.raises(httpx2.TransportError):
            post(url, "tools/call", {"name": "list_databases", "arguments": {}})


TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service behind the guard, with a token."""
    with (
        shop_desk(tmp_path_factory.mktemp("cache")) as desk,
        serving(guarded(create_app(desk), Guard(token=TOKEN, max_body=100_000))) as url,
    ):
        yield url


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Bearer {TOKEN}", "host": "evil.example"}, 421),
        ({"authorization": f"Bearer {TOKEN}", "origin": "https://evil.example"}, 403),
        ({"authorization": f"Bearer {TOKEN}", "content-type": "text/plain"}, 415),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_the_guard_stands_before_it(behind: str, headers: dict[str, str], status: int) -> None:
    answer = post(behind, "tools/call", {"name": "list_databases", "arguments": {}}, **headers)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_request_is_refused_before_it(behind: str) -> None:
    arguments = {"database": "shop", "sql": "x" * 200_000}
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert (
        post(behind, "tools/call", {"name": "check_sql", "arguments": arguments}, **headers).status_code
        == 413
    )


@ERAS
def test_an_agent_with_the_token_works_behind_the_guard(behind: str, mode: str) -> None:
    async def asked() -> Any:
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as http:
            transport = streamable_http_client(f"{behind}/mcp", http_client=http)
            async with Client(transport, mode=mode) as agent:
                told: list[float] = []

                async def listen(progress: float, total: float | None, message: str | None) -> None:
                    told.append(progress)

                result = await agent.call_tool("correct_sql", CASE, progress_callback=listen)
                assert len(told) == len(STAGES)
                return result.structured_content

    assert asyncio.run(asyncio.wait_for(asked(), 120))["verdict"] == "corrected"
