"""The clients' blocks in docs/mcp.md: they can be read, and what they start is there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest

from share_sql.cli.main import cli
from share_sql.serve.mcp_rows import BUDGET as ROWS
from share_sql.serve.mcp_rows import LONGEST_CELL, MOST_COLUMNS
from share_sql.serve.mcp_schema import BUDGET, RESOURCE_BUDGET
from share_sql.serve.mcp_server import PATH
from share_sql.serve.mcp_tools import TOOLS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "mcp.md").read_text(encoding="utf-8")
READERS = {"json": json.loads, "toml": tomllib.loads}


def entries() -> Iterator[dict[str, Any]]:
    """What each block says of the server that it calls `share`."""
    for language, block in re.findall(r"^```(json|toml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        read = READERS[language](block)
        for key in ("mcpServers", "servers", "mcp_servers", "context_servers"):
            yield from (entry for name, entry in read.get(key, {}).items() if name == "share")


ENTRIES = list(entries())


def test_each_block_names_the_server() -> None:
    assert len(ENTRIES) == len(re.findall(r"^```(json|toml)$", PAGE, re.MULTILINE)) == 7


@pytest.mark.parametrize("entry", [each for each in ENTRIES if "command" in each], ids=str)
def test_what_a_client_starts_is_there(entry: dict[str, Any]) -> None:
    assert entry["command"] == "share"
    verb, *args = entry["args"]
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {arg for arg in args if arg.startswith("-")} <= known


@pytest.mark.parametrize("entry", [each for each in ENTRIES if "url" in each], ids=str)
def test_what_a_client_calls_is_there(entry: dict[str, Any]) -> None:
    assert urlsplit(entry["url"]).path == PATH


def test_the_table_has_each_tool_with_what_it_takes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| .* \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == list(TOOLS)
    for name, takes in rows:
        asked = set(re.findall(r"`(\w+)`", takes))
        assert asked == set(TOOLS[name].ask.model_fields), name


def test_the_bounds_are_those_of_the_code() -> None:
    assert BUDGET == ROWS
    for bound in (BUDGET, RESOURCE_BUDGET, LONGEST_CELL):
        assert f"{bound:,} characters" in PAGE
    assert f"{MOST_COLUMNS} columns" in PAGE
