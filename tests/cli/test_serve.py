"""`share serve` as a process: what it prints, how it ends, and what it says where it cannot serve."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from tests.serve.models import CASE, SLOW

from share_sql.cli.main import cli

MAIN = [sys.executable, "-c", "from share_sql.cli.main import main; main()"]


@contextmanager
def started(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A service of its own, and the line that it printed."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "SHARE_CACHE": str(folder / "cache")}
    for name in ("SHARE_CONFIG", "SHARE_MODELS", "SHARE_TOKEN"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [*MAIN, "serve", "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and standard error of a process that ends by itself."""
    _, complaints = process.communicate(timeout=60)
    return process.returncode, complaints


def call(*words: object, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(cli, ["serve", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SHARE_CONFIG", "SHARE_MODELS", "SHARE_TOKEN", "SHARE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_it_tells_where_it_listens_and_ends_when_it_is_told(folder: Path) -> None:
    with started(folder, "--demo") as (process, line):
        assert line["databases"] == ["shop"]
        assert line["models"] == {}
        answer = httpx2.post(f"{line['url']}/v1/correct", json=CASE, timeout=60)
        assert answer.json()["verdict"] == "corrected"
        assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, "")
    assert not list((folder / "tmp").iterdir()), "the demo's database was left behind"


def asked(url: str, path: str, body: object) -> socket.socket:
    """A request that is under way."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
    return connection


def _inside(url: str) -> None:
    deadline = time.monotonic() + 60
    while "share_cases_under_way 1.0" not in httpx2.get(f"{url}/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _silent(folder: Path) -> tuple[socket.socket, str]:
    """A models file whose generator's server takes connections and never answers."""
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
    (folder / "models.toml").write_text(
        f'[models.generator]\nbase_url = "{url}"\nmodel = "m"\ntimeout = 300\n', encoding="utf-8"
    )
    return silent, "models.toml"


def test_requests_under_way_end_before_it_does_and_a_second_signal_gives_them_up(folder: Path) -> None:
    silent, models = _silent(folder)
    with (
        silent,
        started(folder, "--demo", "--models", models) as (process, line),
        asked(line["url"], "/v1/correct", CASE) as stuck,
    ):
        _inside(line["url"])
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 60
        while httpx2.get(f"{line['url']}/readyz").status_code != 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        late = httpx2.post(f"{line['url']}/v1/check", json=CASE)
        assert late.json()["type"].endswith(":draining")
        assert process.poll() is None, "it did not wait for the request"
        process.send_signal(signal.SIGTERM)
        assert stuck.recv(100_000).startswith(b"HTTP/1.1 503 ")
        code, complaints = ended(process)
        assert code == 1
        assert "Traceback" not in complaints
    assert not list((folder / "tmp").iterdir())


def test_a_request_under_way_is_answered_while_it_ends(folder: Path) -> None:
    with started(folder, "--demo") as (process, line):
        slow = {"database": "shop", "sql": SLOW, "seconds": 3}
        connection = asked(line["url"], "/v1/run", slow)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert connection.recv(100_000).startswith(b"HTTP/1.1 422 ")
        connection.close()
        assert ended(process) == (0, "")


def test_a_port_that_is_taken_is_told_in_a_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("--demo", "--port", port)
    assert done.exit_code == 2
    assert f"port {port} of 127.0.0.1 is taken; give another with --port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_host_that_is_none_is_told_in_a_line(folder: Path) -> None:
    for host in ("no-such-host.invalid", "192.0.2.1"):
        done = call("--demo", "--host", host, "--port", 0, SHARE_TOKEN="x" * 20)
        assert done.exit_code == 2
        assert host in done.stderr
        assert "--host" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_without_a_database_there_is_nothing_to_serve(folder: Path) -> None:
    done = call("--port", 0)
    assert done.exit_code == 2
    assert "name some in share.toml, or call with --demo" in done.stderr


def test_a_missing_extra_is_named_with_its_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "uvicorn" or "serve.server" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = call("--demo", "--port", 0)
    assert done.exit_code == 2
    assert "pip install 'share-sql[serve]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_with_a_problem_is_told_and_the_others_are_served(folder: Path) -> None:
    (folder / "share.toml").write_text(
        '[databases.lacking]\nurl = "postgresql://reader:${NO_SUCH_VARIABLE}@127.0.0.1/x"\n'
        '[databases.odd]\npath = "shop.sqlite"\nmeanings = "nowhere.json"\n'
        '[databases.gone]\npath = "gone.sqlite"\n',
        encoding="utf-8",
    )
    with started(folder, "--demo") as (process, line):
        assert line["databases"] == ["gone", "shop"]
        assert httpx2.post(f"{line['url']}/v1/correct", json=CASE, timeout=60).status_code == 200
        away = httpx2.post(f"{line['url']}/v1/correct", json={**CASE, "database": "gone"}, timeout=60)
        assert away.status_code == 503
        assert str(folder) not in away.text
        process.send_signal(signal.SIGINT)
        code, complaints = ended(process)
    assert code == 0
    assert "lacking is not served" in complaints
    assert "NO_SUCH_VARIABLE" in complaints
    assert "odd is not served" in complaints


def test_the_log_has_routes_and_nothing_that_was_sent(folder: Path) -> None:
    with started(folder, "--demo", "-v") as (process, line):
        headers = {"authorization": "Bearer hunter2"}
        httpx2.get(f"{line['url']}/v1/databases?token=hunter3", headers=headers)
        httpx2.get(f"{line['url']}/hunter4")
        process.send_signal(signal.SIGTERM)
        _, complaints = ended(process)
    assert "GET /v1/databases: 200" in complaints
    assert "GET other: 404" in complaints
    assert "hunter" not in complaints
