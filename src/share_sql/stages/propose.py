"""propose: guessed changes become candidates, and those that are worth a question to the scorer are marked.

The changes start from the draft's repair where there is one, else from the draft.
"""

from __future__ import annotations

from dataclasses import replace

from share_sql.edits.guesses import single_edits
from share_sql.judgement.features import loses_constants
from share_sql.query.change_text import alike, query_text
from share_sql.query.examined import Examined, Ran
from share_sql.requests import Steps
from share_sql.stages.policies import may_win
from share_sql.stages.state import Candidate, State

MOST_ASKED = 14
"""Candidates that the scorer is asked about in one case; each costs a CPU some fifty milliseconds."""


def propose(state: State) -> Steps[State]:
    """Add guessed changes of the kinds that the weights name, where there is a scorer."""
    best = state.repaired or state.draft
    # Where it does not run there is nothing to lose, and nothing that a change could start from.
    if not state.plan.scores or best is None or not best.query.runs or not isinstance(best.query, Examined):
        return state
    start, kinds = best.query, state.plan.weights.guesses
    if not state.plan.weighs_scores:
        return _marked(state, best)
    candidates: list[Candidate] = []
    seen: set[str] = set()
    for candidate in state.candidates:
        rewritten = candidate.origin not in ("draft", "repair", "drafter") and candidate.sql not in seen
        if rewritten and len(seen) < MOST_ASKED and is_worth_asking(start, candidate.query):
            seen.add(candidate.sql)
            candidate = replace(candidate, worth_asking=True)
        candidates.append(candidate)
    for edit in single_edits(start) if kinds else ():
        if len(seen) == MOST_ASKED:
            break
        sql = start.text(edit.tree)
        if edit.kind in kinds and sql not in seen:
            query = yield from state.examiner.examine(sql)
            if is_worth_asking(start, query):
                seen.add(sql)
                candidates.append(Candidate(query, "edit", edit.message, kind=edit.kind, worth_asking=True))
    return replace(state, candidates=tuple(candidates))


def _marked(state: State, best: Candidate) -> State:
    """The state for a scorer that the weights were not fitted on: it is asked about what would win without a
    scorer, and no change is guessed for it."""
    candidates = (
        replace(each, worth_asking=each.origin != "draft" and may_win(state, best, each))
        for each in state.candidates
    )
    return replace(state, candidates=tuple(candidates))


def is_worth_asking(start: Examined, query: Ran) -> bool:
    """Whether a candidate runs, gives other rows, brings no finding, keeps the constants that the question
    spells out, and has enough in common with the query that it may replace."""
    return (
        isinstance(query, Examined)
        and query.runs
        and query.rows != start.rows
        and query.kinds <= start.kinds
        and not loses_constants(start, query)
        and alike(query_text(start), query_text(query))
    )
