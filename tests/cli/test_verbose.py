"""What is told while it works: nothing unasked, each stage with -v, waiting on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from share_sql.assistant import STAGES
from share_sql.cli.main import cli

DRAFT = "SELECT COUNT(*) FROM store WHERE city = 'bonn'"


def fix(shop: Path, *more: str, before: tuple[str, ...] = ()) -> Result:
    call = [*before, "fix", "--db", str(shop), "--question", "How many stores are in Bonn?", "--sql", DRAFT]
    return CliRunner().invoke(cli, [*call, *more])


def stages(result: Result) -> list[str]:
    lines = [line.split(": ") for line in result.stderr.splitlines() if line.startswith("share: case ")]
    return [line[2].split(",")[0] for line in lines]


def test_nothing_is_told_unasked(shop: Path) -> None:
    assert "share:" not in fix(shop).stderr


@pytest.mark.parametrize(
    ("before", "more"), [((), ("-v",)), (("-v",), ()), ((), ("--verbose",)), ((), ("-vv",))]
)
def test_each_stage_is_told_as_it_ends(shop: Path, before: tuple[str, ...], more: tuple[str, ...]) -> None:
    result = fix(shop, *more, before=before)
    assert stages(result) == [stage.__name__ for stage in STAGES]
    assert "share: case 1: repair, 0." in result.stderr
    assert " s: 1 candidates" in result.stderr
    assert result.stdout == fix(shop).stdout
    assert stages(fix(shop)) == [], "the next call is as quiet as ever"


def test_run_tells_its_stages_too(shop: Path) -> None:
    cases = shop.parent / "cases.jsonl"
    cases.write_text(f'{{"id": "a", "question": "Q", "database": "shop.sqlite", "draft": "{DRAFT}"}}\n')
    call = ["run", "--cases", str(cases), "--out", str(shop.parent / "out"), "-v", "--models", "none"]
    assert stages(CliRunner().invoke(cli, call)) == [stage.__name__ for stage in STAGES]


@pytest.fixture
def slow_server() -> Iterator[tuple[threading.Event, int]]:
    go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            go.wait(60)
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield go, server.server_port
        go.set()
        server.shutdown()
        thread.join()


def test_waiting_for_a_server_is_told_on_a_terminal(
    shop: Path, slow_server: tuple[threading.Event, int]
) -> None:
    go, port = slow_server
    models = shop.parent / "models.toml"
    models.write_text(f'[models.sam]\nbase_url = "http://127.0.0.1:{port}/v1"\nmodel = "m"\n')
    ours, theirs = pty.openpty()
    code = "from share_sql.cli.main import main; main()"
    call = [sys.executable, "-c", code, "fix", "--db", str(shop), "--question", "Q", "--sql", DRAFT]
    environment = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    process = subprocess.Popen(
        [*call, "--models", str(models)], stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    )
    os.close(theirs)
    seen = b""
    try:
        while b"\n" not in seen:
            seen += os.read(ours, 1000)
    finally:
        go.set()
        while process.poll() is None:
            try:
                os.read(ours, 1000)
            except OSError:
                break
        assert process.wait(60) == 1
        os.close(ours)
    assert seen.decode().startswith(f"share: waiting for m@http://127.0.0.1:{port}/v1 …")
