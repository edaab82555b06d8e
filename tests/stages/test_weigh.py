"""The scorer weighs candidates and single edits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.edits.guesses import EDIT_KINDS
from share_sql.errors import ModelUnavailable
from share_sql.judgement.weights import load_weights
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.scripted import ScriptedModel
from share_sql.stages.stage import Candidate, State
from share_sql.stages.weigh import KEPT_EDITS, MOST_SCORED, log_odds, weigh
from tests.stages.driving import drive, start

DRAFT = "SELECT city, COUNT(*) FROM stores WHERE closed_on IS NULL"
"""A column beside an aggregate without grouping: that speaks against it."""
OTHER = "SELECT city FROM stores WHERE NOT closed_on IS NULL"
FAILS = "SELECT city FROM shops"
EMPTY = "SELECT city FROM stores WHERE city = 'Atlantis'"
SAME = "SELECT city, COUNT(*) FROM stores WHERE stores.closed_on IS NULL"
BLAMELESS = "SELECT city FROM stores WHERE closed_on IS NULL"


def _reply(text: str, logprob: float | None) -> ModelReply:
    return ModelReply((Answer(text, logprob),), Usage(10, 1, requests=1))


def _odds(number: int) -> float:
    """What `_rising` says to its question of this number, from 1."""
    share = number + 9
    return math.log(share / (100 - share))


def _rising() -> ScriptedModel:
    """Finds each change better than the one before, by one per cent."""
    asked: list[ModelRequest] = []

    def answer(request: ModelRequest) -> ModelReply:
        asked.append(request)
        return _reply("yes", math.log((len(asked) + 9) / 100))

    return ScriptedModel(answer)


def _weigh(
    shop: SqliteDatabase,
    model: ScriptedModel,
    *candidates: Candidate,
    draft: str = DRAFT,
    kinds: Iterable[str] = EDIT_KINDS,
    question: str = "In which cities are stores open?",
) -> State:
    weights = replace(load_weights(), edits=frozenset(kinds))
    state = start(shop, question, draft, weights=weights, roles=("scorer",))
    state = replace(state, candidates=candidates)
    return drive(weigh(state), shop, state, model)


def test_the_best_edits_become_candidates_best_first(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _weigh(shop, model)
    asked = len(model.requests) - KEPT_EDITS
    assert KEPT_EDITS <= asked <= MOST_SCORED
    # Each is scored by the change to it, less the change from it.
    assert [each.score for each in done.candidates] == pytest.approx(
        [_odds(asked - at) - _odds(asked + 1 + at) for at in range(KEPT_EDITS)]
    )
    assert {each.origin for each in done.candidates} == {"edit"}
    assert all(each.kind and each.note for each in done.candidates)
    spent = len(model.requests)
    assert done.usage["scorer"] == Usage(10 * spent, spent, requests=spent)


def test_only_kinds_that_the_weights_name_are_proposed(shop: SqliteDatabase) -> None:
    done = _weigh(shop, _rising(), kinds=["group-add"])
    assert [each.kind for each in done.candidates] == ["group-add"]
    assert _weigh(shop, _rising(), kinds=[]).candidates == ()


def test_it_is_asked_for_one_word_with_its_probability_there_and_back(shop: SqliteDatabase) -> None:
    model = _rising()
    _weigh(shop, model, Candidate(OTHER, "compile"))
    assert {(each.role, each.max_tokens, each.logprobs) for each in model.requests} == {("scorer", 1, True)}
    there, back = (model.requests[at].messages[-1].content for at in (0, -1 - KEPT_EDITS))
    assert "In which cities are stores open?" in there
    assert "{ 'is null' => 'is not null' }" in there
    assert "{ 'is not null' => 'is null' }" in back


def test_rewritten_candidates_keep_their_place_and_are_asked_about_first(shop: SqliteDatabase) -> None:
    model = _rising()
    first, *edits = _weigh(shop, model, Candidate(OTHER, "compile", "as lom says")).candidates
    assert (first.sql, first.origin, first.note, first.kind) == (OTHER, "compile", "as lom says", "")
    assert first.score == pytest.approx(_odds(1) - _odds(len(model.requests) - KEPT_EDITS))
    assert len(edits) == KEPT_EDITS
    assert OTHER not in {each.sql for each in edits}


@pytest.mark.parametrize("sql", [FAILS, EMPTY, SAME])
def test_what_fails_brings_a_finding_or_gives_the_same_rows_is_not_asked_about(
    shop: SqliteDatabase, sql: str
) -> None:
    alone, beside = _rising(), _rising()
    _weigh(shop, alone)
    done = _weigh(shop, beside, Candidate(sql, "generator"))
    assert done.candidates[0] == Candidate(sql, "generator")
    assert beside.requests == alone.requests


def test_what_is_unlikely_is_given_up_without_asking_about_the_way_back(shop: SqliteDatabase) -> None:
    model = ScriptedModel(lambda _: _reply("no", math.log(0.99)))
    done = _weigh(shop, model, Candidate(OTHER, "compile"))
    assert done.candidates == (Candidate(OTHER, "compile"),)
    assert len(model.requests) <= MOST_SCORED
    assert not any("{ 'is not null' => 'is null' }" in each.messages[-1].content for each in model.requests)


def test_no_finding_against_the_draft_is_needed(shop: SqliteDatabase) -> None:
    done = _weigh(shop, _rising(), Candidate(OTHER, "compile"), draft=BLAMELESS, kinds=["distinct-add"])
    rewritten, edit = done.candidates
    assert (edit.kind, edit.sql) == ("distinct-add", BLAMELESS.replace("SELECT", "SELECT DISTINCT"))
    assert (edit.forth, rewritten.forth) == (pytest.approx(_odds(2)), pytest.approx(_odds(1)))
    assert rewritten.score == pytest.approx(_odds(1) - _odds(3))


def test_a_rewrite_that_loses_a_constant_of_the_question_is_not_asked_about(shop: SqliteDatabase) -> None:
    draft = "SELECT city, COUNT(*) FROM stores WHERE store_id > 2"
    model = _rising()
    told = "In which cities are stores with a number above 2?"
    _weigh(shop, model, Candidate(BLAMELESS, "compile"), draft=draft, kinds=[], question=told)
    assert model.requests == []
    kept = Candidate("SELECT city FROM stores WHERE store_id > 2", "compile")
    _weigh(shop, model, kept, draft=draft, kinds=[], question=told)
    assert len(model.requests) == 2


def test_what_stands_is_the_repair(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _weigh(shop, model, Candidate(DRAFT, "repair"), draft=FAILS)
    assert done.candidates[0] == Candidate(DRAFT, "repair")
    plain = _rising()
    _weigh(shop, plain)
    assert model.requests == plain.requests
    assert [each.sql for each in done.candidates[1:]] == [
        each.sql for each in _weigh(shop, _rising()).candidates
    ]


def test_a_draft_that_fails_has_nothing_to_weigh_against(shop: SqliteDatabase) -> None:
    model = _rising()
    assert _weigh(shop, model, Candidate(OTHER, "compile"), draft=FAILS).candidates == (
        Candidate(OTHER, "compile"),
    )
    assert model.requests == []


def test_without_a_scorer_nothing_changes(shop: SqliteDatabase) -> None:
    state = start(shop, "In which cities are stores open?", DRAFT)
    assert drive(weigh(state), shop, state) is state


@pytest.mark.parametrize("change", ["{", "{ 'is not null' => 'is null' }"])
def test_a_scorer_that_is_down_leaves_the_candidates_and_is_named(shop: SqliteDatabase, change: str) -> None:
    def answer(request: ModelRequest) -> ModelReply | ModelUnavailable:
        asked = request.messages[-1].content
        return ModelUnavailable("it is down") if change in asked else _reply("yes", -0.5)

    done = _weigh(shop, ScriptedModel(answer), Candidate(OTHER, "compile"))
    assert done.candidates == (Candidate(OTHER, "compile"),)
    (note,) = done.steps
    assert (note.text, note.error) == ("candidates are not scored", "it is down")


@pytest.mark.parametrize(
    ("text", "logprob", "expected"),
    [
        ("yes", math.log(0.8), math.log(4)),
        (" Yes.", math.log(0.8), math.log(4)),
        ("no", math.log(0.8), -math.log(4)),
        ("yes", math.log(0.5), 0.0),
        ("yes", 0.0, 12.0),
        ("no", 0.0, -12.0),
        ("yes", -1000.0, -12.0),
        ("yes", None, math.log(19)),
        ("no", None, -math.log(19)),
        ("perhaps", math.log(0.8), -12.0),
        ("", None, -12.0),
    ],
)
def test_log_odds(text: str, logprob: float | None, expected: float) -> None:
    assert log_odds(_reply(text, logprob)) == pytest.approx(expected)
