"""regenerate: which trajectories are compiled to SQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import ModelError, ModelUnavailable
from share_sql.models.scripted import ScriptedModel
from share_sql.schema.model import ColumnName
from share_sql.stages.regenerate import regenerate
from share_sql.stages.state import Candidate, State
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.read import read
from tests.stages.driving import start, take

DRAFT = "SELECT store_name FROM stores WHERE city = 'Bonn'"
SAM = "SELECT region FROM stores WHERE city = 'Bonn'"
REGION = ColumnName("stores", "region")
LOM = "SELECT region FROM stores WHERE city = 'Bonn' AND closed_on IS NULL"


def _candidates(
    shop: SqliteDatabase, filled: str, final: str, *roles: str, policy: str = "gated"
) -> list[Candidate]:
    state = start(shop, "Which region is the store in?", DRAFT, roles=roles, policy=policy)
    state = replace(
        state,
        trajectory=from_sql(DRAFT, state.schema),
        filled=from_sql(filled, state.schema) if filled else None,
        final=from_sql(final, state.schema) if final else None,
    )
    done = take(regenerate, shop, state)
    return [each for each in done.candidates if each.origin == "compile"]


def _compiled(shop: SqliteDatabase, filled: str, final: str, *roles: str, policy: str = "gated") -> list[str]:
    return [each.sql for each in _candidates(shop, filled, final, *roles, policy=policy)]


def test_without_a_scorer_the_last_trajectory_is_compiled(shop: SqliteDatabase) -> None:
    assert _compiled(shop, SAM, LOM) == [LOM]
    assert _compiled(shop, SAM, "") == [SAM]
    assert _compiled(shop, "", "") == []
    assert _compiled(shop, DRAFT, DRAFT) == [DRAFT]


def test_a_scorer_gets_each_that_differs_from_the_drafts(shop: SqliteDatabase) -> None:
    assert _compiled(shop, SAM, LOM, "scorer") == [SAM, LOM]
    assert _compiled(shop, SAM, SAM, "scorer") == [SAM]
    assert _compiled(shop, DRAFT, LOM, "scorer") == [LOM]
    assert _compiled(shop, DRAFT, DRAFT, "scorer") == []


@pytest.mark.parametrize("policy", ["always", "errors"])
def test_other_policies_ask_no_scorer(shop: SqliteDatabase, policy: str) -> None:
    assert _compiled(shop, SAM, LOM, "scorer", policy=policy) == [LOM]


# -- the generator -------------------------------------------------------------------------------------


def _generated(shop: SqliteDatabase, answer: str | ModelError) -> tuple[ScriptedModel, State]:
    state = start(shop, "Which region is the store in?", DRAFT, "regions are areas", roles=("generator",))
    state = replace(state, trajectory=from_sql(DRAFT, state.schema), augmented=frozenset({REGION}))
    model = ScriptedModel({"generator": answer})
    return model, take(regenerate, shop, state, model)


def test_a_generator_is_asked_with_question_trajectory_and_augmented_schema(shop: SqliteDatabase) -> None:
    model, done = _generated(shop, f"```sql\n{SAM}\n```")
    prompt = model.requests[0].messages[-1].content
    for part in ("Which region is the store in?", "regions are areas", "stores.city", "region"):
        assert part in prompt
    assert [(each.origin, each.sql, each.query.runs) for each in done.candidates[1:]] == [
        ("generator", SAM, True)
    ]
    assert done.texts["generator"].startswith("```sql")


def test_an_answer_without_sql_is_noted(shop: SqliteDatabase) -> None:
    _, done = _generated(shop, "I do not know.")
    assert len(done.candidates) == 1
    assert "no SELECT" in (done.steps[-1].error or "")


def test_a_generator_that_is_down_is_noted(shop: SqliteDatabase) -> None:
    _, done = _generated(shop, ModelUnavailable("it is down"))
    assert len(done.candidates) == 1
    assert done.steps[-1].error == "it is down"


def test_a_trajectory_that_cannot_be_compiled_is_noted(shop: SqliteDatabase) -> None:
    state = start(shop, "Which?", DRAFT)
    state = replace(state, final=read("res = df.select(elsewhere.name)").trajectory)
    done = take(regenerate, shop, state)
    assert len(done.candidates) == 1
    assert done.steps[-1].text == "the trajectory is not compiled"
