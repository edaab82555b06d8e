"""No password, token or path is in what the service answers, prints or logs: `share serve` as a process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from share_sql.demo.database import write_database
from tests.serve import hostile_requests
from tests.serve.hostile_requests import TOKEN, ask
from tests.serve.test_hostile_requests import send

PASSWORD = "s3cr/t&Pa@ss:w0rd"
"""Of a server where nobody listens."""
SETTINGS = """
[databases.shop]
path = "a-private-folder/shop.sqlite"

[databases.away]
url = "postgresql://reader:${AWAY_PASSWORD}@127.0.0.1:9/sales"

[databases.beside]
url = "mysql://reader:${AWAY_PASSWORD}@127.0.0.1:9/sales"

[databases.broken]
path = "a-private-folder/broken.sqlite"

[databases.lacking]
path = "a-private-folder/lacking.sqlite"

[service]
token = "${SHOP_TOKEN}"
uploads = true
max-body = 50000
"""


@contextmanager
def served(folder: Path, settings: str, *flags: str, **environment: str) -> Iterator[tuple[str, list[str]]]:
    """A service over a settings file, as a process: its URL, and what it printed and logged once it ended."""
    (folder / "share.toml").write_text(settings)
    call = [sys.executable, "-c", "from share_sql.cli.main import main; main()"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*call, "serve", "--port", "0", "--json", *flags],
            cwd=folder,
            env={**os.environ, "SHARE_CACHE": str(folder / "cache"), **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    logged: list[str] = []
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        yield json.loads(line)["url"], logged
    finally:
        process.terminate()
        rest = process.communicate(timeout=60)[0]
        logged += [line, rest, (folder / "log").read_text(errors="replace")]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All that a service said, its log last, while it was asked well and badly."""
    folder = tmp_path_factory.mktemp("service")
    private = folder / "a-private-folder"
    private.mkdir()
    write_database(private / "shop.sqlite")
    (private / "broken.sqlite").write_bytes(b"no database at all" * 100)
    variables = {"AWAY_PASSWORD": PASSWORD, "SHOP_TOKEN": TOKEN}
    answers = []
    with served(folder, SETTINGS, "-v", **variables) as (url, logged):
        with httpx2.Client(base_url=url, timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            for name in (
                "shop",
                "away",
                "beside",
                "broken",
                "lacking",
                "postgresql://reader@127.0.0.1:9/sales",
            ):
                draft = {"database": name, "draft": "SELECT COUNT(*) FROM customers", "question": "How many?"}
                bodies: list[tuple[str, Any]] = [
                    ("/v1/run", {"database": name, "sql": "SELECT * FROM nothing"}),
                    ("/v1/check", draft),
                    ("/v1/correct", draft),
                    ("/v1/correct/stream", draft),
                    ("/v1/trajectory", {"database": name, "sql": "SELECT COUNT(*) FROM customers"}),
                ]
                answers += [client.post(path, json=body).text for path, body in bodies]
                answers.append(client.get(f"/v1/databases/{quote(name, safe='')}/schema").text)
            rows = "\n".join(json.dumps({**draft, "database": name}) for name in ("shop", "away", "x"))
            batch = {"Content-Type": "application/jsonl"}
            answers.append(client.post("/v1/batch", content=rows, headers=batch).text)
            for path in (
                "/",
                "/v1/databases",
                "/v1/examples",
                "/metrics",
                "/readyz",
                "/openapi.json",
                "/docs",
            ):
                answers.append(client.get(path).text)
            upload = {"Content-Type": "application/octet-stream"}
            for content in (b"no database", (private / "shop.sqlite").read_bytes()[:5000]):
                answers.append(client.put("/v1/uploads", content=content, headers=upload).text)
        for hostile in hostile_requests.REQUESTS:
            if hostile.status != 408:  # these wait for as long as the service itself does
                answers.append(send(url, hostile.parts).decode("latin-1"))
        answers.append(send(url, (ask("GET", f"/v1/databases?token={TOKEN}", token=TOKEN[:-1]),)).decode())
    return [*answers, *logged]


def test_it_was_asked_and_answered(said: list[str]) -> None:
    """Else what follows would prove nothing."""
    text = "\n".join(said)
    assert '"verdict"' in text
    assert "database-unreadable" in text
    assert "away" in said[-1], "the log says what is wrong with a database"


def test_no_password_and_no_token_is_said(said: list[str]) -> None:
    text = "\n".join(said)
    forms = {
        form for each in (PASSWORD, TOKEN) for form in (each, quote(each, safe=""), quote(each), repr(each))
    }
    for secret in (*forms, *(re.escape(each)[:8] for each in (PASSWORD, TOKEN)), "s3cr", "Pa@ss", "w0rd"):
        assert secret not in text


def test_no_answer_names_a_path_or_a_trace(said: list[str]) -> None:
    answers = "\n".join(said[:-1])
    for private in ("a-private-folder", "/tmp/", "site-packages", "Traceback", "share.toml, line", "/home/"):
        assert private not in re.sub(r"/tmp/evil[.a-z]*", "", answers), private


@pytest.mark.parametrize(
    ("flags", "variables", "told"),
    [
        (["--host", "0.0.0.0"], {}, "would be open to all who reach 0.0.0.0: set SHARE_TOKEN"),
        ([], {"SHARE_TOKEN": "hush"}, "the environment's SHARE_TOKEN is no token"),
    ],
)
def test_it_does_not_start_open_to_all(
    tmp_path: Path, flags: list[str], variables: dict[str, str], told: str
) -> None:
    call = [sys.executable, "-c", "from share_sql.cli.main import main; main()", "serve", "--demo", *flags]
    environment = {name: value for name, value in os.environ.items() if name != "SHARE_TOKEN"} | variables
    ended = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert told in ended.stderr
    assert "hush" not in ended.stderr
