"""What stages that ask a model share: render the prompt, ask, keep prompt, answer and usage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql import requests
from share_sql.case import ModelFailure, StepNote
from share_sql.errors import (
    AnswerSkipped,
    AnswerUnusable,
    ModelError,
    PromptError,
    QueryError,
    TrajectoryUnreadable,
)
from share_sql.models.base import Message, ModelReply, ModelRequest, Usage
from share_sql.query.change_text import Stored, examples_sql
from share_sql.requests import Steps
from share_sql.schema.model import ColumnName
from share_sql.stages.state import State

if TYPE_CHECKING:
    from share_sql.trajectory.nodes import Trajectory


TEMPERATURE = 0.7
"""Of sampled answers: high enough that they differ, low enough that most are sensible."""


def ask(
    state: State,
    role: str,
    variables: dict[str, str],
    *,
    grammar: str | None = None,
    json_schema: str | None = None,
    samples: int = 1,
    max_tokens: int = ModelRequest.max_tokens,
) -> Steps[tuple[State, ModelReply]]:
    """Ask the model of a role and note prompt, answer and tokens in the state.

    A model that can keep its answer to a `grammar` or `json_schema` does so. Of several `samples` the first
    is the model's likeliest answer, and the one that is noted.

    Raises:
        PromptError: the prompt does not fit its variables.
        ModelError: the model gave no answer.
    """
    messages = render(state, role, variables)
    greedy = ModelRequest(role, state.case.id, messages, max_tokens, grammar=grammar, json_schema=json_schema)
    asked = [greedy]
    if samples > 1:
        asked.append(replace(greedy, temperature=TEMPERATURE, samples=samples - 1))
    replies = yield from requests.ask_all(tuple(asked))
    answers = tuple(answer for each in replies for answer in each.answers)[:samples]
    reply = replace(replies[0], answers=answers) if samples > 1 else replies[0]
    prompts = {**state.prompts, role: messages[-1].content}
    texts = {**state.texts, role: reply.text}
    return replace(spent(state, role, replies), prompts=prompts, texts=texts), reply


def ask_drawn(
    state: State, role: str, variables: dict[str, str], samples: int, max_tokens: int
) -> Steps[tuple[State, ModelReply]]:
    """Ask for drawn answers alone, after the likeliest was had. Raises as `ask`."""
    messages = render(state, role, variables)
    request = ModelRequest(role, state.case.id, messages, max_tokens, TEMPERATURE, samples)
    replies = yield from requests.ask_all((request,))
    return spent(state, role, replies), replies[0]


def render(state: State, role: str, variables: dict[str, str]) -> tuple[Message, ...]:
    """The prompt of a role. Raises PromptError."""
    if state.plan.prompts is None:
        raise PromptError(f"no prompt set is loaded, so {role} cannot be asked")
    return state.plan.prompts.render(role, **variables)


def stored_examples(state: State, names: Iterable[ColumnName]) -> Steps[Stored]:
    """Examples of what columns store, for a prompt that tells them; what cannot be read is left out."""
    found: dict[ColumnName, list[object]] = {}
    for name in names:
        outcome = yield from requests.query(examples_sql(name, state.schema))
        if not isinstance(outcome, QueryError):
            found[name] = [row[0] for row in outcome.rows]
    return found


def spent(state: State, role: str, replies: list[ModelReply]) -> State:
    """The state with the replies' tokens counted."""
    total = sum((reply.usage for reply in replies), state.usage.get(role, Usage()))
    return replace(state, usage={**state.usage, role: total})


def read_answer(state: State, reply: ModelReply, number: int = 0) -> Trajectory:
    """Read a model's trajectory with the schema's names at hand; `number` counts its answers.

    Raises:
        AnswerUnusable: there is no trajectory in the answer.
    """
    from share_sql.trajectory.read import read

    names = [ColumnName(table.name, column.name) for table, column in state.schema.columns()]
    try:
        trajectory = read(reply.answers[number].text, names).trajectory
    except TrajectoryUnreadable as error:
        raise AnswerUnusable(f"{reply.model}: {error}{cut_off(reply, number)}") from None
    if not trajectory.steps:
        raise AnswerUnusable(f"{reply.model}: the answer holds no trajectory{cut_off(reply, number)}")
    return trajectory


def cut_off(reply: ModelReply, number: int = 0) -> str:
    """What to say of an answer that its model could not end; empty for any other."""
    return " (cut off at its longest length)" if reply.answers[number].finish == "length" else ""


def lost(state: State, stage: str, role: str, text: str, error: ModelError) -> State:
    """The state with a model's failure: as a step note, as data, and what its tries cost."""
    if error.spent:
        total = state.usage.get(role, Usage()) + Usage(**error.spent)
        state = replace(state, usage={**state.usage, role: total})
        error.spent = {}  # the error is raised again for the next model at the same server
    if isinstance(error, AnswerSkipped):
        return noted(state, stage, text, error=str(error))
    failure = ModelFailure(role, error.cause, str(error), error.loses)
    return noted(replace(state, failures=(*state.failures, failure)), stage, text, error=str(error))


def noted(state: State, stage: str, text: str, error: str | None = None, cause: str | None = None) -> State:
    """The state with one more step note; see `case.StepNote`."""
    return replace(state, steps=(*state.steps, StepNote(stage, text, error=error, cause=cause)))
