"""What came of a case, as the service's answers. To make them takes processor time: not for an event loop."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from share_sql.errors import ShareError
from share_sql.runfolder.record import case_cause, correction_row, inspection_row
from share_sql.serve.shapes import (
    ActionItem,
    ColumnItem,
    CorrectAnswer,
    Diff,
    KeyItem,
    RunAnswer,
    SchemaAnswer,
    StageEvent,
    StageItem,
    TableItem,
    TrajectoryPair,
)
from share_sql.sql.marks import mark_changes
from share_sql.trajectory.diff import diff
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.write import write

AWAY = "the database cannot be read now"
"""Told in place of what a database's failure says."""

log = logging.getLogger("share_sql.serve")

if TYPE_CHECKING:
    from share_sql.case import Correction
    from share_sql.database.base import QueryResult, Value
    from share_sql.driver.progress import StageEnd
    from share_sql.schema.model import Schema
    from share_sql.stages.state import State
    from share_sql.trajectory.nodes import Trajectory


def correct_answer(state: State) -> CorrectAnswer:
    """The answer to a draft that was corrected with `inspect`."""
    assert state.correction is not None, "the judge always leaves a correction"
    correction = discreet(state.correction)
    before, after = mark_changes(correction.draft, correction.sql)
    return CorrectAnswer.model_validate(
        {
            **correction_row(correction),
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
    before = state.trajectory
    after = before if state.correction.sql == state.sql else _trajectory(state.correction.sql, state.schema)
    return TrajectoryPair(
        before=write(before) if before is not None else None,
        after=write(after) if after is not None else None,
        actions=[
            ActionItem(kind=each.kind, step=each.step, before=each.before, after=each.after)
            for each in (diff(before, after) if before is not None and after is not None else ())
        ],
    )


def _trajectory(sql: str, schema: Schema) -> Trajectory | None:
    """A query's trajectory; None for what has none, as SQL that cannot be read."""
    try:
        return from_sql(sql, schema)
    except ShareError:
        return None


def stage_event(ended: StageEnd) -> StageEvent:
    """A stage that ended, with the trajectory or the candidates that it made."""
    made = {
        "bam": ended.state.trajectory,
        "mask": ended.state.masked,
        "sam": ended.state.filled,
        "lom": ended.state.final,
    }.get(ended.stage)
    return StageEvent(
        stage=ended.stage,
        seconds=round(ended.seconds, 6),
        text="; ".join(note.text for note in ended.notes),
        error=next(
            (AWAY if note.cause == "database" else note.error for note in ended.notes if note.error), None
        ),
        lines=write(made).splitlines() if made is not None else [],
    )


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
