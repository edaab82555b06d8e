"""What came of a case, as the service's answers. To make them takes processor time: not for an event loop."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from share_sql.errors import ShareError
from share_sql.query.examined import Examined
from share_sql.runfolder.record import case_cause, correction_row, inspection_row
from share_sql.serve.shapes import (
    ActionItem,
    CandidateItem,
    ColumnItem,
    CorrectAnswer,
    Diff,
    KeyItem,
    KindItem,
    RunAnswer,
    SchemaAnswer,
    StageEvent,
    StageItem,
    StepItem,
    TableItem,
    TrajectoryPair,
)
from share_sql.sql.marks import mark_changes
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.marked import marked, steps
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.write import write

AWAY = "the database cannot be read now"
"""Told in place of what a database's failure says."""
_UNSEEN = {"warnings": (), "fingerprint": "", "rows_before": None, "rows_after": None}
"""What is told of a draft that could not be looked at."""

log = logging.getLogger("share_sql.serve")

if TYPE_CHECKING:
    from share_sql.case import Correction
    from share_sql.database.base import QueryResult, Value
    from share_sql.driver.progress import StageEnd
    from share_sql.schema.model import Schema
    from share_sql.stages.state import Candidate, State
    from share_sql.trajectory.diff import Change
    from share_sql.trajectory.marked import MarkedStep


def correct_answer(state: State) -> CorrectAnswer:
    """The answer to a draft that was corrected with `inspect`."""
    assert state.correction is not None, "the judge always leaves a correction"
    correction = discreet(state.correction)
    before, after = mark_changes(correction.draft, correction.sql)
    return CorrectAnswer.model_validate(
        {
            **correction_row(correction),
            **_UNSEEN,
            **inspection_row(correction),
            "database": state.case.database,
            "draft": correction.draft,
            "trajectory": _pair(state),
            "diff": Diff(before=list(before), after=list(after)),
            "stages": [
                StageItem(stage=step.stage, text=step.text, seconds=round(step.seconds, 6), error=step.error)
                for step in correction.steps
            ],
            "lost": bool(correction.lost) or case_cause(correction) == "database",
        }
    )


def discreet(correction: Correction) -> Correction:
    """The correction without what a database's failure says of the machine: its message may name a path or a
    host. It goes to the log."""
    failed = [step.error for step in correction.steps if step.cause == "database" and step.error]
    if not failed:
        return correction
    reason = correction.reason
    for message in failed:
        log.warning("case %s: %s", correction.id, message)
        reason = reason.replace(message, AWAY)
    steps = tuple(
        replace(step, error=AWAY) if step.cause == "database" and step.error else step
        for step in correction.steps
    )
    return replace(correction, reason=reason, steps=steps)


def _pair(state: State) -> TrajectoryPair:
    """The trajectories of draft and correction."""
    assert state.correction is not None
    before = after = state.trajectory
    # A draft that no stage has read is not read here either: it may be what ended two processes.
    if state.draft is not None and state.correction.sql != state.sql:
        after = _trajectory(state.correction.sql, state)
    old: tuple[MarkedStep, ...] = ()
    new: tuple[MarkedStep, ...] = ()
    changes: tuple[Change, ...] = ()
    if before is not None and after is not None and after is not before:
        old, new, changes = marked(before, after)
    else:
        old = steps(before) if before is not None else ()
        new = steps(after) if after is not None else ()
    return TrajectoryPair(
        before=write(before) if before is not None else None,
        after=write(after) if after is not None else None,
        actions=[
            ActionItem(kind=each.kind, step=each.step, before=each.before, after=each.after)
            for each in changes
        ],
        steps_before=[StepItem.model_validate(asdict(each)) for each in old],
        steps_after=[StepItem.model_validate(asdict(each)) for each in new],
    )


def _trajectory(sql: str, state: State) -> Trajectory | None:
    """A query's trajectory, which the judge has mostly made; None for what has none, as SQL that cannot be
    read."""
    for each in state.candidates:
        if each.sql == sql and isinstance(each.query, Examined):
            return each.query.trajectory if isinstance(each.query.trajectory, Trajectory) else None
    try:
        return from_sql(sql, state.schema)
    except ShareError:
        return None


_MAKES = {
    "read": ("draft",),
    "regenerate": ("compile", "generator"),
    "redraft": ("drafter",),
    "repair": ("repair",),
    "propose": ("edit",),
}
"""The origins of the candidates that each stage makes."""
_MOST_CANDIDATES = 6


def stage_event(ended: StageEnd) -> StageEvent:
    """A stage that ended, with the trajectory, the candidates or the warnings that it made."""
    state = ended.state
    made = {"bam": state.trajectory, "mask": state.masked, "sam": state.filled, "lom": state.final}
    lines: list[str] = []
    if (trajectory := made.get(ended.stage)) is not None:
        lines = write(trajectory).splitlines()
    elif ended.stage == "warn" and state.inspection is not None:
        lines = [f"{each.kind}: {each.message}" for each in state.inspection.warnings]
    if ended.stage == "score":
        shown = [each for each in state.candidates if each.score is not None]
    else:
        shown = [each for each in state.candidates if each.origin in _MAKES.get(ended.stage, ())]
    return StageEvent(
        stage=ended.stage,
        seconds=round(ended.seconds, 6),
        text="; ".join(note.text for note in ended.notes),
        error=next(
            (AWAY if note.cause == "database" else note.error for note in ended.notes if note.error), None
        ),
        lines=lines,
        candidates=[_candidate(each) for each in shown[:_MOST_CANDIDATES]],
    )


def _candidate(candidate: Candidate) -> CandidateItem:
    query = candidate.query
    return CandidateItem(
        origin=candidate.origin,
        sql=query.sql,
        note=candidate.note,
        runs=query.runs if query.outcome is not None else None,
        rows=len(query.rows) if query.rows is not None else None,
        score=candidate.score,
    )


def kind_answers() -> list[KindItem]:
    """Every kind that findings and warnings may have, explained."""
    from share_sql.edits.table import KINDS

    return [
        KindItem(name=kind.name, about=kind.about, line=kind.line, before=kind.before, after=kind.after)
        for kind in KINDS.values()
    ]


def schema_answer(name: str, schema: Schema) -> SchemaAnswer:
    """A database's schema."""
    return SchemaAnswer(
        database=name,
        dialect=schema.dialect,
        tables=[
            TableItem(
                name=table.name,
                is_view=table.is_view,
                columns=[
                    ColumnItem(
                        name=column.name,
                        type=column.type,
                        nullable=column.nullable,
                        primary_key=column.primary_key,
                        meaning=column.meaning,
                        allowed=list(column.allowed),
                    )
                    for column in table.columns
                ],
            )
            for table in schema.tables
        ],
        foreign_keys=[KeyItem(**asdict(key)) for key in schema.foreign_keys],
    )


def run_answer(result: QueryResult) -> RunAnswer:
    """A query's rows as JSON has them."""
    return RunAnswer(
        columns=list(result.columns),
        rows=[[_cell(value) for value in row] for row in result.rows],
        truncated=result.truncated,
        seconds=round(result.seconds, 6),
    )


def _cell(value: Value) -> str | int | float | None:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # Beyond 2^53 a page's numbers would not be the database's.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return value
