"""An agent for tests: the SDK's own client, and databases that mean harm behind a desk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client
from mcp_types import CallToolResult, TextContent

from share_sql import Assistant, Catalog
from share_sql.serve.desk import Desk
from share_sql.serve.mcp_server import create_mcp_server

_T = TypeVar("_T")


def talk(server: Any, what: Callable[[Client], Awaitable[_T]], **client: Any) -> _T:
    """What an agent does at a server: a desk, a URL, or how to start a program."""

    async def connected() -> _T:
        async with Client(
            create_mcp_server(server) if isinstance(server, Desk) else server, **client
        ) as agent:
            return await what(agent)

    async def bounded() -> _T:
        return await asyncio.wait_for(connected(), 120)

    return asyncio.run(bounded())


def ask(server: Any, tool: str, /, **arguments: Any) -> Any:
    """What a tool answers, as data; an error fails the test."""
    result = talk(server, lambda agent: agent.call_tool(tool, arguments))
    assert isinstance(result, CallToolResult)
    assert not result.is_error, text_of(result)
    return result.structured_content


def refused(server: Any, tool: str, /, **arguments: Any) -> str:
    """The line with which a tool refuses; an answer fails the test."""
    result = talk(server, lambda agent: agent.call_tool(tool, arguments))
    assert isinstance(result, CallToolResult)
    assert result.is_error, result.structured_content
    line = text_of(result)
    assert len(line.splitlines()) == 1
    assert "Traceback" not in line
    return line


def text_of(result: Any) -> str:
    """The one text of a tool's result."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@contextmanager
def desk_over(cache: Path, *files: Path, **assistant: Any) -> Iterator[Desk]:
    """A desk over SQLite files, by their stems; what is given goes to its assistant."""
    catalog = Catalog(cache=cache)
    for file in files:
        catalog.add(file.stem, file)
    desk = Desk(
        catalog=catalog,
        names=catalog.names,
        assistant=Assistant(catalog=catalog, inspect=True, **assistant),
        checker=Assistant(catalog=catalog, inspect=True),
    )
    try:
        yield desk
    finally:
        desk.close()


def made(file: Path, script: str) -> Path:
    """A SQLite file of a script's making."""
    with sqlite3.connect(file) as connection:
        connection.executescript(script)
    connection.close()
    return file
