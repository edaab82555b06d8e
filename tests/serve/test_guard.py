"""What the guard lets in: the page for all, listed sites, proxies that are believed; headers of answers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest

from share_sql.serve.access import Guard, guard_of
from share_sql.serve.guard import SAFE_HEADERS, guarded, open_paths
from share_sql.serve.protocol import server_options
from share_sql.settings import ServiceSettings
from tests.serve.conftest import serving

TOKEN = "0123456789abcdef"
NOTES = "https://notes.example"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says how it was called."""
    said = f"{scope['method']} {scope['scheme']} {scope['client'][0]}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"x")]})
    await send({"type": "http.response.body", "body": said})


def client_of(guard: Guard) -> Iterator[httpx2.Client]:
    options = {"lifespan": "off", **server_options(guard)}
    with serving(guarded(app, guard), **options) as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    yield from client_of(Guard(token=TOKEN, origins=frozenset({NOTES})))


def test_the_page_and_the_state_of_health_need_no_token_and_all_else_does(client: httpx2.Client) -> None:
    page = Path(str(files("share_sql.serve") / "page"))
    found = {"/" + str(each.relative_to(page)) for each in page.rglob("*") if each.is_file()}
    assert {"/index.html"} <= found <= open_paths()
    assert not any(each.startswith(("/v1", "/mcp", "/metrics")) for each in open_paths())
    for path in sorted(open_paths()):
        assert client.get(path).status_code == 200, path
        assert client.post(path, json={}).status_code == 401, path
    for path in (
        "/v1/databases",
        "/metrics",
        "/mcp",
        "/mcp/",
        "/index.html/x",
        "/docs/x",
        "/HEALTHZ",
        "/nothing",
    ):
        assert client.get(path).status_code == 401, path


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}"])
def test_the_token_opens(client: httpx2.Client, given: str) -> None:
    assert client.get("/v1/databases", headers={"Authorization": given}).status_code == 200


def test_a_wrong_token_is_told_apart_from_none(client: httpx2.Client) -> None:
    none = client.get("/v1/databases")
    wrong = client.get("/v1/databases", headers={"Authorization": "Bearer x"})
    assert none.headers["www-authenticate"] == 'Bearer realm="share"'
    assert wrong.headers["www-authenticate"] == 'Bearer realm="share", error="invalid_token"'


def test_every_answer_has_the_safe_headers(client: httpx2.Client) -> None:
    for path, cached in (("/", "no-cache"), ("/v1/databases", "no-store"), ("/v1//x", "no-store")):
        headers = client.get(path).headers
        assert headers["cache-control"] == cached
        for name, value in SAFE_HEADERS.items():
            assert headers[name] == value
    assert "'unsafe" not in SAFE_HEADERS["Content-Security-Policy"]


def test_pages_of_a_listed_site_may_call(client: httpx2.Client) -> None:
    asked = {
        "Origin": NOTES,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    beforehand = client.options("/v1/run", headers=asked)
    assert beforehand.status_code == 200
    assert beforehand.headers["access-control-allow-origin"] == NOTES
    assert "access-control-allow-credentials" not in beforehand.headers
    headers = {"Origin": NOTES, "Sec-Fetch-Site": "cross-site"}
    refused = client.post("/v1/run", json={}, headers=headers)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, NOTES)
    answer = client.post("/v1/run", json={}, headers={**headers, "Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, NOTES)


def test_no_other_site_is_named(client: httpx2.Client) -> None:
    for origin in ("https://evil.example", "http://notes.example", NOTES + ".evil.example", "null"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (client.options("/v1/run", headers=asked), client.get("/v1/run", headers=asked)):
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers


def test_the_own_page_may_call_by_each_name(client: httpx2.Client) -> None:
    port = client.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
        headers = {"Host": host, "Origin": f"http://{host}", "Authorization": f"Bearer {TOKEN}"}
        assert client.post("/v1/run", json={}, headers=headers).status_code == 200
    other = {"Host": "localhost", "Origin": "http://127.0.0.1", "Authorization": f"Bearer {TOKEN}"}
    assert client.post("/v1/run", json={}, headers=other).status_code == 403


@pytest.mark.parametrize(("proxies", "seen"), [([], "http 127.0.0.1"), (["127.0.0.1"], "https 10.9.8.7")])
def test_a_proxy_is_believed_where_it_is_told(proxies: list[str], seen: str) -> None:
    guard = guard_of(ServiceSettings.model_validate({"proxies": proxies}), {})
    headers = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https"}
    for client in client_of(guard):
        assert client.get("/v1/x", headers=headers).text == f"GET {seen}"
        assert client.get("/v1/x", headers={**headers, "X-Forwarded-Host": "evil.example"}).status_code == 200


def test_a_client_that_asks_too_often_is_told_when(monkeypatch: pytest.MonkeyPatch) -> None:
    for client in client_of(Guard(per_minute=6)):
        found = [client.get("/v1/x", headers={"X-Forwarded-For": f"10.0.0.{at}"}) for at in range(11)]
        assert [each.status_code for each in found] == [200] * 10 + [429]
        assert 1 <= int(found[-1].headers["retry-after"]) <= 10
        assert client.get("/healthz").status_code == 200


def test_a_websocket_is_no_way_round() -> None:
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guarded(app, Guard())({"type": "websocket", "path": "/v1/x"}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]
