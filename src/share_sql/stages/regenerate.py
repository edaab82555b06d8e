"""regenerate: SQL is written again; each result is a candidate for the judge.

Three roads, each open where its inputs are there: symbolic repairs of the draft itself, the final
trajectory compiled without a model, and a generator (any chat model; SHARE, section 3.5).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from share_sql.errors import CompileError, ModelError, SqlError
from share_sql.prompts.render import generator_variables
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import ask, noted
from share_sql.stages.repair import repair
from share_sql.stages.stage import Candidate, Request, Response, State
from share_sql.stages.weigh import weigh
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.trajectory.nodes import Trajectory


def regenerate(state: State) -> Generator[Request, Response, State]:
    """Collect candidates: repaired, compiled, generated."""
    if state.sql:
        repaired = yield from repair(state)
        state = replace(state, candidates=(*state.candidates, *repaired))
    for rewritten in _rewritten(state):
        try:
            hint = f"{state.case.question} {state.case.evidence}"
            sql = to_sql(rewritten, state.schema, hint=hint, guess=True)
            state = replace(state, candidates=(*state.candidates, Candidate(sql, "compile")))
        except CompileError as error:
            state = noted(state, "regenerate", "the trajectory is not compiled", error=str(error))
    if "generator" in state.plan.roles:
        state = yield from _generate(state)
    if state.plan.policy == "gated":
        state = yield from _repair_candidates(state)
        state = yield from weigh(state)
    return noted(state, "regenerate", f"{len(state.candidates)} candidates")


def _rewritten(state: State) -> list[Trajectory]:
    """The trajectories to compile: the final one, the paper's choice, last.

    A scorer tells whether a rewrite is better, so it gets sam's too; one that leaves the draft's trajectory
    as it is has nothing to offer it.
    """
    written = [each for each in (state.final, state.filled) if each is not None]
    if "scorer" not in state.plan.roles or state.plan.policy != "gated":
        return written[:1]
    seen = {write(state.trajectory, "paper")} if state.trajectory else set()
    found = []
    for trajectory in written:
        text = write(trajectory, "paper")
        if text not in seen:
            seen.add(text)
            found.append(trajectory)
    return found[::-1]


def _repair_candidates(state: State) -> Generator[Request, Response, State]:
    """Rewritten SQL has the same kinds of fault as drafts have; mend what can be proved in it too.

    The policies `always` and `errors` leave candidates as their makers wrote them, as the paper does.
    """
    mended = []
    for candidate in state.candidates:
        if candidate.origin != "repair":
            repaired = yield from repair(replace(state, sql=candidate.sql))
            if repaired:
                note = f"from {candidate.origin}, mended: {repaired[0].note}"
                candidate = replace(candidate, sql=repaired[0].sql, note=note)
        mended.append(candidate)
    return replace(state, candidates=tuple(mended))


def _generate(state: State) -> Generator[Request, Response, State]:
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
        return noted(state, "regenerate", "no SQL was generated", error=str(error))
    candidates = list(state.candidates)
    for answer in reply.answers:
        try:
            candidates.append(Candidate(extract_sql(answer.text), "generator"))
        except SqlError as error:
            state = noted(state, "regenerate", "an answer of the generator is no SQL", error=str(error))
    return replace(state, candidates=tuple(candidates))
