"""sam: the masks are filled freely first, and held to the schema where that names what is not there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import ModelUnavailable
from share_sql.models.scripted import ScriptedModel
from share_sql.schema.model import ColumnName
from share_sql.stages.mask import mask
from share_sql.stages.sam import sam
from share_sql.stages.state import State
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.write import write
from tests.stages.driving import start, take

GOOD = "```SR\nres = df.where(element = stores.region, filter = 'North').select(stores.store_name)\n```"
UNKNOWN = "```SR\nres = df.where(element = stores.area, filter = 'North').select(stores.store_name)\n```"


def _sam(shop: SqliteDatabase, model: ScriptedModel, held: bool = True) -> State:
    state = start(
        shop, "Which stores are in the North?", "SELECT store_name FROM stores WHERE city = 'North'",
        roles=("sam",),
    )  # fmt: skip
    state = replace(
        state,
        plan=replace(state.plan, constrained=frozenset({"sam"} if held else ())),
        trajectory=from_sql(state.sql, state.schema),
        linked=frozenset({ColumnName("stores", "city")}),
    )
    state = take(mask, shop, state)
    return take(sam, shop, state, model)


def _filled(state: State) -> str:
    return write(state.filled, "paper") if state.filled else ""


def test_an_answer_over_the_schema_is_taken_as_it_is(shop: SqliteDatabase) -> None:
    model = ScriptedModel({"sam": [GOOD]})
    done = _sam(shop, model)
    assert f"```SR\n{_filled(done)}\n```" == GOOD
    assert [request.grammar for request in model.requests] == [None]
    assert done.augmented == {ColumnName("stores", name) for name in ("city", "region", "store_name")}


@pytest.mark.parametrize("first", [UNKNOWN, "I do not know.", ""])
def test_one_that_is_not_is_asked_for_again_held_to_the_schema(shop: SqliteDatabase, first: str) -> None:
    model = ScriptedModel({"sam": [first, GOOD]})
    done = _sam(shop, model)
    assert f"```SR\n{_filled(done)}\n```" == GOOD
    free, held = model.requests
    assert free.grammar is None
    assert held.grammar is not None
    assert held.grammar.startswith(
        'root ::= "```SR\\ndf1 = df.where(element = " column ", filter = \'North\')'
    )
    assert held.messages == free.messages
    assert done.usage["sam"].requests == 2


def test_a_model_that_cannot_be_held_is_asked_once(shop: SqliteDatabase) -> None:
    model = ScriptedModel({"sam": [UNKNOWN]})
    done = _sam(shop, model, held=False)
    assert len(model.requests) == 1
    assert "stores.area" in _filled(done)


def test_a_model_that_is_down_leaves_the_drafts_columns_and_is_named(shop: SqliteDatabase) -> None:
    done = _sam(shop, ScriptedModel({"sam": ModelUnavailable("it is down")}))
    assert (done.filled, done.augmented) == (None, {ColumnName("stores", "city")})
    assert done.steps[-1].error == "it is down"


def test_an_answer_that_lists_columns_augments_the_schema_and_gives_no_trajectory(
    shop: SqliteDatabase,
) -> None:
    model = ScriptedModel({"sam": ['["STORES.region", "stores.nowhere", "stores.store_name"]']})
    done = _sam(shop, model)
    assert len(model.requests) == 1, "a list is an answer; the model is not asked again"
    assert done.augmented == {ColumnName("stores", name) for name in ("city", "region", "store_name")}
    assert (done.filled, done.steps[-1].error) == (None, None)


@pytest.mark.parametrize("text", ["[1, 2]", "[stores.region]", '{"a": ["stores.region"]}'])
def test_what_is_no_list_of_columns_is_read_as_a_trajectory(shop: SqliteDatabase, text: str) -> None:
    done = _sam(shop, ScriptedModel({"sam": [text]}), held=False)
    assert done.augmented == {ColumnName("stores", "city")}
    assert done.steps[-1].error is not None


def test_a_model_that_keeps_to_a_json_schema_fills_the_masks_in_order(shop: SqliteDatabase) -> None:
    model = ScriptedModel({"sam": [UNKNOWN, '{"columns": ["stores.region", "stores.store_name"]}']})
    done = _sam(shop, model)
    schema = json.loads(model.requests[1].json_schema or "")["properties"]["columns"]
    assert (schema["minItems"], schema["maxItems"]) == (2, 2)
    assert "stores.region" in schema["items"]["enum"]
    assert _filled(done).endswith("select(stores.store_name)")
    assert "stores.region" in _filled(done)
    assert done.texts["sam"].startswith("```SR\n"), "it is kept as other answers are"


def test_too_few_columns_fill_nothing(shop: SqliteDatabase) -> None:
    done = _sam(shop, ScriptedModel({"sam": [UNKNOWN, '{"columns": ["stores.region"]}']}))
    assert done.filled is None
    assert done.steps[-1].error is not None
