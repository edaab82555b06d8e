"""What stages that ask a model share: render the prompt, ask, keep prompt, answer and usage."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.case import StepNote
from share_sql.errors import PromptError, TrajectoryUnreadable
from share_sql.models.base import ModelReply, ModelRequest, Usage
from share_sql.stages.stage import Ask, Request, Response, State

if TYPE_CHECKING:
    from share_sql.trajectory.nodes import Trajectory


def ask(
    state: State, role: str, variables: dict[str, str], samples: int = 1, grammar: str | None = None
) -> Generator[Request, Response, tuple[State, ModelReply]]:
    """Ask the model of a role and note prompt, answer and tokens in the state.

    A `grammar` is what the answer is held to, where the model can be.

    Raises:
        PromptError: the prompt does not fit its variables.
        ModelError: the model gave no answer.
    """
    if state.plan.prompts is None:
        raise PromptError(f"no prompt set is loaded, so {role} cannot be asked")
    messages = state.plan.prompts.render(role, **variables)
    request = ModelRequest(
        role=role,
        case_id=state.case.id,
        messages=messages,
        samples=samples,
        grammar=grammar,
    )
    reply = yield Ask(request)
    assert isinstance(reply, ModelReply)
    usage = {**state.usage, role: state.usage.get(role, Usage()) + reply.usage}
    prompts = {**state.prompts, role: messages[-1].content}
    texts = {**state.texts, role: reply.text}
    return replace(state, usage=usage, prompts=prompts, texts=texts), reply


def read_answer(state: State, text: str) -> Trajectory:
    """Read a model's trajectory with the schema's names at hand.

    Raises:
        TrajectoryUnreadable: there is no trajectory in the answer.
    """
    from share_sql.schema.model import ColumnName
    from share_sql.trajectory.read import read

    names = [ColumnName(table.name, column.name) for table, column in state.schema.columns()]
    trajectory = read(text, names).trajectory
    if not trajectory.steps:
        raise TrajectoryUnreadable("the model's answer holds no trajectory")
    return trajectory


def noted(state: State, stage: str, text: str, error: str | None = None) -> State:
    """The state with one more step note."""
    return replace(state, steps=(*state.steps, StepNote(stage, text, error=error)))
