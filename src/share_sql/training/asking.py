"""Work on many cases at once, each finished one journalled: a stopped run goes on where it was.

A case's work is a coroutine that gives its row. Rows are written down as they are finished and come out
in the order of the input. A model that does not answer says nothing about the case: such a row is given
(`lost`), but not journalled, so that the next run asks again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.benchmarks.cases import LabelledCase
from share_sql.errors import ModelError, RunStopped, ShareError
from share_sql.models.base import Message, Model, ModelReply, ModelRequest, Usage
from share_sql.runfolder.execute import Outage
from share_sql.runfolder.folder import open_run_folder
from share_sql.runfolder.record import fingerprint
from share_sql.training.sources import Row, from_json

if TYPE_CHECKING:
    from share_sql.prompts.library import PromptSet
    from share_sql.training.sources import Source


class Asker:
    """Asks models by role, and counts their tokens."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.models = models

    def has(self, role: str) -> bool:
        """Whether a model is set for the role."""
        return role in self.models

    async def ask(
        self, role: str, case_id: str, messages: tuple[Message, ...], usage: dict[str, Usage], **request: Any
    ) -> ModelReply:
        """Ask the role's model; its tokens are added to `usage`. Raises ModelError."""
        reply = await self.models[role].ask(
            ModelRequest(role=role, case_id=case_id, messages=messages, **request)
        )
        usage[role] = usage.get(role, Usage()) + reply.usage
        return reply

    async def close(self) -> None:
        """Close every model once."""
        for model in {id(model): model for model in self.models.values()}.values():
            await model.close()


def usage_json(usage: Mapping[str, Usage]) -> dict[str, dict[str, int]]:
    """Tokens by role, as plain JSON."""
    return {role: asdict(spent) for role, spent in sorted(usage.items())}


def work_on_all(
    source: Source,
    kind: type[Row],
    work: Callable[[LabelledCase], Awaitable[Row]],
    failed: Callable[[LabelledCase, str], Row],
    *,
    folder: Path,
    journal: str,
    rows: str,
    ledger: str,
    asker: Asker,
    prompts: PromptSet | None = None,
    limit: int | None = None,
    concurrency: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Give each case's row, in order, and write the rows and the tokens spent into the data folder.

    Args:
        source: its cases; one with a `problem` gets a row by `failed` at once.
        kind: the rows' class; a field `usage` holds the tokens by role.
        work: gives a case's row; any error it raises makes a row by `failed`.
        failed: the row of a case that could not be worked on, with the cause.
        folder: the data folder. Work that it holds is gone on with; it must have been begun with the same
            source, models and prompts.
        journal: its subfolder for the journal of the work.
        rows: its file for the rows, a line each.
        ledger: its file for the tokens spent, by role.
        asker: closed at the end.
        prompts: what its models are asked with.
        limit: only the first cases. Another limit goes on with the same work.
        concurrency: cases under way at once.
        progress: called with the number of finished cases and of all.

    Raises:
        RunFolderError: the folder is in use, holds other work, or cannot be written.
        RunStopped: no model answered in the first cases; nothing but the journal is written.
    """
    cases = source.cases[:limit]
    settings: dict[str, Any] = {f"model for {role}": model.name for role, model in asker.models.items()}
    settings["prompts"] = prompts.fingerprint if prompts and asker.models else None
    settings |= source.settings
    known = [(each.case.id, fingerprint(each.case) + each.gold) for each in source.cases]
    with open_run_folder(folder / journal, settings, known, resume=True) as opened:
        pending = [position for position in opened.pending if position < len(cases)]
        retried: dict[int, Row] = {}
        done = len(cases) - len(pending)
        answered = False
        stopped: ModelError | None = None

        async def one(position: int, gate: asyncio.Semaphore) -> None:
            nonlocal done, answered, stopped
            each = cases[position]
            async with gate:
                if stopped is not None:
                    return
                row: Row | None = None
                try:
                    row = failed(each, each.problem) if each.problem else await work(each)
                    answered = answered or bool(getattr(row, "usage", None))
                except ModelError as error:
                    if error.loses:
                        retried[position] = replace(failed(each, str(error)), lost=True)
                        if not answered and len(retried) >= Outage.FIRST:
                            stopped = error
                    else:
                        row = failed(each, str(error))
                except ShareError as error:
                    row = failed(each, str(error))
                except Exception as error:
                    # One case's fault, ours included, must not cost the others; its row says what it was.
                    row = failed(each, f"internal error ({type(error).__name__}: {error}); please report it")
            if row is not None:
                opened.journal.append(position, asdict(row))
            done += 1
            if progress:
                progress(done, len(cases))

        async def everything() -> None:
            gate = asyncio.Semaphore(concurrency)
            try:
                async with asyncio.TaskGroup() as group:
                    for position in pending:
                        group.create_task(one(position, gate))
            finally:
                await asker.close()

        try:
            asyncio.run(everything())
        except* ShareError as group:
            # The journal could not be written: the same for all, so that the first tells it.
            raise _first(group) from None
        if stopped is not None and done < len(cases):
            raise RunStopped(
                f"stopped with {len(cases) - done} of {len(cases)} cases not tried: no model answered in "
                f"{len(retried)} cases ({stopped}); mend that, and the same command goes on"
            )
        found = [
            retried[position] if position in retried else from_json(kind, opened.journal.read(position))
            for position in range(len(cases))
        ]
    plain = [asdict(row) for row in found]
    write_lines(folder / rows, plain)
    spent: dict[str, Usage] = {}
    for row in plain:
        for role, tokens in row["usage"].items():
            spent[role] = spent.get(role, Usage()) + Usage(**tokens)
    (folder / ledger).write_text(json.dumps(usage_json(spent), indent=1) + "\n", encoding="utf-8")
    return found


def _first(group: BaseExceptionGroup[ShareError]) -> ShareError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ShareError)
    return error


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write JSON Lines, whole or not at all."""
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))


def write_whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
