"""What the drafter's answers say of a query."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stages.driving import added, corrected, drive, start, take

from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.agreed import AGREED
from share_sql.judgement.agreement import OPINION, Answers, opinion
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import UNFITTED, load_weights
from share_sql.stages.judge import judge
from share_sql.stages.policies import answers_of
from share_sql.stages.repair import repair
from share_sql.stages.state import State

QUESTION = "Which stores are in Atlantis?"
EMPTY = "SELECT store_name FROM stores WHERE city = 'Atlantis'"
FULL = "SELECT store_name FROM stores"
SAME = "SELECT store_name FROM stores WHERE 1 = 1"
OTHER = "SELECT city FROM stores"


def _asked(
    shop: SqliteDatabase, draft: str, *answers: tuple[str, int], threshold: float = 1.0, second: str = FULL
) -> State:
    """A case whose drafter gave answers, each so many times, and the second drafter one; none of the
    drafter's may act but above a threshold."""
    weights = load_weights()
    weighed = {**dict.fromkeys(AGREED, 0.0), "bias": -4.0, "share": 8.0}
    agreed = Logistic(weighed, threshold)
    right = Logistic(dict(zip(OPINION, (0.0, 1.0, 3.0, -6.0), strict=True)), 0.5)
    state = start(shop, QUESTION, draft, weights=replace(weights, agreed=agreed, right_answers=right))
    for sql, votes in answers:
        state = added(shop, state, sql, "drafter", votes=votes)
    own = drive(state.examiner.examine(second), shop, state)
    return replace(state, answers=sum(votes for _, votes in answers), second=own)


def test_answers_with_the_same_rows_count_together(shop: SqliteDatabase) -> None:
    state = _asked(shop, FULL, (SAME, 2), (OTHER, 1), ("SELECT nothing FROM stores", 1))
    assert state.draft is not None
    answers = answers_of(state)
    assert answers.share(state.draft.query) == pytest.approx(0.5)
    assert answers.rival(state.draft.query) == pytest.approx(0.25)
    assert [times for _, times in answers.groups] == [2, 1]


def test_a_query_that_does_not_run_has_no_rows(shop: SqliteDatabase) -> None:
    state = _asked(shop, "SELECT nothing FROM stores", (SAME, 1))
    assert state.draft is not None
    assert state.draft.query.row_set is None
    assert answers_of(state).share(state.draft.query) == 0.0


def test_agreement_raises_the_confidence_and_another_answer_lowers_it(shop: SqliteDatabase) -> None:
    alone = corrected(judge, shop, _asked(shop, FULL)).confidence
    agrees = corrected(judge, shop, _asked(shop, FULL, (SAME, 1))).confidence
    differs = corrected(judge, shop, _asked(shop, FULL, (OTHER, 1))).confidence
    assert differs is not None
    assert alone is not None
    assert agrees is not None
    assert differs < alone < agrees


def test_a_draft_that_the_answers_speak_against_is_handed_back_as_doubted(shop: SqliteDatabase) -> None:
    doubted = corrected(judge, shop, _asked(shop, FULL, (OTHER, 1)))
    assert (doubted.verdict, doubted.sql) == ("abstained", FULL)
    assert "did not see the draft" in doubted.reason
    assert corrected(judge, shop, _asked(shop, FULL, (SAME, 1))).verdict == "kept"


def test_without_answers_the_confidence_is_as_it_was(shop: SqliteDatabase) -> None:
    state = _asked(shop, FULL)
    assert state.draft is not None
    weights = state.plan.weights
    assert corrected(judge, shop, state).confidence == pytest.approx(
        weights.confidence(state.draft.query), abs=1e-4
    )
    assert opinion(Answers.of(1, [(state.draft.query, 1)]), state.draft.query, 0.5) == [1.0, 0.0, 1.0, 0.0]


def test_an_answer_replaces_a_draft_where_its_model_passes_the_threshold(shop: SqliteDatabase) -> None:
    for draft in (EMPTY, OTHER):
        done = corrected(judge, shop, _asked(shop, draft, (FULL, 7), ("SELECT x FROM y", 1), threshold=0.5))
        assert (done.verdict, done.sql) == ("corrected", FULL)
        assert "7 of 8 answers" in done.reason
        assert corrected(judge, shop, _asked(shop, draft, (FULL, 1), threshold=0.999)).sql == draft


def test_no_answer_replaces_a_draft_that_the_second_drafter_was_not_asked_about(shop: SqliteDatabase) -> None:
    state = _asked(shop, OTHER, (FULL, 8), threshold=0.5)
    assert corrected(judge, shop, state).sql == FULL
    assert corrected(judge, shop, replace(state, second=None)).sql == OTHER


def test_of_several_answers_the_one_most_agree_on_replaces_the_draft(shop: SqliteDatabase) -> None:
    few, most = "SELECT city, store_name FROM stores", FULL
    assert corrected(judge, shop, _asked(shop, OTHER, (few, 1), (most, 7), threshold=0.5)).sql == most
    # Answers with the same rows count together, and the likeliest of them is handed back.
    assert (
        corrected(judge, shop, _asked(shop, OTHER, (few, 2), (FULL, 3), (SAME, 3), threshold=0.5)).sql == FULL
    )


def test_an_answer_that_finds_nothing_or_the_same_replaces_nothing(shop: SqliteDatabase) -> None:
    assert corrected(judge, shop, _asked(shop, EMPTY, (f"{EMPTY} AND 1 = 1", 8), threshold=0.5)).sql == EMPTY
    assert corrected(judge, shop, _asked(shop, OTHER, (EMPTY, 8), threshold=0.5)).sql == OTHER
    assert corrected(judge, shop, _asked(shop, FULL, (SAME, 8), threshold=0.5)).sql == FULL


def test_an_answer_that_had_to_be_mended_to_run_replaces_nothing(shop: SqliteDatabase) -> None:
    state = _asked(shop, OTHER, ("SELECT stor_name FROM stores", 8), threshold=0.5)
    # A judge that is as sure of a query that was mended as of any other.
    weights = replace(state.plan.weights, right=UNFITTED)
    mended = take(repair, shop, replace(state, plan=replace(state.plan, weights=weights)))
    assert [each.sql for each in mended.candidates if not each.ran] == [FULL]
    assert corrected(judge, shop, mended).sql == OTHER
    whole = tuple(replace(each, ran=True) for each in mended.candidates)
    assert corrected(judge, shop, replace(mended, candidates=whole)).sql == FULL


def test_an_answer_that_was_written_right_too_is_a_witness(shop: SqliteDatabase) -> None:
    state = _asked(shop, EMPTY, (FULL, 6), threshold=0.5)
    (draft, right) = state.candidates
    for answers in ((replace(right, ran=False), right), (right, replace(right, ran=False))):
        assert corrected(judge, shop, replace(state, candidates=(draft, *answers))).sql == FULL
    alone = replace(state, candidates=(draft, replace(right, ran=False)))
    assert corrected(judge, shop, alone).sql == EMPTY


def test_of_answers_for_a_draft_that_does_not_run_the_one_most_agree_on_wins(shop: SqliteDatabase) -> None:
    done = corrected(judge, shop, _asked(shop, "SELECT x FROM y", (OTHER, 1), (FULL, 2)))
    assert (done.verdict, done.sql) == ("corrected", FULL)


def test_a_query_that_an_answer_agrees_with_is_not_rewritten(shop: SqliteDatabase) -> None:
    rewritten = Logistic(dict.fromkeys(load_weights().compared.features, 1.0), 0.1)
    for answers, sql in ((((SAME, 1),), FULL), (((OTHER, 1),), f"{OTHER} WHERE 1 = 1")):
        other = f"{OTHER} WHERE 1 = 1"
        state = added(shop, _asked(shop, FULL, *answers), other, "compile")
        weights = replace(state.plan.weights, compared=rewritten)
        state = replace(state, plan=replace(state.plan, weights=weights))
        assert corrected(judge, shop, state).sql == sql
