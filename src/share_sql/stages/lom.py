"""lom: the trajectory's logic is mended (logic optimisation model; SHARE, section 3.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.errors import AnswerUnusable, ModelError
from share_sql.models.base import ModelReply
from share_sql.prompts.render import lom_variables
from share_sql.requests import Steps
from share_sql.stages.asking import ask, lost, noted, read_answer
from share_sql.stages.state import State
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.trajectory.nodes import Trajectory


def lom(state: State) -> Steps[State]:
    """Ask for the final trajectory over the augmented schema; nothing to do without a model.

    Where the model is asked for several samples, the first that can be read is final. All are compiled.
    """
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
        state, reply = yield from ask(state, "lom", variables, samples=state.plan.samples.get("lom", 1))
        finals = _read(state, reply)
    except ModelError as error:
        return lost(state, "lom", "lom", "the logic is left as it was", error)
    did = f"final trajectory of {len(finals[0].steps)} steps by {reply.model}"
    if len(reply.answers) > 1:
        did += f", the first of {len(finals)} samples"
    return noted(replace(state, final=finals[0], samples=finals), "lom", did)


def _read(state: State, reply: ModelReply) -> tuple[Trajectory, ...]:
    """The answers that are trajectories, in order. Raises the first one's AnswerUnusable where none is."""
    found, unusable = [], []
    for number in range(len(reply.answers)):
        try:
            found.append(read_answer(state, reply, number))
        except AnswerUnusable as error:
            unusable.append(error)
    if not found:
        raise unusable[0]
    return tuple(found)
