"""propose and score: which candidates the scorer is asked about, and what it says of them."""

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
from share_sql.prompts.library import load_prompts
from share_sql.query.examined import Examined
from share_sql.stages.propose import MOST_ASKED, is_worth_asking, propose
from share_sql.stages.score import KEPT_EDITS, log_odds, score
from share_sql.stages.state import Candidate, State
from tests.stages.driving import added, start, take

DRAFT = "SELECT city, COUNT(*) FROM stores WHERE closed_on IS NULL"
"""A column beside an aggregate without grouping: that speaks against it."""
OTHER = "SELECT city FROM stores WHERE NOT closed_on IS NULL"
FAILS = "SELECT city FROM shops"
EMPTY = "SELECT city FROM stores WHERE city = 'Atlantis'"
SAME = "SELECT city, COUNT(*) FROM stores WHERE stores.closed_on IS NULL"
UNLIKE = "SELECT segment, AVG(credit_limit) FROM customers GROUP BY segment ORDER BY 2 DESC LIMIT 3"
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


def _scored(
    shop: SqliteDatabase,
    model: ScriptedModel,
    *candidates: tuple[str, str],
    draft: str = DRAFT,
    kinds: Iterable[str] = EDIT_KINDS,
    question: str = "In which cities are stores open?",
    roles: tuple[str, ...] = ("scorer",),
    policy: str = "gated",
) -> State:
    """The state after both stages; candidates are SQL and origin."""
    weights = replace(load_weights(), guesses=frozenset(kinds))
    state = start(shop, question, draft, weights=weights, roles=roles, policy=policy)
    for sql, origin in candidates:
        state = added(shop, state, sql, origin)
    return take(score, shop, take(propose, shop, state, model), model)


def _edits(state: State) -> list[Candidate]:
    """The guessed changes that were scored both ways, best first by what was said of the way there."""
    found = [each for each in state.candidates if each.origin == "edit" and each.score is not None]
    return sorted(found, key=lambda each: -(each.forth or 0))


def test_the_likeliest_edits_are_asked_about_both_ways(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _scored(shop, model)
    asked = len(model.requests) - KEPT_EDITS
    assert KEPT_EDITS < asked <= MOST_ASKED
    # Each is scored by the change to it, less the change from it.
    assert [each.score for each in _edits(done)] == pytest.approx(
        [_odds(asked - at) - _odds(asked + 1 + at) for at in range(KEPT_EDITS)]
    )
    assert all(each.kind and each.note for each in _edits(done))
    spent = len(model.requests)
    assert done.usage["scorer"] == Usage(10 * spent, spent, requests=spent)


@pytest.mark.parametrize(
    ("roles", "policy"), [((), "gated"), (("scorer",), "always"), (("scorer",), "errors")]
)
def test_nothing_is_asked_without_a_scorer_or_under_other_policies(
    shop: SqliteDatabase, roles: tuple[str, ...], policy: str
) -> None:
    model = _rising()
    done = _scored(shop, model, (OTHER, "compile"), roles=roles, policy=policy)
    assert [each.sql for each in done.candidates] == [DRAFT, OTHER]
    assert model.requests == []


def test_only_kinds_that_the_weights_name_are_proposed(shop: SqliteDatabase) -> None:
    done = _scored(shop, _rising(), kinds=["group-add"])
    assert [each.kind for each in done.candidates] == ["", "group-add"]
    assert len(_scored(shop, _rising(), kinds=[]).candidates) == 1


def test_no_more_are_asked_about_than_the_bound(shop: SqliteDatabase) -> None:
    model = ScriptedModel(lambda _: _reply("no", math.log(0.99)))
    # It has some 27 changes that are worth asking about.
    draft = (
        "SELECT company_name, segment, city, joined_on FROM customers "
        "WHERE credit_limit > 100 AND city LIKE '%a%' ORDER BY joined_on DESC LIMIT 1"
    )
    question = "Which company name, segment and city, and when joined, has the most credit limit?"
    _scored(shop, model, draft=draft, question=question)
    assert len(model.requests) == MOST_ASKED


NORTH = "SELECT store_name FROM stores WHERE region = 'NORTH' AND closed_on IS NULL"


@pytest.mark.parametrize(
    ("sql", "worth"),
    [
        ("SELECT city FROM stores WHERE region = 'NORTH' AND closed_on IS NULL", True),
        ("SELECT store_name FROM stores WHERE closed_on IS NULL", False),  # the question says NORTH
        ("SELECT 'NORTH'", False),  # another query
        ("SELECT store_name FROM stores WHERE region = 'NORTH' AND closed_on IS NULL LIMIT 3", True),
        (NORTH + " LIMIT 0", False),
    ],
)
def test_what_is_worth_asking_about(shop: SqliteDatabase, sql: str, worth: bool) -> None:
    state = added(shop, start(shop, "Which stores in the 'NORTH' are open?", NORTH), sql)
    draft, other = (each.query for each in state.candidates)
    assert isinstance(draft, Examined)
    assert is_worth_asking(draft, other) == worth
    assert not is_worth_asking(draft, draft)


def test_it_is_asked_for_one_word_with_its_probability_there_and_back(shop: SqliteDatabase) -> None:
    model = _rising()
    _scored(shop, model, (OTHER, "compile"))
    assert {(each.role, each.max_tokens, each.logprobs) for each in model.requests} == {("scorer", 1, True)}
    there, back = (model.requests[at].messages[-1].content for at in (0, -1 - KEPT_EDITS))
    assert "In which cities are stores open?" in there
    assert "{ 'is null' => 'is not null' }" in there
    assert "{ 'is not null' => 'is null' }" in back


def test_rewritten_candidates_keep_their_place_and_are_asked_about_first(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _scored(shop, model, (OTHER, "compile"))
    first = done.candidates[1]
    assert (first.sql, first.origin, first.kind) == (OTHER, "compile", "")
    assert first.score == pytest.approx(_odds(1) - _odds(len(model.requests) - KEPT_EDITS))
    assert len(_edits(done)) == KEPT_EDITS
    assert OTHER not in {each.sql for each in _edits(done)}


def test_one_text_is_asked_about_once(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _scored(shop, model, (OTHER, "compile"), (OTHER, "generator"), kinds=[])
    assert len(model.requests) == 2
    assert [each.score is None for each in done.candidates] == [True, False, True]


@pytest.mark.parametrize("sql", [FAILS, EMPTY, SAME, UNLIKE, "SELECT city FROM (stores"])
def test_what_fails_brings_a_finding_gives_the_same_rows_or_is_another_query_is_not_asked_about(
    shop: SqliteDatabase, sql: str
) -> None:
    alone, beside = _rising(), _rising()
    _scored(shop, alone)
    done = _scored(shop, beside, (sql, "generator"))
    assert done.candidates[1].score is None
    assert beside.requests == alone.requests


def test_what_is_unlikely_is_given_up_without_asking_about_the_way_back(shop: SqliteDatabase) -> None:
    model = ScriptedModel(lambda _: _reply("no", math.log(0.99)))
    done = _scored(shop, model, (OTHER, "compile"))
    assert all(each.score is None for each in done.candidates)
    assert len(model.requests) <= MOST_ASKED
    assert not any("{ 'is not null' => 'is null' }" in each.messages[-1].content for each in model.requests)


def test_no_finding_against_the_draft_is_needed(shop: SqliteDatabase) -> None:
    done = _scored(shop, _rising(), (OTHER, "compile"), draft=BLAMELESS, kinds=["distinct-add"])
    _, rewritten, edit = done.candidates
    assert (edit.kind, edit.sql) == ("distinct-add", BLAMELESS.replace("SELECT", "SELECT DISTINCT"))
    assert (edit.forth, rewritten.forth) == (pytest.approx(_odds(2)), pytest.approx(_odds(1)))
    assert rewritten.score == pytest.approx(_odds(1) - _odds(3))


def test_a_rewrite_that_loses_a_constant_of_the_question_is_not_asked_about(shop: SqliteDatabase) -> None:
    draft = "SELECT city, COUNT(*) FROM stores WHERE store_id > 2"
    question = "In which cities are stores with a number above 2?"
    model = _rising()
    _scored(shop, model, (BLAMELESS, "compile"), draft=draft, kinds=[], question=question)
    assert model.requests == []
    kept = "SELECT city FROM stores WHERE store_id > 2"
    _scored(shop, model, (kept, "compile"), draft=draft, kinds=[], question=question)
    assert len(model.requests) == 2


def test_changes_start_from_the_repair(shop: SqliteDatabase) -> None:
    plain, model = _rising(), _rising()
    _scored(shop, plain)
    done = _scored(shop, model, (DRAFT, "repair"), draft=FAILS)
    assert model.requests == plain.requests
    assert done.candidates[1].score is None


def test_a_draft_that_does_not_run_is_not_scored(shop: SqliteDatabase) -> None:
    model = _rising()
    done = _scored(shop, model, (OTHER, "compile"), draft=FAILS)
    assert len(done.candidates) == 2
    assert model.requests == []
    assert len(_scored(shop, model, draft="no SQL at all").candidates) == 0


def test_a_scorer_that_is_down_leaves_candidates_unscored_and_is_named(shop: SqliteDatabase) -> None:
    done = _scored(shop, ScriptedModel({"scorer": ModelUnavailable("it is down")}), (OTHER, "compile"))
    assert all(each.score is None for each in done.candidates)
    assert (done.steps[-1].stage, done.steps[-1].error) == ("score", "it is down")


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


def test_a_scorer_that_says_neither_yes_nor_no_is_of_no_use(shop: SqliteDatabase) -> None:
    done = _scored(shop, ScriptedModel({"scorer": "perhaps"}), (OTHER, "compile"))
    assert [(each.role, each.cause) for each in done.failures] == [("scorer", "unusable")]
    assert all(each.score is None for each in done.candidates)


def test_the_coder_set_is_told_rows_and_what_columns_store(shop: SqliteDatabase) -> None:
    model = _rising()
    state = start(shop, "Where?", DRAFT, roles=("scorer",))
    state = replace(state, plan=replace(state.plan, prompts=load_prompts("coder")))
    state = added(shop, state, OTHER, "compile")
    take(score, shop, take(propose, shop, state, model), model)
    prompts = [request.messages[-1].content for request in model.requests]
    assert all("stores.closed_on: such as 2" in prompt for prompt in prompts)
    forth = next(prompt for prompt in prompts if "Rows before: 2 columns, 1 row:" in prompt)
    back = next(prompt for prompt in prompts if "Rows after: 2 columns, 1 row:" in prompt)
    assert forth.count("Rows") == back.count("Rows") == 2
