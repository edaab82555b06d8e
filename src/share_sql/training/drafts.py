"""What a source's drafts are worth: BAM over them, and whether schema and rows are right.

This is where one model's output becomes the next one's training data: with a `bam` model its trajectories of
the drafts are what SAM and LOM learn from, as they will meet them at work; without, the symbolic ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.errors import ModelError, SqlError, TrajectoryError
from share_sql.models.base import Usage
from share_sql.prompts.render import bam_variables, reference_linked_columns
from share_sql.sql.names import linked_columns
from share_sql.sql.text import extract_sql
from share_sql.training.asking import Asker, usage_json, work_on_all
from share_sql.training.validate import Validator, columns_of
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.models.base import Model
    from share_sql.prompts.library import PromptSet
    from share_sql.schema.model import ColumnSet
    from share_sql.training.sources import Source


@dataclass(frozen=True)
class DraftRow:
    """One draft, looked at."""

    id: str
    sql: str | None
    """The draft's SQL; None where it holds none that can be read, or there is no draft."""
    trajectory: str | None
    """Its trajectory in the extended dialect."""
    right: bool = False
    """Whether it gives gold's rows."""
    how: str = ""
    """How that was found: `rows`, or `trajectory` (the two say the same) where there is no database."""
    missing: tuple[str, ...] = ()
    """Gold's columns that it does not use."""
    reference_schema: bool = False
    """Whether the reference implementation's rule, by substrings of the text, finds its schema right."""
    cause: str | None = None
    """Why there is no trajectory."""
    lost: bool = False
    """Whether a model did not answer; the next run asks again."""
    by: str = "symbolic"
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def schema_right(self) -> bool:
        """Whether it uses every column that gold uses."""
        return self.trajectory is not None and not self.missing


def look_at_drafts(
    source: Source,
    folder: Path,
    *,
    models: Mapping[str, Model] | None = None,
    prompts: PromptSet | None = None,
    limit: int | None = None,
    concurrency: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, DraftRow]:
    """Look at every draft of a source and write `drafts.jsonl` into its data folder.

    Args:
        source: cases with drafts and gold.
        folder: its data folder; work that it holds already is gone on with.
        models: `bam` writes the drafts' trajectories; without it they are symbolic.
        prompts: needed with models.
        limit: only the first cases.
        concurrency: cases under way at once, with a model.
        progress: called with the number of finished cases and of all.

    Returns:
        A row a case, by id.

    Raises:
        RunFolderError: the folder holds other work, or cannot be written.
    """
    asker = Asker({role: model for role, model in (models or {}).items() if role == "bam"})
    rows = work_on_all(
        source,
        DraftRow,
        _Work(source, asker, prompts).row,
        lambda each, cause: DraftRow(each.case.id, None, None, cause=cause),
        folder=folder,
        journal="drafts",
        rows="drafts.jsonl",
        ledger="drafts_usage.json",
        asker=asker,
        prompts=prompts,
        limit=limit,
        concurrency=concurrency,
        progress=progress,
    )
    return {row.id: row for row in rows}


class _Work:
    def __init__(self, source: Source, asker: Asker, prompts: PromptSet | None) -> None:
        self.source = source
        self.asker = asker
        self.prompts = prompts
        self.validator = Validator(source)

    async def row(self, each: LabelledCase) -> DraftRow:
        """A case's row; raises ShareError where the draft is no SQL."""
        database = each.case.database
        if not each.case.draft.strip():
            return DraftRow(each.case.id, None, None, cause="there is no draft")
        schema = self.source.schema(database)
        sql, gold = extract_sql(each.case.draft), extract_sql(each.gold)
        linked = linked_columns(sql, schema)
        missing = missing_columns(linked_columns(gold, schema), linked)
        known = reference_linked_columns(each.gold, schema)
        right, how = self.validator.right(database, sql, gold)
        row = DraftRow(
            each.case.id,
            sql,
            None,
            right,
            how,
            missing,
            known <= reference_linked_columns(each.case.draft, schema),
        )
        usage: dict[str, Usage] = {}
        try:
            if self.asker.has("bam") and self.prompts is not None:
                messages = self.prompts.render("bam", **bam_variables(sql, linked, schema))
                reply = await self.asker.ask("bam", each.case.id, messages, usage)
                trajectory = read(reply.text, columns_of(schema)).trajectory
                row = replace(row, by=reply.model)
            else:
                trajectory = from_sql(sql, schema)
            row = replace(row, trajectory=write(trajectory, "extended"))
        except (SqlError, TrajectoryError, ModelError) as error:
            if isinstance(error, ModelError) and error.loses:
                raise  # to be asked again
            row = replace(row, cause=str(error))
        return replace(row, usage=usage_json(usage))


def missing_columns(wanted: ColumnSet, used: ColumnSet) -> tuple[str, ...]:
    """Columns that are wanted and not used. A star is there where its table is used at all."""
    tables = {name.table for name in used}
    return tuple(
        sorted(str(name) for name in wanted - used if name.column != "*" or name.table not in tables)
    )


def selection_counts(drafts: Iterable[DraftRow]) -> dict[str, int]:
    """How many drafts the paper's rule for LOM's data selects (arXiv 2506.00391), and by which evidence.

    `by substrings` is the reference implementation's reading of "schema right", which looks for names
    anywhere in the text.
    """
    every = list(drafts)
    read = [draft for draft in every if draft.trajectory is not None]
    how = Counter(draft.how for draft in read)
    return {
        "all": len(every),
        "with a trajectory": len(read),
        "schema right, execution wrong": sum(d.schema_right and not d.right for d in read),
        "schema right, execution right": sum(d.schema_right and d.right for d in read),
        "schema wrong": sum(not d.schema_right for d in read),
        "schema right by substrings, execution wrong": sum(d.reference_schema and not d.right for d in read),
        "schema right by substrings, execution right": sum(d.reference_schema and d.right for d in read),
        **{f"judged by {name}": count for name, count in how.most_common()},
    }
