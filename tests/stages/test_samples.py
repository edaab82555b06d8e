"""Several samples of lom and of the generator, and a scorer that the weights were not fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import AnswerUnusable
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import load_weights
from share_sql.models.base import Answer, ModelReply, ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.stages.judge import judge
from share_sql.stages.lom import lom
from share_sql.stages.propose import propose
from share_sql.stages.regenerate import regenerate
from share_sql.stages.score import score
from share_sql.stages.state import State
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.write import write
from tests.stages.driving import added, start, take

DRAFT = "SELECT store_name FROM stores WHERE city = 'Bonn'"
NORTH = "res = df.where(element = stores.region, filter = 'North').select(stores.store_name)"
SOUTH = "res = df.where(element = stores.region, filter = 'South').select(stores.store_name)"
OPEN = "SELECT store_name FROM stores WHERE closed_on IS NULL"
SHUT = "SELECT store_name FROM stores WHERE NOT closed_on IS NULL"


def _state(shop: SqliteDatabase, *roles: str, samples: int = 4, calibrated: bool = True) -> State:
    state = start(shop, "Which stores are there?", DRAFT, roles=roles)
    plan = replace(state.plan, samples=dict.fromkeys(roles, samples), calibrated=calibrated)
    return replace(state, plan=plan, trajectory=from_sql(DRAFT, state.schema))


def _sampled(role: str, texts: Sequence[str]) -> ScriptedModel:
    """The first answer to the greedy request, the others to the sampled one."""

    def answer(request: ModelRequest) -> ModelReply:
        own = texts[1:] if request.temperature else texts[:1]
        return ModelReply(tuple(map(Answer, own)), model=role)

    return ScriptedModel(answer)


def _votes(state: State) -> list[tuple[str, int]]:
    return [(each.sql, each.votes) for each in state.candidates[1:]]


def test_lom_is_asked_greedily_and_for_samples(shop: SqliteDatabase) -> None:
    model = _sampled("lom", [NORTH, SOUTH, "I do not know.", SOUTH])
    done = take(lom, shop, _state(shop, "lom"), model)
    assert [(each.temperature, each.samples) for each in model.requests] == [(0.0, 1), (0.7, 3)]
    assert done.final is not None
    assert write(done.final, "paper") == NORTH
    assert [write(each, "paper") for each in done.samples] == [NORTH, SOUTH, SOUTH]
    assert done.texts["lom"] == NORTH


def test_one_answer_is_asked_for_once(shop: SqliteDatabase) -> None:
    model = _sampled("lom", [NORTH])
    done = take(lom, shop, _state(shop, "lom", samples=1), model)
    assert [(each.temperature, each.samples) for each in model.requests] == [(0.0, 1)]
    assert [each.votes for each in take(regenerate, shop, done).candidates[1:]] == [1]


def test_without_any_trajectory_the_first_answers_fault_is_told(shop: SqliteDatabase) -> None:
    done = take(lom, shop, _state(shop, "lom"), _sampled("lom", ["I do not know."] * 4))
    assert (done.final, [each.cause for each in done.failures]) == (None, [AnswerUnusable.cause])


def test_each_different_trajectory_is_a_candidate_with_its_votes_the_most_voted_last(
    shop: SqliteDatabase,
) -> None:
    state = take(lom, shop, _state(shop, "lom"), _sampled("lom", [NORTH, SOUTH, SOUTH, SOUTH]))
    done = take(regenerate, shop, state)
    north = "SELECT store_name FROM stores WHERE region = 'North'"
    assert _votes(done) == [(north, 1), (north.replace("North", "South"), 3)]
    even = take(lom, shop, _state(shop, "lom"), _sampled("lom", [NORTH, SOUTH, SOUTH, NORTH]))
    assert _votes(take(regenerate, shop, even))[-1] == (north, 2), "of equals the likeliest is last"


def test_sql_with_the_same_rows_agrees(shop: SqliteDatabase) -> None:
    same = OPEN.replace("closed_on", "stores.closed_on")
    state = _state(shop, "generator")
    done = take(regenerate, shop, state, _sampled("generator", [OPEN, same, SHUT, OPEN + ";"]))
    assert _votes(done) == [(SHUT, 1), (same, 3), (OPEN, 3)]


# -- a scorer without calibration ----------------------------------------------------------------------


def _judged(shop: SqliteDatabase, scorer: str, *, wins: bool, calibrated: bool = False) -> State:
    """The case's end where the comparison without a scorer says whether a candidate wins."""
    state = added(shop, _state(shop, "scorer", samples=1, calibrated=calibrated), OPEN, "generator")
    compared = Logistic({**load_weights().compared.weights, "bias": 50.0 if wins else -50.0}, 0.5)
    always = Logistic({"bias": 50.0, "score": 0.0, "least": 0.0, "mends": 0.0}, 0.5)
    weights = replace(state.plan.weights, compared=compared, scored=always)
    state = replace(state, plan=replace(state.plan, weights=weights))

    def answer(request: ModelRequest) -> ModelReply:
        forth = "=> 'is null' }" in request.messages[-1].content
        said = scorer if forth else {"yes": "no", "no": "yes"}.get(scorer, scorer)
        return ModelReply((Answer(said, math.log(0.9)),), model="chat")

    model = ScriptedModel(answer)
    for stage in (propose, score, judge):
        state = take(stage, shop, state, model)
    return state


@pytest.mark.parametrize(
    ("scorer", "wins", "corrected"),
    [("yes", True, True), ("no", True, False), ("yes", False, False), ("no", False, False)],
)
def test_its_scores_speak_against_a_candidate_and_never_for_one(
    shop: SqliteDatabase, scorer: str, wins: bool, corrected: bool
) -> None:
    done = _judged(shop, scorer, wins=wins)
    assert done.correction is not None
    assert (done.correction.verdict == "corrected") == corrected
    assert ("scorer" in done.usage) == wins, "it is asked about nothing that would not win"


def test_a_calibrated_scorers_scores_decide(shop: SqliteDatabase) -> None:
    done = _judged(shop, "yes", wins=False, calibrated=True)
    assert done.correction is not None
    scored = [each.score for each in done.candidates if each.score is not None]
    assert (done.correction.verdict == "corrected") == bool(scored)


def test_weights_hold_for_the_scorer_they_were_fitted_on() -> None:
    shipped = load_weights()
    assert shipped.hold_for("any", calibrated=True)
    assert not shipped.hold_for("any", calibrated=False)
    own = replace(shipped, scorer="gpt@server")
    assert own.hold_for("gpt@server", calibrated=False)
    assert not own.hold_for("any", calibrated=True)
    assert own.to_json()["scorer"] == "gpt@server"
    assert "scorer" not in shipped.to_json()
