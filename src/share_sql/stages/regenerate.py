"""regenerate: SQL is written again; each result is a candidate.

Two roads, each open where its inputs are there: a trajectory compiled without a model, and a generator (any
chat model; SHARE, section 3.5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.errors import AnswerUnusable, CompileError, ModelError, SqlError
from share_sql.prompts.render import generator_variables
from share_sql.requests import Steps
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import ask, cut_off, lost, noted
from share_sql.stages.state import Candidate, State
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.trajectory.nodes import Trajectory


def regenerate(state: State) -> Steps[State]:
    """Add candidates: compiled, generated."""
    for trajectory in _rewritten(state):
        try:
            hint = f"{state.case.question} {state.case.evidence}"
            sql = to_sql(trajectory, state.schema, hint=hint, guess=True)
        except CompileError as error:
            state = noted(state, "regenerate", "the trajectory is not compiled", error=str(error))
        else:
            state = yield from _added(state, sql, "compile")
    if "generator" in state.plan.roles:
        state = yield from _generate(state)
    return state


def _rewritten(state: State) -> list[Trajectory]:
    """The trajectories to compile: the final one, the paper's choice, last.

    A scorer says whether a rewrite is better, so it gets sam's too; one that leaves the draft's trajectory
    as it is has nothing to offer it.
    """
    written = [each for each in (state.final, state.filled) if each is not None]
    if not state.plan.scores:
        return written[:1]
    seen = {write(state.trajectory, "paper")} if state.trajectory else set()
    found = []
    for trajectory in written:
        text = write(trajectory, "paper")
        if text not in seen:
            seen.add(text)
            found.append(trajectory)
    return found[::-1]


def _generate(state: State) -> Steps[State]:
    trajectory = state.final or state.filled or state.trajectory
    variables = generator_variables(
        state.augmented,
        state.schema,
        question=state.case.question,
        evidence=state.case.evidence,
        trajectory=write(trajectory, "paper") if trajectory else "",
    )
    try:
        state, reply = yield from ask(state, "generator", variables)
    except ModelError as error:
        return lost(state, "regenerate", "generator", "no SQL was generated", error)
    unread: list[str] = []
    for answer in reply.answers:
        try:
            state = yield from _added(state, extract_sql(answer.text), "generator")
        except SqlError as error:
            unread.append(str(error))
    if len(unread) == len(reply.answers):
        unusable = AnswerUnusable(f"{reply.model}: {unread[0]}{cut_off(reply)}")
        return lost(state, "regenerate", "generator", "no answer of the generator is SQL", unusable)
    for why in unread:
        state = noted(state, "regenerate", "an answer of the generator is no SQL", error=why)
    return state


def _added(state: State, sql: str, origin: str) -> Steps[State]:
    query = yield from state.examiner.examine(sql)
    return replace(state, candidates=(*state.candidates, Candidate(query, origin)))
