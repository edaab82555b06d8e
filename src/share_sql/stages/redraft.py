"""redraft: a model that does not see the draft answers the question too.

Where its rows are the draft's, the draft is seldom wrong. Where they are not, it is asked for more answers,
and what most of them agree on is evidence for another query. It is evidence because it is independent:
neither the draft nor its columns are in the prompt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from share_sql.errors import AnswerUnusable, ModelError, SqlError
from share_sql.prompts.render import drafter_variables
from share_sql.query.narrow import narrowed
from share_sql.requests import Steps, look_up
from share_sql.schema.model import Schema, ValueMatch
from share_sql.schema.spoken import phrases, spoken_values
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import ask, ask_drawn, cut_off, lost, noted
from share_sql.stages.state import Candidate, State

LONGEST = 256
"""Tokens of an answer; the longest gold of Spider and BIRD takes about 200."""


def redraft(state: State) -> Steps[State]:
    """Ask the drafter for answers of its own; nothing to do without one, where candidates are not weighed, or
    where nothing is asked."""
    if "drafter" not in state.plan.roles or not state.plan.policy.weighs or state.draft is None:
        return state
    if not state.case.question.strip():
        return state
    schema, values = yield from shown(state)
    asked = {"question": state.case.question, "evidence": state.case.evidence}
    variables = drafter_variables(schema, values=values, **asked)
    try:
        state, reply = yield from ask(state, "drafter", variables, max_tokens=LONGEST)
    except ModelError as error:
        return lost(state, "redraft", "drafter", "no other answer was written", error)
    answers = reply.answers
    more = state.plan.samples.get("drafter", 1) - 1
    if more and not (yield from _agrees(state, answers[0].text)):
        try:
            state, drawn = yield from ask_drawn(state, "drafter", variables, more, max_tokens=LONGEST)
            answers += drawn.answers
        except ModelError as error:
            state = lost(state, "redraft", "drafter", "one answer was written, and no others", error)
    texts = Counter(sql for answer in answers if (sql := answer_sql(answer.text)))
    if not texts:
        unusable = AnswerUnusable(f"{reply.model}: no answer is SQL{cut_off(reply)}")
        return lost(state, "redraft", "drafter", "no other answer was written", unusable)
    added = []
    for sql, votes in texts.items():
        query = yield from state.examiner.examine(sql)
        added.append(Candidate(query, "drafter", votes=votes))
    state = replace(state, candidates=(*state.candidates, *added), answers=len(answers))
    return noted(state, "redraft", f"{len(added)} other answers by {reply.model}")


def _agrees(state: State, answer: str) -> Steps[bool]:
    """Whether an answer gives the draft's rows: nothing is left to ask then."""
    draft = state.draft.query.row_set if state.draft is not None else None
    sql = answer_sql(answer)
    if draft is None or not sql:
        return False
    query = yield from state.examiner.examine(sql)
    return query.row_set == draft


def shown(state: State) -> Steps[tuple[Schema, tuple[ValueMatch, ...]]]:
    """What a prompt tells that asks for SQL without a draft: the schema, of a large one the likeliest tables,
    and the stored values that the question names."""
    asked = phrases(state.case.question)
    stored: dict[str, tuple[ValueMatch, ...]] = {}
    for phrase in asked:
        stored[phrase] = yield from look_up(phrase)
    values = spoken_values(asked, stored.__getitem__)
    return narrowed(state.schema, f"{state.case.question} {state.case.evidence}", values), values


def answer_sql(text: str) -> str:
    """An answer's SQL; empty where it holds none."""
    try:
        return extract_sql(text)
    except SqlError:
        return ""
