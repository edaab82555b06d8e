"""regenerate: which trajectories are compiled to SQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.models.scripted import ScriptedModel
from share_sql.stages.regenerate import regenerate
from share_sql.stages.stage import Candidate, Policy
from share_sql.trajectory.from_sql import from_sql
from tests.stages.driving import drive, start

DRAFT = "SELECT store_name FROM stores WHERE city = 'Bonn'"
SAM = "SELECT region FROM stores WHERE city = 'Bonn'"
LOM = "SELECT region FROM stores WHERE city = 'Bonn' AND closed_on IS NULL"


def _candidates(
    shop: SqliteDatabase, filled: str, final: str, *roles: str, policy: Policy = "gated"
) -> list[Candidate]:
    state = start(shop, "Which region is the store in?", DRAFT, roles=roles)
    state = replace(
        state,
        plan=replace(state.plan, policy=policy),
        trajectory=from_sql(DRAFT, state.schema),
        filled=from_sql(filled, state.schema) if filled else None,
        final=from_sql(final, state.schema) if final else None,
    )
    done = drive(regenerate(state), shop, state, ScriptedModel({"scorer": "no"}))
    return [each for each in done.candidates if each.origin == "compile"]


def _compiled(
    shop: SqliteDatabase, filled: str, final: str, *roles: str, policy: Policy = "gated"
) -> list[str]:
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
def test_other_policies_ask_no_scorer(shop: SqliteDatabase, policy: Policy) -> None:
    assert _compiled(shop, SAM, LOM, "scorer", policy=policy) == [LOM]
