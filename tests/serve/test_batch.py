"""Batches: a line a case, whatever a line is; both ends at once, in bounded memory."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.guard import guarded
from tests.serve.conftest import serving, shop_desk
from tests.serve.models import CASE, Silent

JSONL = {"content-type": "application/jsonl"}


def sent(client: httpx2.Client, lines: list[str], **headers: str) -> list[dict[str, Any]]:
    answer = client.post("/v1/batch", content="\n".join(lines), headers={**JSONL, **headers})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def line(**more: Any) -> str:
    return json.dumps({**CASE, **more})


def test_each_line_is_answered_under_its_id(client: httpx2.Client) -> None:
    rows = sent(client, [line(id=f"c{at}") for at in range(30)])
    assert {row["id"] for row in rows} == {f"c{at}" for at in range(30)}
    assert {row["verdict"] for row in rows} == {"corrected"}


def test_a_bad_line_ends_nothing(client: httpx2.Client) -> None:
    lines = [
        "nope",
        "[1]",
        "[" * 100_000,
        '{"id": "q"}',
        line(database="nowhere", id="away"),
        line(draft=7, id="seven"),
        '{"id": "half", "database": "shop", "draft": "\\ud800"}',
        line(id=["odd"]),
        line(secret="hunter2"),
        "",
        "   ",
        line(id=12),
        line(gold="SELECT 1"),
        line(id=10**40),
    ]
    rows = {row["id"]: row for row in sent(client, lines)}
    assert set(rows) == {"1", "2", "3", "q", "away", "seven", "half", "8", "9", "12", "13", "14"}
    names = {key: row["problem"]["type"].rpartition(":")[2] for key, row in rows.items() if "problem" in row}
    assert names == {
        "1": "not-json", "2": "not-json", "3": "not-json", "q": "invalid", "away": "database-missing",
        "seven": "invalid", "half": "invalid", "8": "invalid", "9": "invalid",
    }  # fmt: skip
    assert rows["away"]["line"] == 5
    assert "hunter2" not in json.dumps(rows["9"])
    assert rows["12"]["verdict"] == rows["13"]["verdict"] == rows["14"]["verdict"] == "corrected"


def test_another_media_type_is_refused(client: httpx2.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        answer = client.post("/v1/batch", content=line(), headers={"content-type": kind})
        assert answer.status_code == 415
        assert "application/jsonl" in answer.json()["detail"]


def test_an_empty_batch_is_answered_with_nothing(client: httpx2.Client) -> None:
    assert sent(client, []) == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A service whose batches are small."""
    with (
        shop_desk(tmp_path_factory.mktemp("cache")) as desk,
        serving(create_app(desk, batch_lines=3, batch_bytes=2000)) as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def test_lines_beyond_the_bound_are_not_read(small: httpx2.Client) -> None:
    rows = {row["id"]: row for row in sent(small, [line(id=f"c{at}") for at in range(9)])}
    assert set(rows) == {"c0", "c1", "c2", "4"}
    assert rows["4"]["problem"]["status"] == 413
    assert rows["4"]["line"] == 4


def test_bytes_beyond_the_bound_are_refused(small: httpx2.Client) -> None:
    answer = small.post("/v1/batch", content=line(evidence="x" * 3000), headers=JSONL)
    assert answer.status_code == 413
    # Where nobody says how much comes, what came before is answered.
    chunks = iter([line(id="first").encode() + b"\n", b"x" * 3000])
    answer = small.post("/v1/batch", content=chunks, headers=JSONL)
    rows = [json.loads(each) for each in answer.text.splitlines()]
    assert {row["id"] for row in rows} == {"first", "2"}
    assert next(row for row in rows if row["id"] == "2")["problem"]["status"] == 413


def test_the_guards_bound_ends_a_batch_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard(bodies={"/v1/batch": 1000})
    with shop_desk(tmp_path) as desk, serving(guarded(create_app(desk), guard)) as url:
        answer = httpx2.post(f"{url}/v1/batch", content=iter([b"x" * 600, b"x" * 600]), headers=JSONL)
        assert answer.status_code == 413
    assert "incident" not in caplog.text


class Duplex:
    """A client that sends a batch's lines as it likes, and reads when it likes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
        self._socket.sendall(
            b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jsonl\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )

    def send(self, text: str) -> None:
        data = text.encode()
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self._socket.sendall(b"0\r\n\r\n")

    def answer(self) -> http.client.HTTPResponse:
        found = http.client.HTTPResponse(self._socket)
        found.begin()
        return found

    def close(self) -> None:
        self._socket.close()


def test_a_line_is_answered_before_the_next_is_sent(shop_url: str) -> None:
    client = Duplex(shop_url)
    client.send(line(id="one") + "\n")
    answer = client.answer()
    assert json.loads(answer.readline())["id"] == "one"
    for name in ("two", "three"):
        client.send(line(id=name) + "\n")
        assert json.loads(answer.readline())["id"] == name
    client.end()
    assert answer.readline() == b""
    client.close()


def test_a_client_that_reads_nothing_before_all_is_sent_is_served(tmp_path: Path) -> None:
    # Answers of some megabytes: more than sockets hold.
    draft = "SELECT COUNT(*) FROM custmers -- " + "x" * 60_000
    with shop_desk(tmp_path) as desk, serving(create_app(desk)) as url:
        client = Duplex(url)
        for at in range(120):
            client.send(line(id=str(at), draft=draft) + "\n")
        client.end()
        answer = client.answer()
        rows = [json.loads(each) for each in answer]
        client.close()
    assert {row["id"] for row in rows} == {str(at) for at in range(120)}


def test_a_client_that_goes_away_ends_its_batch(tmp_path: Path) -> None:
    model = Silent()
    with shop_desk(tmp_path, models={"generator": model}) as desk, serving(create_app(desk)) as url:
        client = Duplex(url)
        client.send(line() + "\n")
        assert model.asked.wait(30)
        client.close()
        assert model.given_up.wait(30)
        _idle(desk)


def _idle(desk: Any) -> None:
    done = threading.Event()
    for _ in range(600):
        if not desk.under_way:
            return
        done.wait(0.05)
    raise AssertionError("cases are still under way")
