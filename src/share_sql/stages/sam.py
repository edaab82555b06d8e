"""sam: the masked trajectory is filled over the whole schema (schema augmentation model; SHARE, 3.3).

The augmented schema is the draft's columns together with the columns of the filled trajectory. An answer that
lists columns augments the schema and gives no trajectory.
"""

from __future__ import annotations

import json
from dataclasses import replace

from share_sql.errors import AnswerUnusable, ModelError
from share_sql.models.base import ModelReply
from share_sql.prompts.render import sam_variables
from share_sql.requests import Steps
from share_sql.schema.model import ColumnName, ColumnSet, Schema
from share_sql.stages.asking import ask, lost, noted, read_answer
from share_sql.stages.state import State
from share_sql.trajectory.columns import columns, unknown_columns
from share_sql.trajectory.grammar import filled_in, filling_grammar, filling_schema
from share_sql.trajectory.write import write


def sam(state: State) -> Steps[State]:
    """Fill the masks; without a model the trajectory stays as it is."""
    state = replace(state, augmented=state.linked)
    if "sam" not in state.plan.roles or state.draft is None:
        return state
    variables = sam_variables(
        state.linked,
        state.schema,
        question=state.case.question,
        evidence=state.case.evidence,
        masked_trajectory=write(state.masked, "paper") if state.masked else "",
    )
    try:
        state, reply = yield from ask(state, "sam", variables)
        listed = _listed(reply.text, state.schema)
        asks_again = "sam" in state.plan.constrained and state.masked is not None
        if asks_again and listed is None and not _is_filled(state, reply):
            # Free answers may mend more than names; one that names what the schema lacks is asked for again,
            # with a grammar of the schema, or its JSON schema.
            masked = variables["masked_trajectory"]
            grammar, form = filling_grammar(masked, state.schema), filling_schema(masked, state.schema)
            state, reply = yield from ask(state, "sam", variables, grammar=grammar, json_schema=form)
            state, reply = _as_trajectory(state, masked, reply)
        if listed is not None:
            state = replace(state, augmented=state.linked | listed)
            return noted(state, "sam", f"{len(listed)} columns listed by {reply.model}, and no trajectory")
        filled = read_answer(state, reply)
    except ModelError as error:
        return lost(state, "sam", "sam", "the schema is not augmented", error)
    added = columns(filled, state.schema)
    state = replace(state, filled=filled, augmented=state.linked | added)
    return noted(state, "sam", f"{len(added - state.linked)} columns added by {reply.model}")


def _as_trajectory(state: State, masked: str, reply: ModelReply) -> tuple[State, ModelReply]:
    """An answer in JSON as the trajectory it stands for, so that it is kept as other models write it."""
    text = filled_in(masked, reply.text)
    if text is None:
        return state, reply
    first = replace(reply.answers[0], text=text)
    return replace(state, texts={**state.texts, "sam": text}), replace(reply, answers=(first,))


def _is_filled(state: State, reply: ModelReply) -> bool:
    """Whether an answer is a trajectory that names no column but the schema's."""
    try:
        return not unknown_columns(read_answer(state, reply), state.schema)
    except AnswerUnusable:
        return False


def _listed(text: str, schema: Schema) -> ColumnSet | None:
    """The schema's columns that an answer lists as JSON, `["table.column", …]`; None for any other answer."""
    if not text.lstrip().startswith("["):
        return None
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    wanted = {name.lower() for name in names}
    known = (ColumnName(table.name, column.name) for table, column in schema.columns())
    return frozenset(name for name in known if str(name).lower() in wanted)
