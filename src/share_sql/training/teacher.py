"""Teacher trajectories: one for each gold query, each proved to say what the query says.

Without a model the teacher is the symbolic BAM: the SQL's syntax tree walked into actions. With one, the
model is shown examples and the query; its trajectory is compiled to SQL (or converted by the generator,
where compiling fails and one is set), and validated as in the paper: by execution first, and where rows
differ by a model's yes or no.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.benchmarks.cases import LabelledCase
from share_sql.errors import (
    CompileError,
    DatabaseError,
    ModelError,
    SchemaError,
    SqlError,
    TrajectoryError,
)
from share_sql.models.base import Model, Usage
from share_sql.prompts.render import (
    column_list,
    generator_variables,
    in_schema_order,
    judge_variables,
    one_line_sql,
)
from share_sql.sql.names import resolve
from share_sql.sql.resolution import Resolution
from share_sql.sql.text import extract_sql
from share_sql.training.asking import Asker, usage_json, work_on_all
from share_sql.training.sources import ROWS_FILE, Source, TrajectoryRow
from share_sql.training.validate import Validator, columns_of, compiles_to, paper_text_proved
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.prompts.library import PromptSet
    from share_sql.schema.model import Schema
    from share_sql.trajectory.nodes import Trajectory

LEDGER = "teacher_usage.json"


def teach(
    source: Source,
    folder: Path,
    *,
    models: Mapping[str, Model] | None = None,
    prompts: PromptSet | None = None,
    limit: int | None = None,
    concurrency: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> list[TrajectoryRow]:
    """Make the trajectories of a source's gold and write them to a data folder.

    Args:
        source: cases with gold.
        folder: gets `trajectories.jsonl`, a line a case, and the teacher's ledger of tokens. Work that it
            holds already is gone on with.
        models: by role. `teacher` writes trajectories; without it the symbolic road is taken. `judge`
            says yes or no (the teacher where it is not set), `generator` converts what does not compile.
        prompts: needed with models.
        limit: only the first cases.
        concurrency: cases under way at once, with a model.
        progress: called with the number of finished cases and of all.

    Returns:
        A row a case, in order.

    Raises:
        RunFolderError: the folder holds other work, or cannot be written.
        PromptError: the prompt set has no prompt for the teacher.
    """
    asker = Asker(models or {})
    work: _Symbolic | _ByModel = _Symbolic(source)
    if prompts is not None and asker.has("teacher"):
        for role in ("teacher", "judge"):
            prompts.template(role)  # a set without it fails now, not once a case
        work = _ByModel(source, asker, prompts)
    rows = work_on_all(
        source,
        TrajectoryRow,
        work.row,
        lambda each, cause: failed_row(each, cause, work.by),
        folder=folder,
        journal="teacher",
        rows=ROWS_FILE,
        ledger=LEDGER,
        asker=asker,
        prompts=prompts,
        limit=limit,
        concurrency=concurrency,
        progress=progress,
    )
    source.files.write(folder)
    return rows


def failed_row(each: LabelledCase, cause: str, by: str) -> TrajectoryRow:
    """The row of a case without a trajectory."""
    return TrajectoryRow(each.case.id, each.case.database, None, "", cause, by=by)


def outside_names(found: Resolution) -> tuple[str, ...]:
    """Tables and columns that a query names and its schema has not."""
    return (*found.unknown_tables, *(unknown.column for unknown in found.unknown_columns))


class _Symbolic:
    """The road without a model."""

    by = "symbolic"

    def __init__(self, source: Source) -> None:
        self.source = source
        self.validator = Validator(source)

    async def row(self, each: LabelledCase) -> TrajectoryRow:
        """A case's row, its trajectory proved by compiling its text back; ShareError where there is none."""
        gold = extract_sql(each.gold)
        schema = self.source.schema(each.case.database)
        trajectory = from_sql(gold, schema)
        row = TrajectoryRow(
            each.case.id,
            each.case.database,
            write(trajectory, "extended"),
            "",
            None,
            by=self.by,
            outside=outside_names(resolve(gold, schema)),
        )
        try:
            sql = compiles_to(trajectory, schema, "extended")
        except TrajectoryError as error:
            return replace(row, cause=f"its text does not compile: {error}")
        proof = self.validator.same_query(each.case.database, sql, gold, trajectory)
        paper = proof.holds and paper_text_proved(
            self.validator, each.case.database, schema, trajectory, sql, gold
        )
        return replace(row, sql=sql, proof=proof.how, cause=proof.cause, paper=paper)


class _ByModel:
    """The road with a teacher."""

    def __init__(self, source: Source, asker: Asker, prompts: PromptSet) -> None:
        self.source = source
        self.asker = asker
        self.prompts = prompts
        self.validator = Validator(source)
        self.by = asker.models["teacher"].name

    async def row(self, each: LabelledCase) -> TrajectoryRow:
        """A case's row; raises ShareError where there is no trajectory."""
        gold = extract_sql(each.gold)
        schema = self.source.schema(each.case.database)
        linked = resolve(gold, schema)
        usage: dict[str, Usage] = {}
        messages = self.prompts.render(
            "teacher",
            schema=column_list(in_schema_order(linked.columns, schema)),
            question=each.case.question,
            evidence=each.case.evidence,
            sql=one_line_sql(gold),
        )
        reply = await self.asker.ask("teacher", each.case.id, messages, usage)
        row = failed_row(each, "", self.by)
        row = replace(row, outside=outside_names(linked))
        try:
            trajectory = read(reply.text, columns_of(schema)).trajectory
            row = replace(row, trajectory=write(trajectory, "extended"))
            row = await self.validated(row, each, gold, schema, trajectory, usage)
        except (TrajectoryError, SqlError, DatabaseError, SchemaError) as error:
            row = replace(row, cause=str(error))
        return replace(row, usage=usage_json(usage))

    async def validated(
        self,
        row: TrajectoryRow,
        each: LabelledCase,
        gold: str,
        schema: Schema,
        trajectory: Trajectory,
        usage: dict[str, Usage],
    ) -> TrajectoryRow:
        """The row with its proof: rows (or trajectory) first, then a model's yes."""
        database = each.case.database
        try:
            sql = to_sql(trajectory, schema, hint=f"{each.case.question} {each.case.evidence}")
        except CompileError as error:
            if not self.asker.has("generator"):
                return replace(row, cause=f"it does not compile: {error}")
            sql = await self.converted(each, schema, trajectory, usage)
        row = replace(row, sql=sql)
        own = from_sql(gold, schema)
        proof = await asyncio.to_thread(self.validator.same_query, database, sql, gold, own)
        if not proof.holds:
            right, how = await asyncio.to_thread(self.validator.right, database, sql, gold)
            if right:
                return replace(row, proof=how, cause=None, paper=True)
            if await self.says_yes(each, schema, gold, sql, usage):
                return replace(row, proof="model", cause=None, paper=True)
        return replace(row, proof=proof.how, cause=proof.cause, paper=proof.holds)

    async def converted(
        self, each: LabelledCase, schema: Schema, trajectory: Trajectory, usage: dict[str, Usage]
    ) -> str:
        """The generator's SQL for a trajectory. Raises ModelError, SqlError."""
        from share_sql.trajectory.columns import columns

        variables = generator_variables(
            columns(trajectory, schema),
            schema,
            question=each.case.question,
            evidence=each.case.evidence,
            trajectory=write(trajectory, "paper"),
        )
        messages = self.prompts.render("generator", **variables)
        reply = await self.asker.ask("generator", each.case.id, messages, usage)
        return extract_sql(reply.text)

    async def says_yes(
        self, each: LabelledCase, schema: Schema, gold: str, sql: str, usage: dict[str, Usage]
    ) -> bool:
        """A model's verdict on two queries; no answer is a no."""
        role = "judge" if self.asker.has("judge") else "teacher"
        variables = judge_variables(gold, sql, schema, question=each.case.question)
        messages = self.prompts.render("judge", **variables)
        try:
            reply = await self.asker.ask(role, each.case.id, messages, usage, max_tokens=128)
        except ModelError as error:
            if error.loses:
                raise  # to be asked again
            return False
        words = re.findall(r"[a-z]+", reply.text.lower())
        return bool(words) and words[-1] == "yes"
