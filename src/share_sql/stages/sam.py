"""sam: the masked trajectory is filled over the whole schema (schema augmentation model; SHARE, 3.3).

The augmented schema is the draft's columns together with the columns of the filled trajectory.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from share_sql.errors import ModelError, TrajectoryError
from share_sql.prompts.render import sam_variables
from share_sql.schema.model import ColumnName, Schema
from share_sql.stages.asking import ask, noted, read_answer
from share_sql.stages.stage import Request, Response, State
from share_sql.trajectory.columns import columns
from share_sql.trajectory.write import write


def sam(state: State) -> Generator[Request, Response, State]:
    """Fill the masks; without a model the trajectory stays as it is."""
    state = replace(state, augmented=state.linked)
    if "sam" not in state.plan.roles or not state.sql:
        return state
    variables = sam_variables(
        state.linked,
        state.schema,
        question=state.case.question,
        evidence=state.case.evidence,
        masked_trajectory=write(state.masked, "paper") if state.masked else "",
    )
    try:
        state, reply = yield from ask(state, "sam", variables, grammar=_grammar(state))
        if reply.columns is not None:
            named = _known(reply.columns, state.schema)
            return noted(
                replace(state, augmented=state.linked | named), "sam", f"{len(named)} columns as recorded"
            )
        filled = read_answer(state, reply.text)
    except (ModelError, TrajectoryError) as error:
        return noted(state, "sam", "the schema is not augmented", error=str(error))
    added = columns(filled, state.schema)
    state = replace(state, filled=filled, augmented=state.linked | added)
    return noted(state, "sam", f"{len(added - state.linked)} columns added by {reply.model}")


def _grammar(state: State) -> str | None:
    """What a model that can be held to a grammar may answer: a trajectory over the schema's own columns."""
    if "sam" not in state.plan.held:
        return None
    from share_sql.trajectory.grammar import output_names, trajectory_grammar

    return trajectory_grammar(state.schema, output_names(state.trajectory))


def _known(names: tuple[str, ...], schema: Schema) -> frozenset[ColumnName]:
    """Those of the texts `table.column` that the schema has, in the schema's spelling."""
    known = {
        f"{table.name}.{column.name}".lower(): ColumnName(table.name, column.name)
        for table, column in schema.columns()
    }
    return frozenset(known[name.lower()] for name in names if name.lower() in known)
