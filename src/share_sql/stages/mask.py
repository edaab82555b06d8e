"""mask: schema names are taken out of the trajectory, so that SAM fills them afresh (SHARE, 3.3)."""

from __future__ import annotations

from dataclasses import replace

from share_sql.errors import ModelError
from share_sql.prompts.render import mask_variables
from share_sql.requests import Steps
from share_sql.stages.asking import ask, lost, read_answer
from share_sql.stages.state import State
from share_sql.trajectory.mask import mask as mask_trajectory
from share_sql.trajectory.write import write


def mask(state: State) -> Steps[State]:
    """Mask the trajectory: exactly by default, or by a model where the role is set."""
    if state.trajectory is None:
        return state
    masked = mask_trajectory(state.trajectory, state.schema)
    if "mask" in state.plan.roles:
        try:
            state, reply = yield from ask(state, "mask", mask_variables(write(state.trajectory, "paper")))
            masked = read_answer(state, reply)
        except ModelError as error:
            state = lost(state, "mask", "mask", "masked symbolically instead", error)
    return replace(state, masked=masked)
