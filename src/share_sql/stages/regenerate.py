"""regenerate: SQL is written again; each result is a candidate.

Two roads, each open where its inputs are there: a trajectory compiled without a model, and a generator (any
chat model; SHARE, section 3.5). Where a model was asked for several samples, each different SQL is a
candidate, with the number of samples that agree on it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.errors import AnswerUnusable, CompileError, ModelError, SqlError
from share_sql.prompts.render import generator_variables
from share_sql.query.outcome import rows_hash
from share_sql.requests import Steps
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import ask, cut_off, lost, noted
from share_sql.stages.policies import normal
from share_sql.stages.state import Candidate, State
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.query.examined import Ran
    from share_sql.trajectory.nodes import Trajectory


def regenerate(state: State) -> Steps[State]:
    """Add candidates: compiled, generated."""
    for group in _rewritten(state):
        state = yield from _compile(state, group)
    if "generator" in state.plan.roles:
        state = yield from _generate(state)
    return state


def _rewritten(state: State) -> list[list[Trajectory]]:
    """The trajectories to compile, in groups: lom's samples, of which one mostly is all, come last.

    A scorer says whether a rewrite is better, so it gets sam's too; one that leaves the draft's trajectory
    as it is has nothing to offer it.
    """
    finals = list(state.samples) or ([state.final] if state.final is not None else [])
    filled = [state.filled] if state.filled is not None else []
    if not state.plan.weighs_scores:
        return [finals or filled]
    draft = {write(state.trajectory, "paper")} if state.trajectory else set()
    written = {write(each, "paper") for each in finals}
    filled = [each for each in filled if write(each, "paper") not in draft | written]
    return [filled, [each for each in finals if write(each, "paper") not in draft]]


def _compile(state: State, trajectories: list[Trajectory]) -> Steps[State]:
    """Add what the trajectories of one model compile to."""
    hint = f"{state.case.question} {state.case.evidence}"
    texts: list[str] = []
    failed: list[str] = []
    for trajectory in trajectories:
        try:
            texts.append(to_sql(trajectory, state.schema, hint=hint, guess=True))
        except CompileError as error:
            failed.append(str(error))
    for why in dict.fromkeys(failed):
        state = noted(state, "regenerate", "the trajectory is not compiled", error=why)
    return (yield from _added(state, texts, "compile"))


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
        samples = state.plan.samples.get("generator", 1)
        state, reply = yield from ask(state, "generator", variables, samples=samples)
    except ModelError as error:
        return lost(state, "regenerate", "generator", "no SQL was generated", error)
    texts: list[str] = []
    unread: list[str] = []
    for answer in reply.answers:
        try:
            texts.append(extract_sql(answer.text))
        except SqlError as error:
            unread.append(str(error))
    state = yield from _added(state, texts, "generator")
    if len(unread) == len(reply.answers):
        unusable = AnswerUnusable(f"{reply.model}: {unread[0]}{cut_off(reply)}")
        return lost(state, "regenerate", "generator", "no answer of the generator is SQL", unusable)
    for why in unread:
        state = noted(state, "regenerate", "an answer of the generator is no SQL", error=why)
    return state


def _added(state: State, texts: list[str], origin: str) -> Steps[State]:
    """Add a candidate for each different SQL of one model's samples, with its votes.

    The one that most agree on comes last, where `always` finds it; of equals the model's first.
    """
    if not texts:
        return state
    counts = Counter(map(normal, texts))
    first: dict[str, str] = {}
    for sql in texts:
        first.setdefault(normal(sql), sql)
    queries: list[Ran] = []
    for sql in reversed(first.values()):
        query = yield from state.examiner.examine(sql)
        queries.append(query)
    own = [counts[normal(query.sql)] for query in queries]
    # Queries that find nothing agree by chance.
    hashes = [rows_hash(query.outcome, ordered=False) if query.rows else None for query in queries]
    alike: Counter[str] = Counter()
    for rows, count in zip(hashes, own, strict=True):
        if rows is not None:
            alike[rows] += count
    votes = [count if rows is None else alike[rows] for rows, count in zip(hashes, own, strict=True)]
    found = [Candidate(query, origin, votes=each) for query, each in zip(queries, votes, strict=True)]
    return replace(state, candidates=(*state.candidates, *sorted(found, key=lambda each: each.votes)))
