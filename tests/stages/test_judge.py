"""The judge: what it takes to replace a draft."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.case import Correction, Finding
from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.features import EDITED, FEATURES, SCORED
from share_sql.judgement.weights import load_weights
from share_sql.stages.judge import judge
from share_sql.stages.stage import Candidate, Policy, State
from tests.stages.driving import drive, start

OPEN = "SELECT COUNT(*) FROM stores WHERE closed_on IS NULL"
SHUT = "SELECT COUNT(*) FROM stores WHERE NOT closed_on IS NULL"
FAILS = "SELECT COUNT(*) FROM shops"
EMPTY = "SELECT store_name FROM stores WHERE city = 'Atlantis'"


def _judge(
    shop: SqliteDatabase, draft: str, *candidates: str, policy: Policy = "gated", eager: bool | None = None
) -> Correction:
    """Judge; `eager` True makes the comparison say yes to everything, False no."""
    weights = load_weights()
    if eager is not None:
        row = tuple(9.0 if name == "bias" and eager else -9.0 if name == "bias" else 0.0 for name in FEATURES)
        weights = replace(weights, replace_features=FEATURES, replace_weights=row, replace_threshold=0.5)
    state = start(shop, "How many stores are open?", draft, weights=weights)
    state = replace(
        state,
        plan=replace(state.plan, policy=policy),
        candidates=tuple(Candidate(sql, "generator") for sql in candidates),
    )
    done = drive(judge(state), shop, state).correction
    assert done is not None
    return done


def test_without_candidates_the_draft_stays(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN)
    assert (done.verdict, done.sql, done.reason) == ("kept", OPEN, "nothing speaks against the draft")


def test_a_candidate_equal_but_for_spacing_is_none(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN, OPEN.replace(" ", "\n") + ";", eager=True)
    assert done.verdict == "kept"


@pytest.mark.parametrize(("eager", "verdict"), [(True, "corrected"), (False, "kept")])
def test_the_comparison_decides_under_gated(shop: SqliteDatabase, eager: bool, verdict: str) -> None:
    assert _judge(shop, OPEN, SHUT, eager=eager).verdict == verdict


def test_a_candidate_that_fails_never_wins_under_gated(shop: SqliteDatabase) -> None:
    assert _judge(shop, OPEN, FAILS, eager=True).verdict == "kept"


def test_always_takes_the_last_one_whatever_it_is(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN, SHUT, FAILS, policy="always")
    assert (done.verdict, done.sql) == ("corrected", FAILS)


@pytest.mark.parametrize("policy", ["gated", "errors"])
def test_a_failing_draft_gives_way_to_one_that_runs(shop: SqliteDatabase, policy: Policy) -> None:
    done = _judge(shop, FAILS, OPEN, policy=policy)
    assert (done.verdict, done.sql) == ("corrected", OPEN)
    assert "no such table" in done.reason


def test_a_failing_draft_stays_where_nothing_runs(shop: SqliteDatabase) -> None:
    done = _judge(shop, FAILS, FAILS + " WHERE 1")
    assert done.sql == FAILS
    assert done.verdict == "kept"
    assert "no such table" in done.reason
    assert done.confidence < 0.5


def test_a_draft_that_runs_but_looks_wrong_is_handed_back_with_doubt(shop: SqliteDatabase) -> None:
    nothing = (
        "SELECT order_id, COUNT(*) FROM orders WHERE status = 'Nowhere' "
        "GROUP BY order_id ORDER BY COUNT(*) DESC LIMIT 1"
    )
    done = _judge(shop, nothing)
    assert (done.verdict, done.sql) == ("abstained", nothing)
    assert done.confidence < 0.5


def test_errors_leaves_every_draft_that_runs(shop: SqliteDatabase) -> None:
    assert _judge(shop, EMPTY, OPEN, policy="errors").sql == EMPTY


def test_evidence_against_the_draft_lowers_the_confidence_and_is_named(shop: SqliteDatabase) -> None:
    good, bad = _judge(shop, OPEN), _judge(shop, EMPTY)
    assert bad.confidence < good.confidence
    assert [finding.kind for finding in bad.findings] == ["empty-result"]
    assert "empty" in bad.reason


# -- candidates that the scorer weighed ----------------------------------------------------------------

FOUND = Finding("unknown-table", "there is no table shops", weight=2.0)


def _weighed(shop: SqliteDatabase, draft: str, *candidates: Candidate) -> State:
    """Judge; a candidate's probability is its score's, and must be above that of log-odds 2."""
    weights = replace(
        load_weights(),
        scored_features=SCORED,
        scored_weights=tuple(float(name == "score") for name in SCORED),
        scored_threshold=0.8808,
        edited_features=EDITED,
        edited_weights=tuple(float(name == "score") for name in EDITED),
        edited_threshold=0.8808,
    )
    state = start(shop, "How many stores are open?", draft, weights=weights)
    state = replace(state, candidates=candidates)
    return drive(judge(state), shop, state)


def _edit(sql: str, score: float, origin: str = "edit") -> Candidate:
    return Candidate(
        sql,
        origin,
        "it is said otherwise",
        kind="operator" if origin == "edit" else "",
        score=score,
        forth=score / 2 + 0.5,
    )


@pytest.mark.parametrize("origin", ["edit", "compile"])
@pytest.mark.parametrize(("score", "verdict"), [(1.9, "kept"), (2.1, "corrected")])
def test_a_scored_candidate_replaces_the_draft_above_the_threshold(
    shop: SqliteDatabase, origin: str, score: float, verdict: str
) -> None:
    done = _weighed(shop, OPEN, _edit(SHUT, score, origin)).correction
    assert done is not None
    assert done.verdict == verdict
    if verdict == "corrected":
        assert (done.sql, done.confidence) == (SHUT, 0.8909)
        assert done.reason.startswith("it is said otherwise")


def test_the_best_scored_candidate_is_taken_whatever_its_place(shop: SqliteDatabase) -> None:
    all_of_them = "SELECT COUNT(*) FROM stores"
    done = _weighed(
        shop, OPEN, _edit(SHUT, 3.0), _edit(all_of_them, 4.0), _edit(OPEN + " LIMIT 1", 2.5)
    ).correction
    assert done is not None
    assert done.sql == all_of_them


@pytest.mark.parametrize("origin", ["edit", "compile"])
def test_weights_without_a_model_of_scored_candidates_keep_the_draft(
    shop: SqliteDatabase, origin: str
) -> None:
    weights = replace(
        load_weights(), scored_features=(), scored_weights=(), scored_threshold=1.0,
        edited_features=(), edited_weights=(), edited_threshold=1.0,
    )  # fmt: skip
    state = start(shop, "How many stores are open?", OPEN, weights=weights)
    state = replace(state, candidates=(_edit(SHUT, 12.0, origin),))
    done = drive(judge(state), shop, state).correction
    assert done is not None
    assert done.verdict == "kept"


@pytest.mark.parametrize(("score", "sql"), [(1.9, OPEN), (2.1, SHUT)])
def test_what_a_failing_draft_was_repaired_to_stands_like_a_draft(
    shop: SqliteDatabase, score: float, sql: str
) -> None:
    repaired = Candidate(OPEN, "repair", "the table is stores", (FOUND,))
    done = _weighed(shop, FAILS, repaired, _edit(SHUT, score)).correction
    assert done is not None
    assert (done.verdict, done.sql) == ("corrected", sql)


def test_what_was_compared_is_noted_for_calibration(shop: SqliteDatabase) -> None:
    state = _weighed(shop, OPEN, Candidate(EMPTY, "generator"), _edit(SHUT, 1.0), _edit(FAILS, 3.0))
    (compared,) = state.compared
    assert (compared.standing, compared.candidate) == (OPEN, SHUT)
    told = dict(zip(EDITED, compared.row, strict=True))
    assert {name: value for name, value in told.items() if value} == {"bias": 1.0, "score": 1.0}
    assert compared.kind == "operator"
    state = _weighed(shop, OPEN, _edit(SHUT, 1.0, "compile"))
    told = dict(zip(SCORED, state.compared[0].row, strict=True))
    assert {name: value for name, value in told.items() if value} == {"bias": 1.0, "score": 1.0}
