"""Each hostile request is refused with its status, and changes nothing."""

from __future__ import annotations

import hashlib
import json
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from share_sql.serve.access import BATCH, UPLOADS, Guard
from share_sql.serve.app import create_app
from share_sql.serve.desk import Desk
from share_sql.serve.guard import SAFE_HEADERS, guarded
from share_sql.serve.protocol import server_options
from share_sql.serve.uploads import Uploads
from tests.serve import hostile_requests
from tests.serve.conftest import serving, shop_desk
from tests.serve.hostile_requests import MOST, TOKEN, Hostile, HostileFile

MOST_UPLOAD = 16_000_000
GUARD = Guard(
    token=TOKEN,
    max_body=MOST,
    bodies={BATCH: MOST, UPLOADS: MOST_UPLOAD + MOST},
    head_seconds=2,
    body_seconds=1,
)


@dataclass(frozen=True)
class Served:
    """A guarded service and all that a request could change."""

    url: str
    desk: Desk
    places: tuple[Path, ...]

    def state(self) -> object:
        """What may not change: names, and each file by its content."""
        files = {
            str(file): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
            for place in self.places
            for file in sorted(place.rglob("*"))
        }
        return self.desk.names, files

    @property
    def client(self) -> httpx2.Client:
        """Who has the token."""
        return httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shop with uploads, in folders of its own."""
    temporary = tmp_path_factory.mktemp("temporary")
    before, tempfile.tempdir = tempfile.tempdir, str(temporary)
    try:
        with (
            shop_desk(tmp_path_factory.mktemp("cache")) as desk,
            Uploads(desk, max_bytes=MOST_UPLOAD, seconds=600) as uploads,
            serving(guarded(create_app(desk, uploads=uploads), GUARD), **server_options(GUARD)) as url,
        ):
            yield Served(url, desk, (temporary, Path.cwd() / "docs"))
    finally:
        tempfile.tempdir = before
    assert not list(temporary.iterdir()), "the service's end deletes the demo's shop and all uploads"


def send(url: str, parts: tuple[bytes, ...]) -> bytes:
    """All that is answered until the connection ends."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as connection:
        answered = b""
        try:
            for part in parts:
                connection.sendall(part)
            while data := connection.recv(65536):
                answered += data
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent; what was answered counts
        return answered


def test_there_are_at_least_forty() -> None:
    assert len(hostile_requests.REQUESTS) >= 40
    titles = [each.title for each in (*hostile_requests.REQUESTS, *hostile_requests.UPLOADS)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("hostile", hostile_requests.REQUESTS, ids=str)
def test_it_is_refused_and_changes_nothing(served: Served, hostile: Hostile) -> None:
    before = served.state()
    answered = send(served.url, hostile.parts)
    assert served.state() == before
    assert len(answered) < 4_000, "an answer is no larger than what it says"
    head, _, body = answered.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == hostile.status, answered[:2000]
    assert answered.count(b"HTTP/1.1 ") == 1 or hostile.title == "the beginning of HTTP/2"
    headers = head.decode("latin-1").lower()
    for name, value in SAFE_HEADERS.items():
        assert f"{name}: {value}".lower() in headers
    assert "cache-control: no-store" in headers
    if b"TRACE" not in hostile.parts[0]:
        document = json.JSONDecoder().raw_decode(body.decode())[0]
        assert "content-type: application/problem+json" in headers
        assert document["status"] == hostile.status
        if hostile.name:
            assert document["type"] == f"urn:share:problem:{hostile.name}"
    for secret in (TOKEN.encode(), b"/etc/passwd: ", b"root:", str(served.places[0]).encode(), b"Traceback"):
        assert secret not in answered


@pytest.mark.parametrize("hostile", hostile_requests.UPLOADS, ids=str)
def test_an_upload_is_refused_and_leaves_nothing(
    served: Served, hostile: HostileFile, tmp_path: Path
) -> None:
    content = hostile.bytes(tmp_path)
    before = served.state()
    with served.client as client:
        answer = client.put(
            "/v1/uploads", content=content, headers={"Content-Type": "application/vnd.sqlite3"}
        )
    assert answer.status_code == hostile.status, answer.text
    assert str(served.places[0]) not in answer.text
    assert served.state() == before


def test_a_draft_that_writes_changes_nothing(served: Served) -> None:
    before = served.state()
    with served.client as client:
        for draft in ("DROP TABLE customers", "SELECT 1; DELETE FROM customers", "ATTACH 'x' AS y"):
            body = {"database": "shop", "question": "How many customers are there?", "draft": draft}
            assert client.post("/v1/check", json=body).json()["runs"] is False
            answer = client.post("/v1/correct", json=body)
            assert answer.status_code == 200
            assert answer.json()["draft"] == draft
    assert served.state() == before


ODD = '"; DROP TABLE x; --<img src=x onerror=alert(1)>\u202e'


def test_a_hostile_database_is_data(served: Served, tmp_path: Path) -> None:
    """Triggers, generated columns, odd names and markup: it may be asked, and does nothing."""
    quoted = ODD.replace('"', '""')
    script = f"""
        CREATE TABLE t (a, b AS (length(printf('%.*c', 90000000, 'x'))), c AS (hex(zeroblob(400000000))));
        INSERT INTO t (a) VALUES ('</script><script>alert(1)</script>');
        CREATE TABLE "{quoted}" ("{quoted}" TEXT DEFAULT (load_extension('x')));
        CREATE TRIGGER boom AFTER INSERT ON t BEGIN DELETE FROM t; END;
        CREATE TABLE "../../escape" (a);
        CREATE VIEW endless AS
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n;
    """
    content = HostileFile("", script).bytes(tmp_path)
    before = served.state()
    with served.client as client:
        made = client.put(
            "/v1/uploads", content=content, headers={"Content-Type": "application/octet-stream"}
        )
        assert made.status_code == 201, made.text
        name = made.json()["name"]
        assert name in [each["name"] for each in client.get("/v1/databases").json()]
        tables = client.get(f"/v1/databases/{name}/schema").json()["tables"]
        assert {each["name"] for each in tables} >= {ODD, "../../escape", "t", "endless"}

        def run(sql: str) -> httpx2.Response:
            return client.post("/v1/run", json={"database": name, "sql": sql, "seconds": 0.5})

        assert run("SELECT a FROM t").json()["rows"] == [["</script><script>alert(1)</script>"]]
        for sql in ("SELECT b, c FROM t", "SELECT * FROM endless", "SELECT MAX(i) FROM endless"):
            assert run(sql).status_code in (200, 422)
        assert run("INSERT INTO t (a) VALUES (1)").status_code == 403
        body = {"database": name, "question": "Which a are there?", "draft": "SELECT A FROM tt WHERE a = 'x'"}
        assert client.post("/v1/correct", json=body).status_code == 200
        assert client.delete(f"/v1/uploads/{name}").status_code == 204
        assert run("SELECT 1").status_code == 404
        assert client.delete(f"/v1/uploads/{name}").status_code == 404
    assert served.state() == before


def test_what_is_no_harm_is_answered(served: Served) -> None:
    """The same service answers who asks as it should be asked; else refusals would prove nothing."""
    with served.client as client:
        own = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
        body = {"database": "shop", "sql": "SELECT COUNT(*) FROM customers"}
        assert client.post("/v1/run", json=body, headers=own).status_code == 200
        assert client.post("/v1/run", json=body).status_code == 200
        assert client.get("/metrics").status_code == 200
    link = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/", "/healthz", "/readyz", "/docs", "/openapi.json"):
        assert httpx2.get(served.url + path, headers=link, timeout=60).status_code == 200


def test_nothing_that_was_refused_took_rows(served: Served) -> None:
    (file,) = served.places[0].rglob("shop.sqlite")
    opened = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    assert opened.execute("SELECT COUNT(*) FROM customers").fetchone()[0] > 0
    opened.close()
