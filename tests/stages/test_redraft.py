"""redraft: answers of a model that does not see the draft."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import ModelUnavailable
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.scripted import ScriptedModel
from share_sql.stages.redraft import redraft
from share_sql.stages.state import State
from tests.stages.driving import start, take

QUESTION = "How many customers are in the segment enterprise?"
DRAFT = "SELECT COUNT(credit_limit) FROM customers"
RIGHT = "SELECT COUNT(*) FROM customers WHERE segment = 'enterprise'"


def _replies(*texts: str) -> ScriptedModel:
    """The first text greedily, with its log-probability; all others drawn."""

    def answer(request: ModelRequest) -> ModelReply:
        if request.samples == 1:
            return ModelReply((Answer(texts[0]),), Usage(50, 12, requests=1), "small")
        return ModelReply(tuple(map(Answer, texts[1:])), Usage(50, 84, requests=1), "small")

    return ScriptedModel(answer)


def _start(shop: SqliteDatabase, draft: str = DRAFT) -> State:
    """A case whose drafter is asked for four answers."""
    state = start(shop, QUESTION, draft, roles=("drafter",))
    return replace(state, plan=replace(state.plan, samples={"drafter": 4}))


def test_equal_answers_are_one_candidate_that_counts_them(shop: SqliteDatabase) -> None:
    model = _replies(RIGHT, RIGHT, "SELECT 1", f"```sql\n{RIGHT}\n```")
    done = take(redraft, shop, _start(shop), model)
    own = [each for each in done.candidates if each.origin == "drafter"]
    assert [(each.sql, each.votes) for each in own] == [(RIGHT, 3), ("SELECT 1", 1)]
    assert own[0].query.runs
    assert done.answers == 4
    assert done.usage["drafter"] == Usage(100, 96, requests=2)


def test_where_the_likeliest_answer_gives_the_draft_s_rows_no_more_are_asked_for(
    shop: SqliteDatabase,
) -> None:
    model = _replies(RIGHT, "SELECT 1", "SELECT 2", "SELECT 3")
    done = take(redraft, shop, _start(shop, f"{RIGHT} AND 1 = 1"), model)
    assert [request.samples for request in model.requests] == [1]
    assert done.answers == 1
    for other in ("SELECT nothing FROM customers", DRAFT):
        model = _replies(RIGHT, "SELECT 1", "SELECT 2", "SELECT 3")
        assert take(redraft, shop, _start(shop, other), model).answers == 4


def test_the_likeliest_answer_stays_where_drawn_ones_fail(shop: SqliteDatabase) -> None:
    def answer(request: ModelRequest) -> ModelReply:
        if request.samples > 1:
            raise ModelUnavailable("gone")
        return ModelReply((Answer(RIGHT),), Usage(50, 12, requests=1), "small")

    done = take(redraft, shop, _start(shop), ScriptedModel(answer))
    assert [each.sql for each in done.candidates if each.origin == "drafter"] == [RIGHT]
    assert done.answers == 1
    assert [failure.role for failure in done.failures] == ["drafter"]


def test_the_prompt_has_stored_values_and_nothing_of_the_draft(shop: SqliteDatabase) -> None:
    model = _replies(RIGHT, RIGHT)
    take(redraft, shop, _start(shop), model)
    likeliest, drawn = model.requests
    assert likeliest.temperature == 0
    assert drawn.temperature > 0
    assert drawn.samples == 3
    text = "".join(message.content for message in likeliest.messages)
    assert QUESTION in text
    assert "customers.segment 'enterprise'" in text
    assert DRAFT not in text


def test_the_prompt_is_the_same_whatever_the_draft_is(shop: SqliteDatabase) -> None:
    prompts = []
    for draft in (DRAFT, RIGHT):
        model = _replies(RIGHT, RIGHT)
        take(redraft, shop, _start(shop, draft), model)
        prompts.append(model.requests[0].messages)
    assert prompts[0] == prompts[1]


@pytest.mark.parametrize(
    ("roles", "policy"), [((), "gated"), (("drafter",), "always"), (("drafter",), "errors")]
)
def test_nothing_is_asked_without_a_drafter_or_under_other_policies(
    shop: SqliteDatabase, roles: tuple[str, ...], policy: str
) -> None:
    model = _replies(RIGHT, RIGHT)
    before = start(shop, QUESTION, DRAFT, roles=roles, policy=policy)
    assert take(redraft, shop, before, model) is before
    assert model.requests == []


def test_nothing_is_asked_without_a_question(shop: SqliteDatabase) -> None:
    model = _replies(RIGHT, RIGHT)
    before = start(shop, " ", DRAFT, roles=("drafter",))
    assert take(redraft, shop, before, model) is before
    assert model.requests == []


def test_a_drafter_that_fails_or_rambles_is_told(shop: SqliteDatabase) -> None:
    before = _start(shop)
    for model in (ScriptedModel({"drafter": ModelUnavailable("gone")}), _replies("I do not know", "Sorry.")):
        done = take(redraft, shop, before, model)
        assert done.candidates == before.candidates
        assert [failure.role for failure in done.failures] == ["drafter"]
        assert done.steps[-1].stage == "redraft"
        assert done.steps[-1].error


def test_one_answer_is_asked_for_where_the_model_says_no_more(shop: SqliteDatabase) -> None:
    model = _replies(RIGHT)
    done = take(redraft, shop, start(shop, QUESTION, DRAFT, roles=("drafter",)), model)
    assert len(model.requests) == 1
    assert done.answers == 1
