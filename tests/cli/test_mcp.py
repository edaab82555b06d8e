"""`share mcp`: a real process over standard input and output, and the lines for clients' settings."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp_types import ListToolsResult

from share_sql.cli.main import cli

CALL = [sys.executable, "-c", "from share_sql.cli.main import main; main()"]
DRAFT = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
CASE = {"database": "shop", "sql": DRAFT, "question": "How many enterprise customers are there?"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def program(*args: str) -> StdioServerParameters:
    return StdioServerParameters(command=CALL[0], args=[*CALL[1:], *args], env=dict(os.environ))


def talk(what: Any, *args: str, mode: str = "auto") -> Any:
    async def connected() -> Any:
        async with Client(program(*args), mode=mode) as agent:
            return await what(agent)

    async def bounded() -> Any:
        return await asyncio.wait_for(connected(), 120)

    return asyncio.run(bounded())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_corrects_a_draft(mode: str) -> None:
    async def asked(agent: Client) -> None:
        tools = await agent.list_tools()
        assert isinstance(tools, ListToolsResult)
        answers = await asyncio.gather(
            agent.call_tool("correct_sql", CASE),
            agent.call_tool("run_readonly", {"database": "shop", "sql": "SELECT 1 AS one"}),
            agent.call_tool("run_readonly", {"database": "shop", "sql": "DROP TABLE stores"}),
            agent.call_tool("nothing", {}),
        )
        assert answers[0].structured_content["sql"] == DRAFT.replace("En", "en")
        assert answers[1].structured_content["rows"] == [[1]]
        assert answers[2].is_error
        assert answers[3].is_error
        assert "shop.stores" not in (await agent.read_resource("schema://shop")).contents[0].text

    talk(asked, "mcp", "--demo", mode=mode)


def test_only_the_protocol_is_written_to_standard_output_and_it_ends_with_its_input(tmp_path: Path) -> None:
    file = tmp_path / "odd.sqlite"
    with sqlite3.connect(file) as connection:
        # A value that is no text makes the reading of values warn.
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.execute("INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    connection.close()
    process = subprocess.Popen(
        [*CALL, "-v", "mcp", "--db", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def say(message: dict[str, Any]) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline()) if "id" in message else None

    assert say(INITIALIZE)["result"]["serverInfo"]["name"] == "share"
    say({"jsonrpc": "2.0", "method": "notifications/initialized"})
    arguments = {"database": "odd", "sql": "SELECT a FROM t WHERE a = 'x'", "question": "Which?"}
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "correct_sql", "arguments": arguments},
    }
    assert "structuredContent" in say(call)["result"]
    process.stdin.write("no JSON\n\n")
    process.stdin.flush()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert "judge" in err  # what -v tells
    assert "Traceback" not in err


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_its_input_is_open_and_nothing_stays_behind(
    tmp_path: Path, number: int
) -> None:
    process = subprocess.Popen(
        [*CALL, "mcp", "--demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(INITIALIZE) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    assert list(tmp_path.glob("share-demo-*"))
    process.send_signal(number)
    deadline = time.monotonic() + 120
    while process.poll() is None:
        assert time.monotonic() < deadline, "it did not end"
        time.sleep(0.02)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert err == "share: stopped\n"
    assert not list(tmp_path.glob("share-demo-*"))


def test_a_client_that_is_gone_ends_it_quietly() -> None:
    process = subprocess.Popen(
        [*CALL, "mcp", "--demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(json.dumps(INITIALIZE) + "\n")
    process.stdin.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(120) == 1
    assert complaint == ""


def test_a_database_file_is_served_under_its_short_name(shop_path: Path) -> None:
    async def asked(agent: Client) -> None:
        answer = await agent.call_tool("list_databases", {})
        assert answer.structured_content == {"databases": [{"name": "shop", "dialect": "sqlite"}]}
        assert str(shop_path.parent) not in (agent.instructions or "")

    talk(asked, "mcp", "--db", str(shop_path))


def test_the_databases_of_the_settings_are_served_or_one_of_them(shop_path: Path, tmp_path: Path) -> None:
    config = tmp_path / "share.toml"
    text = f"[databases.one]\npath = '{shop_path}'\n[databases.two]\npath = '{shop_path}'\nrows = 2\n"
    config.write_text(text, encoding="utf-8")

    async def asked(agent: Client) -> tuple[list[str], int]:
        named = (await agent.call_tool("list_databases", {})).structured_content["databases"]
        sql = {"database": "two", "sql": "SELECT city FROM stores"}
        rows = (await agent.call_tool("run_readonly", sql)).structured_content["rows"]
        return [each["name"] for each in named], len(rows)

    assert talk(asked, "mcp", "--config", str(config)) == (["one", "two"], 2)
    assert talk(asked, "mcp", "--config", str(config), "--db", "two") == (["two"], 2)


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["--db", "nix.sqlite"], 1, "there is no file"),
        ([], 2, "or call with --db or --demo"),
        (["--demo", "--models", "nix"], 2, "nix"),
        (["--demo", "--policy", "nix"], 2, "nix"),
    ],
)
def test_a_wrong_call_ends_with_one_line(
    args: list[str], code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["mcp", *args])
    assert result.exit_code == code
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("share_sql.cli.mcp.find_spec", lambda name: None)
    result = CliRunner().invoke(cli, ["mcp", "--demo"])
    assert result.exit_code == 2
    assert "pip install 'share-sql[mcp]'" in result.stderr


def test_it_needs_nothing_of_the_http_service() -> None:
    code = (
        "import sys\nsys.modules.update(fastapi=None, uvicorn=None, prometheus_client=None)\n"
        "import share_sql.serve.mcp_server"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_json_prints_what_a_clients_settings_need(
    shop_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop_path.parent)
    Path("share.toml").write_text("[policy]\nmin-confidence = 0.6\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["mcp", "--db", "shop.sqlite", "--without", "select-drop", "--json"])
    Path("share.toml").unlink()
    assert result.exit_code == 0
    entry = json.loads(result.stdout)["mcpServers"]["share"]
    folder = shop_path.parent
    assert entry["args"] == [
        *("mcp", "--config", str(folder / "share.toml")),
        *("--db", str(folder / "shop.sqlite"), "--without", "select-drop"),
    ]
    assert Path(entry["command"]).name == "share"

    async def named(agent: Client) -> Any:
        return (await agent.call_tool("list_databases", {})).structured_content

    monkeypatch.chdir(tmp_path)  # a client starts it anywhere
    served = talk(named, "mcp", *entry["args"][3:])
    assert served["databases"][0]["name"] == "shop"
