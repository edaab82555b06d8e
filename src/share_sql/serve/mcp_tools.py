"""The MCP tools: what each is called, says of itself and does. All only read, and may be called again.

What is told of a tool is written for an agent that has to choose one. Names, values and messages of databases
are data in fields of their own; nothing of them stands in a tool's description.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from share_sql.errors import DatabaseUnreadable
from share_sql.serve import mcp_shapes as shapes
from share_sql.serve.bodies import CheckBody, CorrectBody, RunBody
from share_sql.serve.mcp_rows import shown
from share_sql.serve.mcp_schema import described
from share_sql.serve.mcp_text import cut, one_line

if TYPE_CHECKING:
    from share_sql.case import TextChange
    from share_sql.check import Checked, Severity
    from share_sql.driver.progress import Progress
    from share_sql.serve.desk import Desk
    from share_sql.serve.shapes import ChangeItem, CorrectAnswer, Place

_LONGEST_TEXT = 1_000
"""Characters of a reason or an error."""
_LONGEST_MESSAGE = 400
"""Characters of what was seen, and of the part of the SQL that it is about."""
_BEFORE = 30
"""Characters told before a place where something is put in."""
_MOST = 20
"""Things seen, changes and columns that are given."""

Run: TypeAlias = "Callable[[Desk, Any, Progress | None], Awaitable[shapes.Answer]]"
"""What a tool does: asked of the desk, with its arguments, told each stage where somebody listens."""


@dataclass(frozen=True)
class Tool:
    """A tool."""

    title: str
    """For people."""
    description: str
    """For agents: what it does, when to use it, and how to read what it answers."""
    ask: type[shapes.Ask]
    """Its arguments."""
    answer: type[shapes.Answer]
    """What it answers."""
    run: Run
    """What it does. Raises ShareError, which is told the agent in one line."""


async def _list(desk: Desk, ask: shapes.Nothing, progress: Progress | None) -> shapes.DatabasesAnswer:
    return shapes.DatabasesAnswer(
        databases=[
            shapes.DatabaseEntry(name=each.name, dialect=each.dialect) for each in await desk.databases()
        ]
    )


async def _describe(desk: Desk, ask: shapes.SchemaAsk, progress: Progress | None) -> shapes.SchemaAnswer:
    schema = await desk.schema(ask.database)
    return await asyncio.to_thread(described, schema, ask.tables, ask.columns)


async def _check(desk: Desk, ask: shapes.CheckAsk, progress: Progress | None) -> shapes.CheckAnswer:
    body = CheckBody(database=ask.database, draft=ask.sql, question=ask.question, evidence=ask.evidence)
    return _checked(ask.sql, await desk.check(body, progress))


async def _correct(desk: Desk, ask: shapes.CorrectAsk, progress: Progress | None) -> shapes.CorrectAnswer:
    body = CorrectBody(database=ask.database, draft=ask.sql, question=ask.question, evidence=ask.evidence)
    return _corrected(await desk.correct(body, progress))


async def _run(desk: Desk, ask: shapes.RunAsk, progress: Progress | None) -> shapes.RunAnswer:
    return shown(await desk.run(RunBody(database=ask.database, sql=ask.sql, rows=ask.rows)))


TOOLS: Mapping[str, Tool] = {
    "list_databases": Tool(
        "List databases",
        "The databases that the other tools take as `database`, with the SQL dialect of each.",
        shapes.Nothing,
        shapes.DatabasesAnswer,
        _list,
    ),
    "describe_schema": Tool(
        "Describe a schema",
        "Tables, columns, keys and references of a database, in short. Call it before you write SQL. Of a "
        "large database it gives only a part and says so: then give `tables` or `columns`, names or patterns "
        "such as *order*, to see those, with meanings and allowed values.",
        shapes.SchemaAsk,
        shapes.SchemaAnswer,
        _describe,
    ),
    "check_sql": Tool(
        "Check SQL",
        "Say what is wrong or risky in SQL before you rely on it; it changes nothing. It tells whether the "
        "SQL runs, names and values that do not exist with the nearest that do, and faults that the schema "
        "or the data prove, each with its place and what to write there. Give `question` to have more seen.",
        shapes.CheckAsk,
        shapes.CheckAnswer,
        _check,
    ),
    "correct_sql": Tool(
        "Correct SQL",
        "Correct SQL that was written for a question, or confirm it: one call in place of check, repair and "
        "check again. verdict `corrected`: use `sql`. `kept`: use your SQL, nothing better was proved. "
        "`abstained`: there is evidence against your SQL and nothing good enough to replace it; read "
        "`findings` and write it anew. A null `confidence` means unknown. It may take seconds.",
        shapes.CorrectAsk,
        shapes.CorrectAnswer,
        _correct,
    ),
    "run_readonly": Tool(
        "Run a query",
        "Run one query, read-only, and give its first rows. Whatever writes is refused. Long cells are cut "
        "with a mark, and rows that would be too many are left out: `note` says so. Use it to look at data, "
        "or for the final answer once the SQL is checked.",
        shapes.RunAsk,
        shapes.RunAnswer,
        _run,
    ),
}
"""The tools by name, in the order in which an agent needs them."""


def _checked(sql: str, checked: Checked) -> shapes.CheckAnswer:
    """What was seen, in short."""
    seen = [
        _seen(
            sql,
            each.kind,
            each.message,
            each.place,
            each.suggestion,
            each.severity,
        )
        for each in checked.observations
    ]
    notes = [f"not all could be looked at: {checked.incomplete}"] if checked.incomplete is not None else []
    return shapes.CheckAnswer(
        runs=checked.runs,
        error=one_line(checked.error, _LONGEST_TEXT) if checked.error is not None else None,
        findings=seen[:_MOST],
        wrong=checked.wrong,
        mended=checked.suggestion,
        columns=[cut(name, _LONGEST_MESSAGE) for name in checked.columns[:_MOST]],
        rows=checked.row_count,
        more=checked.truncated,
        note=_note([*notes, *_left_out("findings", seen), *_left_out("columns", checked.columns)]),
    )


def _corrected(answer: CorrectAnswer) -> shapes.CorrectAnswer:
    """A correction, in short. Raises DatabaseUnreadable where the database could not be asked at all."""
    if answer.error is not None and any(each.cause == "database" for each in answer.errors):
        raise DatabaseUnreadable(answer.error)
    seen = [_seen(answer.draft, each.kind, each.message, each.place) for each in answer.findings]
    seen += [
        _seen(
            answer.draft,
            each.kind,
            each.message,
            each.place,
            each.suggestion,
            "warning",
        )
        for each in answer.warnings
    ]
    failed = [answer.error] if answer.error is not None else []
    return shapes.CorrectAnswer(
        verdict=answer.verdict,
        sql=answer.sql,
        reason=one_line(answer.reason, _LONGEST_TEXT),
        confidence=answer.confidence,
        runs=answer.runs,
        changes=[one_line(each, _LONGEST_MESSAGE) for each in answer.changes[:_MOST]],
        findings=seen[:_MOST],
        note=_note([*failed, *_left_out("findings", seen), *_left_out("changes", answer.changes)]),
    )


def _seen(
    sql: str,
    kind: str,
    message: str,
    place: Place | None,
    change: TextChange | ChangeItem | None = None,
    severity: Severity | None = None,
) -> shapes.Seen:
    """A thing seen, with its place as text: agents do not count characters."""
    at, write = sql[slice(*place)] if place is not None else None, None
    if change is not None:
        start, end = _around(sql, place, change)
        at, write = sql[start:end], sql[start : change.start] + change.text + sql[change.end : end]
    return shapes.Seen(
        kind=kind,
        message=one_line(message, _LONGEST_MESSAGE),
        severity=severity,
        at=cut(at, _LONGEST_MESSAGE) if at is not None else None,
        write=write,
    )


def _around(sql: str, place: Place | None, change: TextChange | ChangeItem) -> Place:
    """The part of the SQL that a change is told with: the place, where the change lies in it; else what is
    replaced, and for what is put in the text before it."""
    if place is not None and place[0] <= change.start and change.end <= place[1]:
        return place
    if change.start < change.end:
        return change.start, change.end
    return max(0, change.start - _BEFORE), change.end


def _left_out(what: str, items: Iterable[object]) -> list[str]:
    left = len(list(items)) - _MOST
    return [f"{left:,} more {what} are left out"] if left > 0 else []


def _note(parts: list[str]) -> str | None:
    return "; ".join(one_line(part, _LONGEST_TEXT) for part in parts) or None
