"""confirm: a second model answers where an answer of the drafter may replace the draft."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import ModelUnavailable
from share_sql.judgement.agreed import AGREED
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import UNFITTED, load_weights
from share_sql.models.scripted import ScriptedModel
from share_sql.stages.confirm import confirm
from share_sql.stages.judge import judge
from share_sql.stages.state import State
from tests.stages.driving import added, corrected, start, take

QUESTION = "What are the cities of stores?"
DRAFT = "SELECT store_name FROM stores"
ANSWER = "SELECT city FROM stores"
MODEL = Logistic(dict(zip(AGREED, (-4.0, 6.0), strict=True)), 0.6)
"""Lets an answer act that all agree on."""


def _start(shop: SqliteDatabase, draft: str = DRAFT, votes: int = 8, agreed: Logistic = MODEL) -> State:
    weights = replace(load_weights(), agreed=agreed)
    state = start(shop, QUESTION, draft, roles=("drafter", "second_drafter"), weights=weights)
    return replace(added(shop, state, ANSWER, "drafter", votes=votes), answers=8)


def test_where_both_agree_the_answer_replaces_the_draft(shop: SqliteDatabase) -> None:
    for second, sql in (
        (f"```sql\n{ANSWER} WHERE 1 = 1\n```", ANSWER),
        (DRAFT, DRAFT),
        ("SELECT opened_on FROM stores", DRAFT),
        ("SELECT x FROM stores", DRAFT),
    ):
        state = take(confirm, shop, _start(shop), ScriptedModel({"second_drafter": second}))
        assert state.steps[-1].stage == "confirm"
        done = corrected(judge, shop, state)
        assert done.sql == sql
    assert done.verdict in ("kept", "abstained")


def test_the_prompt_tells_types_and_stored_values_and_no_other_query(shop: SqliteDatabase) -> None:
    model = ScriptedModel({"second_drafter": ANSWER})
    take(confirm, shop, _start(shop), model)
    (request,) = model.requests
    text = "".join(message.content for message in request.messages)
    assert QUESTION in text
    assert "city TEXT '" in text
    assert "floor_area INTEGER)" in text
    assert DRAFT not in text
    assert ANSWER not in text


@pytest.mark.parametrize("case", ["the same rows", "no weights", "another drafter", "no role", "policy"])
def test_nothing_is_asked_where_its_word_decides_nothing(shop: SqliteDatabase, case: str) -> None:
    state = _start(shop)
    if case == "the same rows":
        state = _start(shop, f"{ANSWER} WHERE 1 = 1")
    elif case == "no weights":
        state = _start(shop, agreed=UNFITTED)
    elif case == "another drafter":
        state = replace(state, plan=replace(state.plan, answers_act=False))
    elif case == "no role":
        state = replace(state, plan=replace(state.plan, roles=frozenset({"drafter"})))
    else:
        state = start(shop, QUESTION, DRAFT, roles=("drafter", "second_drafter"), policy="always")
    model = ScriptedModel({"second_drafter": ANSWER})
    assert take(confirm, shop, state, model) is state
    assert model.requests == []


def test_nothing_is_asked_where_the_answer_has_fewer_columns_and_more_may_be_wanted(
    shop: SqliteDatabase,
) -> None:
    draft, weights = "SELECT store_name, opened_on FROM stores", replace(load_weights(), agreed=MODEL)
    for question, asked in ((f"{QUESTION[:-1]}, and also?", 0), (QUESTION, 1)):
        state = start(shop, question, draft, roles=("drafter", "second_drafter"), weights=weights)
        state = replace(added(shop, state, ANSWER, "drafter", votes=8), answers=8)
        model = ScriptedModel({"second_drafter": ANSWER})
        take(confirm, shop, state, model)
        assert len(model.requests) == asked


def test_a_second_drafter_that_fails_or_rambles_is_told_and_the_draft_stays(shop: SqliteDatabase) -> None:
    for answer in (ModelUnavailable("gone"), "I do not know."):
        done = take(confirm, shop, _start(shop), ScriptedModel({"second_drafter": answer}))
        assert [failure.role for failure in done.failures] == ["second_drafter"]
        assert done.steps[-1].error
        assert corrected(judge, shop, done).sql == DRAFT
