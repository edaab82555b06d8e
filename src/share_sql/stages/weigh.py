"""The scorer weighs what may replace the draft: rewritten candidates, and the draft with single edits.

Part of regenerate. What the repairs left stands.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import replace

from share_sql.edits.guesses import single_edits
from share_sql.errors import ModelError, QueryError, SqlError
from share_sql.judgement.features import loses_constants
from share_sql.models.base import ModelReply, ModelRequest, Usage
from share_sql.query.change_text import alike, change_text, query_text, question_text
from share_sql.query.examined import BoundQuery
from share_sql.query.findings import findings
from share_sql.sql.text import parse_select
from share_sql.stages.asking import noted
from share_sql.stages.bind import bind
from share_sql.stages.stage import AskAll, Candidate, Query, Request, Response, State

MOST_SCORED = 14
"""Candidates asked about in one case; each costs a CPU some fifty milliseconds."""
KEPT_EDITS = 3
"""Edits that become candidates, the best scored ones."""
LEAST_FORTH = -3.0
"""Log-odds below which a candidate is given up without asking about the way back: nine in ten are."""
_LARGEST = 12.0
"""Bound on a score: beyond it a probability in 32 bits is 0 or 1."""


def weigh(state: State) -> Generator[Request, Response, State]:
    """Score the candidates and add the best edits to them. Without a scorer nothing changes."""
    if "scorer" not in state.plan.roles or not state.sql:
        return state
    standing = next((c.sql for c in state.candidates if c.origin == "repair"), state.sql)
    outcome = yield Query(standing)
    if isinstance(outcome, QueryError):
        return state  # there is nothing to lose, and nothing that an edit could start from
    try:
        tree = parse_select(standing, state.schema.dialect)
    except SqlError:
        return state
    draft = bind(state, tree, outcome)
    kinds = state.plan.weights.edits
    proposed = (
        Candidate(edit.tree.sql(dialect=state.schema.dialect), "edit", edit.message, kind=edit.kind)
        for edit in (single_edits(draft) if kinds else ())
        if edit.kind in kinds
    )
    rewritten = [c for c in state.candidates if c.origin != "repair"]
    before = query_text(standing, state.schema)
    asked = yield from _worth_asking(draft, before, [*rewritten, *proposed])
    if not asked:
        return state
    try:
        state, scores = yield from _scores(state, [(before, text) for text in asked.values()])
        likely = sorted(
            ((score, each) for score, each in zip(scores, asked, strict=True) if score >= LEAST_FORTH),
            key=lambda entry: -entry[0],
        )
        best = [each for _, each in likely if each.origin == "edit"][:KEPT_EDITS]
        chosen = [*(each for _, each in likely if each.origin != "edit"), *best]
        if not chosen:
            return state
        # Asked both ways, what the scorer thinks of every change cancels out.
        state, back = yield from _scores(state, [(asked[each], before) for each in chosen])
    except ModelError as error:
        return noted(state, "regenerate", "candidates are not scored", error=str(error))
    forth = dict(zip(asked, scores, strict=True))
    scored = {
        each.sql: replace(each, score=forth[each] - other, forth=forth[each])
        for each, other in zip(chosen, back, strict=True)
    }
    kept = tuple(scored.get(each.sql, each) if each.origin != "repair" else each for each in state.candidates)
    return replace(state, candidates=(*kept, *(scored[each.sql] for each in best)))


def _worth_asking(
    draft: BoundQuery, before: str, candidates: Iterable[Candidate]
) -> Generator[Request, Response, dict[Candidate, str]]:
    """Those that run, give other rows, bring no finding, keep the constants that the question spells out, and
    have enough in common with what stands; the first MOST_SCORED of them, each with its `query_text`."""
    assert draft.outcome is not None
    assert draft.weights is not None
    assert not isinstance(draft.outcome, QueryError)
    against = {finding.kind for finding in findings(draft, draft.outcome, draft.weights)}
    found: dict[Candidate, str] = {}
    for candidate in candidates:
        if len(found) == MOST_SCORED:
            break
        if any(candidate.sql == other.sql for other in found):
            continue
        after = yield Query(candidate.sql)
        assert not isinstance(after, tuple | list)
        if isinstance(after, QueryError) or after.rows == draft.outcome.rows:  # type: ignore[union-attr]
            continue
        try:
            tree = parse_select(candidate.sql, draft.schema.dialect)
        except SqlError:
            continue
        changed = replace(draft, tree=tree, outcome=after)  # type: ignore[arg-type]
        left = {finding.kind for finding in findings(changed, after, draft.weights)}  # type: ignore[arg-type]
        if left <= against and not loses_constants(draft, changed):
            text = query_text(candidate.sql, draft.schema)
            if alike(before, text):
                found[candidate] = text
    return found


def _scores(
    state: State, changes: list[tuple[str, str]]
) -> Generator[Request, Response, tuple[State, list[float]]]:
    """Ask about all changes, from one query's text to another's, at once. Raises ModelError."""
    assert state.plan.prompts is not None
    question = question_text(state.case.question, state.case.evidence)
    requests = []
    for old, new in changes:
        change = change_text(old, new, state.schema)
        messages = state.plan.prompts.render("scorer", question=question, change=change)
        requests.append(ModelRequest("scorer", state.case.id, messages, max_tokens=1, logprobs=True))
    replies = yield AskAll(tuple(requests))
    assert isinstance(replies, list)
    spent = sum((reply.usage for reply in replies), state.usage.get("scorer", Usage()))
    state = replace(state, usage={**state.usage, "scorer": spent})
    return state, [log_odds(reply) for reply in replies]


def log_odds(reply: ModelReply) -> float:
    """Natural log-odds of yes, from the probability of the one word that was answered.

    A model that does not tell probabilities counts as nearly sure.
    """
    answer = reply.answers[0]
    said = answer.text.strip().lower()
    if not said.startswith(("yes", "no")):
        return -_LARGEST
    share = math.exp(answer.logprob) if answer.logprob is not None else 0.95
    share = min(max(share, 1e-9), 1 - 1e-9)
    odds = max(-_LARGEST, min(_LARGEST, math.log(share / (1 - share))))
    return odds if said.startswith("yes") else -odds
