"""read, bam, mask and lom: from what a model wrote to a final trajectory. (sam: test_sam.py)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import ModelUnavailable
from share_sql.models.scripted import ScriptedModel
from share_sql.query.examined import Examined, Ran
from share_sql.schema.model import ColumnName
from share_sql.stages.bam import bam
from share_sql.stages.lom import lom
from share_sql.stages.mask import mask
from share_sql.stages.state import State
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.read import read as read_trajectory
from share_sql.trajectory.write import write
from tests.stages.driving import start, take

DRAFT = "SELECT store_name FROM stores WHERE city = 'Bonn'"
ANSWER = "```SR\nres = df.where(element = stores.region, filter = 'North').select(stores.store_name)\n```"
READ = "res = df.where(element = stores.region, filter = 'North').select(stores.store_name)"
DOWN = ModelUnavailable("it is down")


def _text(trajectory: Trajectory | None) -> str:
    return write(trajectory, "paper").strip() if trajectory is not None else ""


def _start(shop: SqliteDatabase, *roles: str, draft: str = DRAFT) -> State:
    return start(shop, "Which stores are in the North?", draft, "North is a region", roles=roles)


# -- read ----------------------------------------------------------------------------------------------


def test_the_draft_becomes_candidate_0_without_the_text_around_it(shop: SqliteDatabase) -> None:
    state = _start(shop, draft=f"Here it is:\n```sql\n{DRAFT};\n```")
    (candidate,) = state.candidates
    assert (candidate.origin, candidate.sql, state.sql) == ("draft", DRAFT, DRAFT)
    assert candidate.query.runs
    assert state.draft is candidate


def test_a_text_without_sql_gives_none_and_says_so(shop: SqliteDatabase) -> None:
    state = _start(shop, draft="I do not know.")
    assert (state.candidates, state.draft, state.sql) == ((), None, "")
    assert (state.steps[-1].stage, "no SELECT" in (state.steps[-1].error or "")) == ("read", True)
    for stage in (bam, mask, lom):
        assert take(stage, shop, state) is state


def test_sql_that_cannot_be_parsed_is_a_candidate_all_the_same(shop: SqliteDatabase) -> None:
    state = take(bam, shop, _start(shop, draft="SELECT (store_name FROM stores"))
    assert type(state.candidates[0].query) is Ran
    assert state.trajectory is None
    assert "cannot be parsed" in (state.steps[-1].error or "")


# -- bam -----------------------------------------------------------------------------------------------


def test_the_drafts_columns_are_linked_and_its_tree_walked(shop: SqliteDatabase) -> None:
    state = take(bam, shop, _start(shop))
    assert state.linked == {ColumnName("stores", "store_name"), ColumnName("stores", "city")}
    assert "stores.city" in _text(state.trajectory)
    assert isinstance(state.candidates[0].query, Examined)
    assert state.trajectory is state.candidates[0].query.trajectory


def test_a_models_trajectory_takes_the_place_of_the_symbolic_one(shop: SqliteDatabase) -> None:
    model = ScriptedModel({"bam": ANSWER})
    state = take(bam, shop, _start(shop, "bam"), model)
    assert _text(state.trajectory) == READ
    assert DRAFT in model.requests[0].messages[-1].content
    assert state.texts["bam"] == ANSWER
    assert state.prompts["bam"] == model.requests[0].messages[-1].content


@pytest.mark.parametrize("answer", ["I do not know.", DOWN])
def test_without_its_answer_the_symbolic_one_stays(
    shop: SqliteDatabase, answer: str | ModelUnavailable
) -> None:
    state = take(bam, shop, _start(shop, "bam"), ScriptedModel({"bam": answer}))
    assert "stores.city" in _text(state.trajectory)
    assert state.steps[-1].error


# -- mask ----------------------------------------------------------------------------------------------


def test_every_name_is_masked(shop: SqliteDatabase) -> None:
    text = _text(take(mask, shop, take(bam, shop, _start(shop))).masked)
    assert "[MASK]" in text
    assert "stores" not in text
    assert "city" not in text


def test_a_models_mask_is_taken_and_else_the_symbolic_one(shop: SqliteDatabase) -> None:
    answer = "```SR\nres = df.where(element = [MASK], filter = [MASK]).count()\n```"
    before = take(bam, shop, _start(shop, "mask"))
    model = ScriptedModel({"mask": answer})
    assert _text(take(mask, shop, before, model).masked).endswith(".count()")
    assert "stores.city" in model.requests[0].messages[-1].content
    after = take(mask, shop, before, ScriptedModel({"mask": DOWN}))
    assert "select" in _text(after.masked)
    assert after.steps[-1].error == "it is down"


# -- lom -----------------------------------------------------------------------------------------------


def _lom(shop: SqliteDatabase, answer: str | ModelUnavailable, filled: bool = True) -> tuple[str, State]:
    state = take(bam, shop, _start(shop, "lom"))
    state = replace(
        state,
        filled=read_trajectory(ANSWER).trajectory if filled else None,
        augmented=frozenset({ColumnName("stores", "region")}),
    )
    model = ScriptedModel({"lom": answer})
    done = take(lom, shop, state, model)
    return model.requests[0].messages[-1].content, done


def test_lom_is_asked_about_what_sam_filled_over_the_augmented_schema(shop: SqliteDatabase) -> None:
    prompt, done = _lom(shop, ANSWER)
    assert READ in prompt
    assert "Which stores are in the North?" in prompt
    assert "North is a region" in prompt
    assert _text(done.final) == READ


def test_without_sam_it_is_asked_about_the_drafts_trajectory(shop: SqliteDatabase) -> None:
    prompt, _ = _lom(shop, ANSWER, filled=False)
    assert "stores.city" in prompt


@pytest.mark.parametrize("answer", ["I do not know.", DOWN])
def test_an_answer_that_is_none_leaves_the_logic(
    shop: SqliteDatabase, answer: str | ModelUnavailable
) -> None:
    _, done = _lom(shop, answer)
    assert done.final is None
    assert done.steps[-1].error
