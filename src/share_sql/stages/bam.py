"""bam: the draft becomes a trajectory (base action model; SHARE, section 3.2).

Symbolic by default: the SQL's syntax tree is walked into actions, exactly. With a model for the role,
its answer is read instead.
"""

from __future__ import annotations

from dataclasses import replace

from share_sql.errors import ModelError
from share_sql.prompts.render import bam_variables
from share_sql.query.examined import Examined
from share_sql.requests import Steps
from share_sql.stages.asking import ask, lost, noted, read_answer
from share_sql.stages.state import State
from share_sql.trajectory.nodes import Trajectory


def bam(state: State) -> Steps[State]:
    """Link the draft's columns and write it as a trajectory."""
    if state.draft is None:
        return state
    query = state.draft.query
    trajectory: Trajectory | Exception | None = query.unreadable
    if isinstance(query, Examined):
        trajectory = query.trajectory
        state = replace(state, linked=query.binding.columns)
    if isinstance(trajectory, Trajectory):
        state = replace(state, trajectory=trajectory)
        note = noted(state, "bam", f"{len(trajectory.steps)} steps read from the draft's syntax tree")
    else:
        note = noted(state, "bam", "the draft could not be written as a trajectory", error=str(trajectory))
    if "bam" not in state.plan.roles:
        return note
    try:
        state, reply = yield from ask(state, "bam", bam_variables(query.sql, state.linked, state.schema))
        answered = read_answer(state, reply)
    except ModelError as error:
        return lost(state, "bam", "bam", "the model's trajectory is not used", error)
    return noted(replace(state, trajectory=answered), "bam", f"{len(answered.steps)} steps by {reply.model}")
