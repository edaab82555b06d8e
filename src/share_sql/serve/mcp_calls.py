"""One call of an MCP tool: arguments read, progress told, the answer or the error in few characters.

Whatever goes wrong in a tool is the call's answer, in one line for the agent, and never the protocol's error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from mcp_types import CallToolResult, TextContent, ToolAnnotations
from mcp_types import Tool as Described
from pydantic import BaseModel, ValidationError

from share_sql.assistant import STAGES
from share_sql.errors import UsageError
from share_sql.serve.bodies import MOST_MEMBERS
from share_sql.serve.mcp_text import cut, one_line, visible
from share_sql.serve.mcp_tools import TOOLS, Tool
from share_sql.serve.problems import told
from share_sql.toml_file import nearest

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

    from share_sql.driver.progress import Progress, StageEnd
    from share_sql.serve.desk import Desk
    from share_sql.serve.mcp_shapes import Ask

_LONGEST = 1_000
"""Characters of an error, and of what is told of a stage."""
_HINTS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


@cache
def described_tools() -> tuple[Described, ...]:
    """The tools as the protocol lists them."""
    return tuple(
        Described(
            name=name,
            title=tool.title,
            description=tool.description,
            input_schema=json_schema(tool.ask),
            output_schema=json_schema(tool.answer),
            annotations=_HINTS,
        )
        for name, tool in TOOLS.items()
    )


@cache
def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema, without what an agent would pay for and learn nothing from: titles that repeat
    names, empty defaults, and that what may be left out may be null."""
    schema: dict[str, Any] = _lean(model.model_json_schema())
    schema.pop("description", None)
    return schema


def _lean(node: Any) -> Any:
    if isinstance(node, list):
        return [_lean(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("default", ...) is None:
        (rest,) = (each for each in node["anyOf"] if each != {"type": "null"})
        node = {**rest, **{key: value for key, value in node.items() if key not in ("anyOf", "default")}}
    lean: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            lean[key] = {name: _lean(each) for name, each in value.items()}
        elif key == "description":
            lean[key] = " ".join(value.split())
        elif key != "title" and (key != "default" or value):
            lean[key] = _lean(value)
    return lean


async def call(desk: Desk, session: ServerSession, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """Call a tool. To cancel it gives up what it asked for.

    Args:
        desk: answers.
        session: is told each stage, where the caller asked for progress.
        name: the tool's.
        arguments: as the client sent them.

    Returns:
        The answer as JSON, once as data and once as text; or the error as a line of text.
    """
    try:
        tool = _tool(name)
        ask = _asked(name, tool, arguments)
        async with _told(session) as progress:
            return _result(await tool.run(desk, ask, progress))
    except Exception as error:
        return _failed(told(error, f"the tool {name}" if name in TOOLS else "a tool")["detail"])


def _tool(name: str) -> Tool:
    if name not in TOOLS:
        raise UsageError(f"there is no tool {visible(cut(name, 100))}{nearest(name, TOOLS)}")
    return TOOLS[name]


def _asked(name: str, tool: Tool, arguments: Mapping[str, Any]) -> Ask:
    """The arguments. Raises UsageError for the first that is wrong; null is as good as none."""
    if len(arguments) > MOST_MEMBERS:
        raise UsageError(f"{name} takes {', '.join(tool.ask.model_fields) or 'nothing'}, and no more")
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return tool.ask.model_validate(given)
    except ValidationError as error:
        # What is unknown first: it mostly is what is missing, under another name.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = list(tool.ask.model_fields)
            raise UsageError(
                f"{name} takes no {cut(where, 100)}{nearest(where, known) if known else '; it takes nothing'}"
            ) from None
        if first["type"] == "missing":
            takes = ", ".join(tool.ask.model_fields)
            raise UsageError(f"{name} lacks {where}; it takes {takes}") from None
        raise UsageError(f"{name}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}") from None


@asynccontextmanager
async def _told(session: ServerSession) -> AsyncIterator[Progress]:
    """What a desk tells of stages, passed on in order; all is told before the block ends."""
    ended: asyncio.Queue[StageEnd | None] = asyncio.Queue()

    async def tell() -> None:
        count = 0
        while (stage := await ended.get()) is not None:
            count += 1
            said = "; ".join(note.text for note in stage.notes)
            line = visible(one_line(f"{stage.stage}: {said}", _LONGEST))
            await session.report_progress(count, max(count, len(STAGES)), line.removesuffix(":"))

    telling = asyncio.create_task(tell())
    try:
        yield ended.put_nowait
        ended.put_nowait(None)
        await telling
    finally:
        telling.cancel()


def _result(answer: BaseModel) -> CallToolResult:
    """An answer. What a database holds may be no text for UTF-8, and may be made to be overlooked."""
    text = json.dumps(answer.model_dump(exclude_defaults=True), ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode()
    return CallToolResult(
        content=[TextContent(type="text", text=visible(text))], structured_content=json.loads(text)
    )


def _failed(message: str) -> CallToolResult:
    line = visible(one_line(message, _LONGEST).encode("utf-8", "replace").decode())
    return CallToolResult(content=[TextContent(type="text", text=line)], is_error=True)
