"""lom: the trajectory's logic is mended (logic optimisation model; SHARE, section 3.4)."""

from __future__ import annotations

from dataclasses import replace

from share_sql.errors import ModelError
from share_sql.prompts.render import lom_variables
from share_sql.requests import Steps
from share_sql.stages.asking import ask, lost, noted, read_answer
from share_sql.stages.state import State
from share_sql.trajectory.write import write


def lom(state: State) -> Steps[State]:
    """Ask for the final trajectory over the augmented schema; nothing to do without a model."""
    start = state.filled or state.trajectory
    if "lom" not in state.plan.roles or state.draft is None:
        return state
    variables = lom_variables(
        state.augmented,
        state.schema,
        question=state.case.question,
        evidence=state.case.evidence,
        trajectory=write(start, "paper") if start else "",
    )
    try:
        state, reply = yield from ask(state, "lom", variables)
        final = read_answer(state, reply)
    except ModelError as error:
        return lost(state, "lom", "lom", "the logic is left as it was", error)
    return noted(
        replace(state, final=final), "lom", f"final trajectory of {len(final.steps)} steps by {reply.model}"
    )
