"""redraft: a model that does not see the draft answers the question too.

Where its rows are the draft's, the draft is seldom wrong; where most of its answers agree on other rows, they
are evidence for another query. It is evidence because it is independent: neither the draft nor its columns
are in the prompt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from share_sql.errors import AnswerUnusable, ModelError, SqlError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.prompts.render import drafter_variables
from share_sql.query.narrow import narrowed
from share_sql.requests import Steps, ask_all, look_up
from share_sql.schema.model import ValueMatch
from share_sql.schema.spoken import phrases, spoken_values
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import cut_off, lost, noted, render, spent
from share_sql.stages.state import Candidate, State

TEMPERATURE = 0.8
"""Of the answers beside the likeliest one, where the model is asked for several."""
LONGEST = 256
"""Tokens of an answer; the longest gold of Spider and BIRD takes about 200."""


def redraft(state: State) -> Steps[State]:
    """Ask the drafter for answers of its own; nothing to do without one, or where candidates are not
    weighed."""
    if "drafter" not in state.plan.roles or not state.plan.policy.weighs or state.draft is None:
        return state
    asked = phrases(state.case.question)
    stored: dict[str, tuple[ValueMatch, ...]] = {}
    for phrase in asked:
        stored[phrase] = yield from look_up(phrase)
    values = spoken_values(asked, stored.__getitem__)
    variables = drafter_variables(
        narrowed(state.schema, f"{state.case.question} {state.case.evidence}", values),
        question=state.case.question,
        evidence=state.case.evidence,
        values=values,
    )
    try:
        messages = render(state, "drafter", variables)
        likeliest = ModelRequest("drafter", state.case.id, messages, max_tokens=LONGEST, logprobs=True)
        more = state.plan.samples.get("drafter", 1) - 1
        drawn = (replace(likeliest, temperature=TEMPERATURE, samples=more),) if more else ()
        replies = yield from ask_all((likeliest, *drawn))
    except ModelError as error:
        return lost(state, "redraft", "drafter", "no other answer was written", error)
    state = spent(state, "drafter", replies)
    texts, likelihood = _read(replies)
    if not texts:
        unusable = AnswerUnusable(f"{replies[0].model}: no answer is SQL{cut_off(replies[0])}")
        return lost(state, "redraft", "drafter", "no other answer was written", unusable)
    added = []
    for sql, samples in texts.items():
        query = yield from state.examiner.examine(sql)
        added.append(Candidate(query, "drafter", votes=samples, likelihood=likelihood[sql]))
    state = replace(
        state,
        candidates=(*state.candidates, *added),
        answers=sum(len(reply.answers) for reply in replies),
    )
    return noted(state, "redraft", f"{len(added)} other answers by {replies[0].model}")


def _read(replies: list[ModelReply]) -> tuple[Counter[str], dict[str, float | None]]:
    """The answers' SQL with how often each was given, the likeliest answer's first; and how likely each is by
    the token."""
    texts: Counter[str] = Counter()
    likelihood: dict[str, float | None] = {}
    for answer in (answer for reply in replies for answer in reply.answers):
        try:
            sql = extract_sql(answer.text)
        except SqlError:
            continue
        texts[sql] += 1
        known = answer.logprob is not None and answer.tokens
        likelihood.setdefault(sql, answer.logprob / answer.tokens if known else None)  # type: ignore[operator]
    return texts, likelihood
