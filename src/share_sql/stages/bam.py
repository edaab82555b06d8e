"""bam: the draft becomes a trajectory (base action model; SHARE, section 3.2).

Symbolic by default: the SQL's syntax tree is walked into actions, exactly. With a model for the role,
its answer is read instead.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from share_sql.errors import ModelError, SqlError, TrajectoryError
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import ask, noted, read_answer
from share_sql.stages.stage import Request, Response, State


def bam(state: State) -> Generator[Request, Response, State]:
    """Take the SQL out of the draft, link its columns, and write it as a trajectory."""
    from share_sql.prompts.render import bam_variables
    from share_sql.sql.names import linked_columns
    from share_sql.trajectory.from_sql import from_sql

    try:
        state = replace(state, sql=extract_sql(state.case.draft))
    except SqlError as error:
        return noted(state, "bam", "the draft is no SQL", error=str(error))
    try:
        state = replace(state, linked=linked_columns(state.sql, state.schema))
        trajectory = from_sql(state.sql, state.schema)
        state = replace(state, trajectory=trajectory)
        note = noted(state, "bam", f"{len(trajectory.steps)} steps read from the draft's syntax tree")
    except (SqlError, TrajectoryError) as error:
        note = noted(state, "bam", "the draft could not be written as a trajectory", error=str(error))
    if "bam" not in state.plan.roles:
        return note
    try:
        state, reply = yield from ask(state, "bam", bam_variables(state.sql, state.linked, state.schema))
        trajectory = read_answer(state, reply.text)
    except (ModelError, TrajectoryError) as error:
        return noted(state, "bam", "the model's trajectory is not used", error=str(error))
    return noted(
        replace(state, trajectory=trajectory), "bam", f"{len(trajectory.steps)} steps by {reply.model}"
    )
