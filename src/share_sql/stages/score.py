"""score: the scorer says how likely each candidate is the better one, asked both ways.

Asked both ways, what the scorer thinks of every change cancels out.
"""

from __future__ import annotations

import math
from dataclasses import replace

from share_sql.errors import AnswerUnusable, ModelError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.query.change_text import Stored, concerned, scorer_variables
from share_sql.query.examined import Ran
from share_sql.requests import Steps, ask_all
from share_sql.stages.asking import lost, noted, render, spent, stored_examples
from share_sql.stages.policies import speaks_against
from share_sql.stages.state import State

KEPT_EDITS = 3
"""Guessed changes that are asked about the way back too, the likeliest ones."""
LEAST_FORTH = -3.0
"""Log-odds below which a candidate is given up without asking about the way back: nine in ten are."""
_LARGEST = 12.0
"""Bound on a score: beyond it a probability in 32 bits is 0 or 1."""


def score(state: State) -> Steps[State]:
    """Score the candidates that are worth asking about."""
    best = state.repaired or state.draft
    asked = [each for each in state.candidates if each.worth_asking]
    if best is None or not asked:
        return state
    try:
        stored = yield from _stored(state, [best.query, *(each.query for each in asked)])
        state, forth = yield from _scores(state, [(best.query, each.query) for each in asked], stored)
        likely = sorted(zip(forth, asked, strict=True), key=lambda entry: -entry[0])
        likely = [(odds, each) for odds, each in likely if odds >= LEAST_FORTH]
        edits = [(odds, each) for odds, each in likely if each.origin == "edit"][:KEPT_EDITS]
        chosen = [*((odds, each) for odds, each in likely if each.origin != "edit"), *edits]
        state, back = yield from _scores(state, [(each.query, best.query) for _, each in chosen], stored)
    except ModelError as error:
        return lost(state, "score", "scorer", "candidates are not scored", error)
    scored = {id(each): replace(each, forth=odds) for odds, each in zip(forth, asked, strict=True)}
    scored |= {
        id(each): replace(each, score=odds - other, forth=odds)
        for (odds, each), other in zip(chosen, back, strict=True)
    }
    if not state.plan.weighs_scores:
        against = sum(speaks_against(each) for each in scored.values())
        state = noted(
            state, "score",
            f"the weights were not fitted on this scorer, so it can only speak against a candidate: "
            f"against {against} of {len(scored)}",
        )  # fmt: skip
    return replace(state, candidates=tuple(scored.get(id(each), each) for each in state.candidates))


def _stored(state: State, queries: list[Ran]) -> Steps[Stored]:
    """Examples of what the queries' columns store, where the prompt tells them."""
    if state.plan.prompts is None:
        return {}
    if "changed_columns" not in state.plan.prompts.template("scorer").variables:
        return {}
    names = dict.fromkeys(name for each in queries for name in concerned(queries[0], each))
    return (yield from stored_examples(state, names))


def _scores(state: State, changes: list[tuple[Ran, Ran]], stored: Stored) -> Steps[tuple[State, list[float]]]:
    """Ask about all changes, from one query to another, at once. Raises ModelError."""
    if not changes:
        return state, []
    asked = (state.case.question, state.case.evidence)
    requests = []
    for old, new in changes:
        messages = render(state, "scorer", scorer_variables(asked, old, new, state.schema, stored))
        requests.append(ModelRequest("scorer", state.case.id, messages, max_tokens=1, logprobs=True))
    replies = yield from ask_all(tuple(requests))
    if not any(_said(reply).startswith(("yes", "no")) for reply in replies):
        raise AnswerUnusable(f"{replies[0].model}: the answers say neither yes nor no")
    return spent(state, "scorer", replies), [log_odds(reply) for reply in replies]


def log_odds(reply: ModelReply) -> float:
    """Natural log-odds of yes, from the probability of the one word that was answered.

    A model that gives no probabilities counts as nearly sure.
    """
    answer = reply.answers[0]
    said = _said(reply)
    if not said.startswith(("yes", "no")):
        return -_LARGEST
    share = math.exp(answer.logprob) if answer.logprob is not None else 0.95
    share = min(max(share, 1e-9), 1 - 1e-9)
    odds = max(-_LARGEST, min(_LARGEST, math.log(share / (1 - share))))
    return odds if said.startswith("yes") else -odds


def _said(reply: ModelReply) -> str:
    return reply.text.strip().lower()
