"""The judge: what it takes to replace a draft, under each policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from share_sql.case import Correction, WeighedFinding
from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.features import COMPARED, GUESSED, SCORED
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import Weights, load_weights
from share_sql.stages.judge import judge
from share_sql.stages.policies import rivals, scored_row
from share_sql.stages.repair import repair
from share_sql.stages.state import State
from tests.stages.driving import added, corrected, start, take

OPEN = "SELECT COUNT(*) FROM stores WHERE closed_on IS NULL"
SHUT = "SELECT COUNT(*) FROM stores WHERE NOT closed_on IS NULL"
ALL = "SELECT COUNT(*) FROM stores"
FAILS = "SELECT COUNT(*) FROM shops"
EMPTY = "SELECT store_name FROM stores WHERE city = 'Atlantis'"
UNPARSED = "SELECT COUNT(* FROM stores"
QUESTION = "How many stores are open?"


def _only(**weights: float) -> Logistic:
    """A comparison that looks at the named features alone."""
    names = {name.replace("_", "-").replace("--", ":"): value for name, value in weights.items()}
    assert set(names) <= set(COMPARED)
    return Logistic({name: names.get(name, 0.0) for name in COMPARED}, 0.5)


YES, NO = _only(bias=9.0), _only(bias=-9.0)


def _judge(
    shop: SqliteDatabase,
    draft: str,
    *candidates: str,
    policy: str = "gated",
    compared: Logistic | None = None,
    question: str = QUESTION,
) -> Correction:
    weights = load_weights() if compared is None else replace(load_weights(), compared=compared)
    state = start(shop, question, draft, weights=weights, policy=policy)
    for sql in candidates:
        state = added(shop, state, sql)
    return corrected(judge, shop, state)


def _sure(shop: SqliteDatabase, sql: str, question: str = QUESTION) -> float | None:
    """The confidence in a draft that stays."""
    return corrected(judge, shop, start(shop, question, sql)).confidence


# -- the draft stays -----------------------------------------------------------------------------------


def test_without_candidates_the_draft_stays(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN)
    assert (done.verdict, done.sql, done.reason) == ("kept", OPEN, "nothing speaks against the draft")
    assert done.confidence == _sure(shop, OPEN)
    assert done.changes == ()


def test_a_candidate_equal_but_for_spacing_is_none(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN, OPEN.replace(" ", "\n") + ";", compared=YES)
    assert (done.verdict, done.reason) == ("kept", "nothing speaks against the draft")


def test_a_refused_candidate_is_told_from_none(shop: SqliteDatabase) -> None:
    assert _judge(shop, OPEN, SHUT, compared=NO).reason == "nothing speaks for another query"


@pytest.mark.parametrize(("compared", "verdict"), [(YES, "corrected"), (NO, "kept")])
def test_the_comparison_decides_under_gated(shop: SqliteDatabase, compared: Logistic, verdict: str) -> None:
    assert _judge(shop, OPEN, SHUT, compared=compared).verdict == verdict


def test_the_threshold_decides_not_the_half(shop: SqliteDatabase) -> None:
    likely = replace(_only(bias=1.0), threshold=0.8)
    assert _judge(shop, OPEN, SHUT, compared=likely).verdict == "kept"
    assert _judge(shop, OPEN, SHUT, compared=replace(likely, threshold=0.7)).verdict == "corrected"


def test_a_comparison_that_was_not_fitted_lets_nothing_through(shop: SqliteDatabase) -> None:
    assert _judge(shop, OPEN, SHUT, compared=Logistic({}, 1.0)).verdict == "kept"


def test_a_candidate_that_fails_never_wins_under_gated(shop: SqliteDatabase) -> None:
    assert _judge(shop, OPEN, FAILS, compared=YES).verdict == "kept"


def test_the_candidate_is_compared_with_the_draft_and_not_the_draft_with_it(shop: SqliteDatabase) -> None:
    mends = _only(bias=-4.0, mends__empty_result=8.0)
    assert _judge(shop, EMPTY, OPEN, compared=mends).sql == OPEN
    assert _judge(shop, OPEN, EMPTY, compared=mends).sql == OPEN
    adds = _only(bias=-4.0, adds__empty_result=8.0)
    assert _judge(shop, OPEN, EMPTY, compared=adds).sql == EMPTY


def test_the_surest_candidate_wins_whatever_its_place(shop: SqliteDatabase) -> None:
    shorter = _only(bias=0.5, less__length=30.0)
    assert _judge(shop, OPEN, SHUT, ALL, compared=shorter).sql == ALL
    assert _judge(shop, OPEN, ALL, SHUT, compared=shorter).sql == ALL


def test_the_reason_names_the_findings_that_a_candidate_removes(shop: SqliteDatabase) -> None:
    done = _judge(shop, EMPTY, OPEN, compared=YES)
    assert done.reason == (
        "the candidate from generator is better supported; it removes: its result is empty"
    )
    assert done.confidence == _sure(shop, OPEN)  # less sure than the comparison
    assert [finding.kind for finding in done.findings] == ["empty-result"]
    assert done.changes


@pytest.mark.parametrize(
    ("question", "drops", "sql"),
    [
        ("Which stores are open?", True, "fewer"),
        ("Which stores are open, and in which city? Show the city too.", True, "draft"),
        ("Which stores are open? In which city? What is it called?", True, "draft"),
        ("Which stores are open?", False, "draft"),
    ],
)
def test_a_rewrite_takes_no_column_away_that_may_be_asked_for(
    shop: SqliteDatabase, question: str, drops: bool, sql: str
) -> None:
    draft = "SELECT store_name, city FROM stores WHERE closed_on IS NULL"
    fewer = "SELECT store_name FROM stores WHERE closed_on IS NULL"
    state = start(shop, question, draft, weights=replace(load_weights(), compared=YES))
    state = added(shop, replace(state, plan=replace(state.plan, drops=drops)), fewer)
    assert corrected(judge, shop, state).sql == {"draft": draft, "fewer": fewer}[sql]


def test_a_rewrite_with_a_column_of_any_row_does_not_win(shop: SqliteDatabase) -> None:
    draft = "SELECT city, COUNT(*), AVG(floor_area) FROM stores GROUP BY city"
    loose = "SELECT city, COUNT(*), floor_area / COUNT(*) FROM stores GROUP BY city"
    weights = replace(load_weights(), compared=YES)
    share = "SELECT city, floor_area * 1.0 / (SELECT SUM(floor_area) FROM stores), 1 FROM stores"
    window = "SELECT city, floor_area - AVG(floor_area) OVER (PARTITION BY city), 1 FROM stores"
    for before, after, wins in (
        (draft, loose, False),
        (loose, draft, True),
        (draft, share, True),
        (draft, window, True),
    ):
        state = start(shop, "The stores and the average floor area of each city?", before, weights=weights)
        assert (corrected(judge, shop, added(shop, state, after)).sql == after) == wins


def test_a_rewrite_that_selects_a_column_twice_has_one_fewer(shop: SqliteDatabase) -> None:
    draft = "SELECT store_name, city FROM stores WHERE closed_on IS NULL"
    twice = "SELECT store_name, store_name AS again FROM stores WHERE closed_on IS NULL"
    state = start(shop, "Which stores are open?", draft, weights=replace(load_weights(), compared=YES))
    state = replace(state, plan=replace(state.plan, drops=False))
    assert corrected(judge, shop, added(shop, state, twice)).sql == draft


# -- drafts that do not run ----------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["gated", "errors"])
@pytest.mark.parametrize("draft", [FAILS, UNPARSED])
def test_a_failing_draft_gives_way_to_one_that_runs(shop: SqliteDatabase, policy: str, draft: str) -> None:
    done = _judge(shop, draft, OPEN, policy=policy)
    assert (done.verdict, done.sql) == ("corrected", OPEN)
    assert done.reason.startswith("the draft does not run (")
    assert done.confidence == _sure(shop, OPEN)


def test_of_several_that_run_the_better_one_is_taken(shop: SqliteDatabase) -> None:
    shorter = _only(less__length=30.0)
    assert _judge(shop, FAILS, OPEN, ALL, SHUT, compared=shorter).sql == ALL
    assert _judge(shop, FAILS, ALL, OPEN, compared=shorter).sql == ALL


def test_a_failing_draft_stays_where_nothing_runs(shop: SqliteDatabase) -> None:
    done = _judge(shop, FAILS, FAILS + " WHERE 1")
    assert (done.verdict, done.sql) == ("kept", FAILS)
    assert "no such table" in done.reason
    assert done.confidence < 0.5


def test_the_answer_of_a_generator_may_stand_in_for_a_draft_without_sql(shop: SqliteDatabase) -> None:
    done = _judge(shop, "I cannot answer that.", OPEN)
    assert (done.verdict, done.sql) == ("corrected", OPEN)
    alone = _judge(shop, "I cannot answer that.")
    assert (alone.verdict, alone.sql, alone.confidence) == ("kept", "I cannot answer that.", 0.0)
    assert "no SELECT" in alone.reason


# -- the policies --------------------------------------------------------------------------------------


def test_always_takes_the_last_one_whatever_it_is(shop: SqliteDatabase) -> None:
    done = _judge(shop, OPEN, SHUT, FAILS, policy="always")
    assert (done.verdict, done.sql) == ("corrected", FAILS)
    assert done.confidence < 0.5
    assert done.reason == "the last candidate is taken, from generator"
    assert _judge(shop, OPEN, policy="always").reason == "no candidate was made"


def test_errors_leaves_every_draft_that_runs(shop: SqliteDatabase) -> None:
    assert _judge(shop, EMPTY, OPEN, policy="errors", compared=YES).sql == EMPTY


# -- doubt ---------------------------------------------------------------------------------------------


def test_a_draft_that_runs_but_looks_wrong_is_handed_back_with_doubt(shop: SqliteDatabase) -> None:
    nothing = (
        "SELECT order_id, COUNT(*) FROM orders WHERE status = 'Nowhere' "
        "GROUP BY order_id ORDER BY COUNT(*) DESC LIMIT 1"
    )
    done = _judge(shop, nothing)
    assert (done.verdict, done.sql) == ("abstained", nothing)
    assert done.confidence < 0.5


def test_evidence_against_the_draft_lowers_the_confidence_and_is_named(shop: SqliteDatabase) -> None:
    good, bad = _judge(shop, OPEN), _judge(shop, EMPTY)
    assert bad.confidence < good.confidence
    assert [finding.kind for finding in bad.findings] == ["empty-result"]
    assert bad.findings[0].weight == load_weights().findings["empty-result"]
    assert bad.reason == "its result is empty; but no candidate is better supported"


def test_text_around_the_sql_is_taken_away_and_said(shop: SqliteDatabase) -> None:
    done = _judge(shop, f"Here you are:\n```sql\n{OPEN};\n```")
    assert (done.verdict, done.sql) == ("corrected", OPEN)
    assert done.reason == "the text around the SQL is taken away; nothing speaks against the draft"
    assert done.changes == ()


# -- confidence ----------------------------------------------------------------------------------------


def test_what_does_not_run_or_is_no_sql_has_no_confidence(shop: SqliteDatabase) -> None:
    assert _sure(shop, FAILS) == 0.0
    assert _sure(shop, UNPARSED) == 0.0
    assert _sure(shop, "I do not know.") == 0.0


def test_without_a_question_nothing_can_be_said(shop: SqliteDatabase) -> None:
    assert _sure(shop, OPEN, question=" ") is None
    assert _sure(shop, FAILS, question=" ") == 0.0


def test_findings_lower_the_confidence(shop: SqliteDatabase) -> None:
    names = EMPTY.replace("=", "<>")
    assert (_sure(shop, EMPTY) or 0) < (_sure(shop, names) or 0)


def test_a_change_that_is_not_sure_enough_is_not_made(shop: SqliteDatabase) -> None:
    state = _repaired(shop, EMPTY, OPEN)
    sure = corrected(judge, shop, state).confidence or 0
    for least, verdict in ((sure - 0.01, "corrected"), (sure + 0.01, "abstained")):
        done = corrected(judge, shop, replace(state, plan=replace(state.plan, min_confidence=least)))
        assert done.verdict == verdict
    assert done.sql == EMPTY
    assert done.reason == f"a change is only {sure:.2f} sure, less than {least:g}: the table is stores"


# -- repairs -------------------------------------------------------------------------------------------

FOUND = WeighedFinding("unknown-table", "there is no table shops", weight=2.0)
SURER = WeighedFinding("literal-case", "it is spelt otherwise", weight=3.0)


def _repaired(shop: SqliteDatabase, draft: str, sql: str, weights: Weights | None = None) -> State:
    state = start(shop, QUESTION, draft, weights=weights)
    return added(shop, state, sql, "repair", note="the table is stores", evidence=(SURER, FOUND))


def test_a_repair_is_taken_and_is_less_sure_than_the_same_query_as_a_draft(shop: SqliteDatabase) -> None:
    done = corrected(judge, shop, _repaired(shop, EMPTY, OPEN))
    assert (done.verdict, done.sql, done.reason) == ("corrected", OPEN, "the table is stores")
    assert 0 < (done.confidence or 0) < _sure(shop, OPEN)
    assert [finding.kind for finding in done.findings] == ["empty-result", "literal-case", "unknown-table"]


def test_what_the_repair_found_replaces_the_finding_of_its_kind(shop: SqliteDatabase) -> None:
    done = corrected(judge, shop, _repaired(shop, FAILS, OPEN))
    assert [finding.kind for finding in done.findings] == ["fails", "literal-case", "unknown-table"]
    assert done.findings[-1] is FOUND


def test_a_repair_is_written_in_the_drafts_layout(shop: SqliteDatabase) -> None:
    draft = "select count(*) -- all\nfrom stores\nwhere city='hamburg'"
    state = _repaired(shop, draft, "SELECT COUNT(*) FROM stores WHERE city = 'Hamburg'")
    assert corrected(judge, shop, state).sql == draft.replace("hamburg", "Hamburg")
    # What was written anew has no layout to keep.
    state = added(shop, start(shop, QUESTION, FAILS), OPEN)
    assert corrected(judge, shop, state).sql == OPEN


@pytest.mark.parametrize(("compared", "sql"), [(YES, SHUT), (NO, OPEN)])
def test_a_rewrite_must_beat_the_repair(shop: SqliteDatabase, compared: Logistic, sql: str) -> None:
    weights = replace(load_weights(), compared=compared)
    for draft in (EMPTY, FAILS):
        state = added(shop, _repaired(shop, draft, OPEN, weights), SHUT)
        assert corrected(judge, shop, state).sql == sql


def test_a_rewrite_is_compared_with_the_repair_not_with_the_draft(shop: SqliteDatabase) -> None:
    weights = replace(load_weights(), compared=_only(bias=-4.0, mends__empty_result=8.0))
    state = added(shop, _repaired(shop, EMPTY, OPEN, weights), SHUT)
    assert corrected(judge, shop, state).sql == OPEN


# -- candidates that the scorer weighed ----------------------------------------------------------------


def _weighed(shop: SqliteDatabase, draft: str, roles: tuple[str, ...] = ()) -> State:
    """A candidate's probability is its score's, and must be above that of log-odds 2."""
    weights = replace(
        load_weights(),
        scored=Logistic({name: float(name == "score") for name in SCORED}, 0.8808),
        guessed=Logistic({name: float(name == "score") for name in GUESSED}, 0.8808),
        compared=NO,
    )
    return start(shop, QUESTION, draft, weights=weights, roles=roles)


def _with(shop: SqliteDatabase, state: State, sql: str, score: float | None, origin: str = "edit") -> State:
    kind = "operator" if origin == "edit" else ""
    forth = None if score is None else score / 2 + 0.5
    return added(shop, state, sql, origin, note="it is said otherwise", kind=kind, score=score, forth=forth)


@pytest.mark.parametrize("origin", ["edit", "compile"])
@pytest.mark.parametrize(("score", "verdict"), [(1.9, "kept"), (2.1, "corrected")])
def test_a_scored_candidate_replaces_the_draft_above_the_threshold(
    shop: SqliteDatabase, origin: str, score: float, verdict: str
) -> None:
    done = corrected(judge, shop, _with(shop, _weighed(shop, OPEN), SHUT, score, origin))
    assert done.verdict == verdict
    if verdict == "corrected":
        assert (done.sql, done.confidence) == (SHUT, 0.8909)
        assert done.reason.startswith("it is said otherwise")


def test_edits_and_rewrites_have_a_model_each(shop: SqliteDatabase) -> None:
    for origin, model in (("edit", "guessed"), ("compile", "scored")):
        state = _with(shop, _weighed(shop, OPEN), SHUT, 12.0, origin)
        shut = replace(state.plan.weights, **{model: Logistic({}, 1.0)})  # type: ignore[arg-type]
        assert corrected(judge, shop, state).verdict == "corrected"
        state = replace(state, plan=replace(state.plan, weights=shut))
        assert corrected(judge, shop, state).verdict == "kept"


def test_the_best_scored_candidate_is_taken_whatever_its_place(shop: SqliteDatabase) -> None:
    state = _with(shop, _weighed(shop, OPEN), SHUT, 3.0)
    state = _with(shop, _with(shop, state, ALL, 4.0), OPEN + " LIMIT 1", 2.5)
    assert corrected(judge, shop, state).sql == ALL


def test_a_guess_that_the_scorer_gave_up_is_none(shop: SqliteDatabase) -> None:
    state = _with(shop, _weighed(shop, OPEN), SHUT, None)
    state = replace(state, plan=replace(state.plan, weights=replace(state.plan.weights, compared=YES)))
    assert rivals(state) == []
    assert corrected(judge, shop, state).reason == "nothing speaks against the draft"


@pytest.mark.parametrize(("origin", "verdict"), [("compile", "kept"), ("generator", "corrected")])
def test_what_the_scorer_was_not_asked_about_must_come_from_a_generator(
    shop: SqliteDatabase, origin: str, verdict: str
) -> None:
    state = _with(shop, _weighed(shop, OPEN, ("scorer",)), SHUT, None, origin)
    state = replace(state, plan=replace(state.plan, weights=replace(state.plan.weights, compared=YES)))
    assert corrected(judge, shop, state).verdict == verdict


@pytest.mark.parametrize(("score", "sql"), [(1.9, OPEN), (2.1, SHUT)])
def test_the_repair_of_a_failing_draft_must_be_beaten_too(
    shop: SqliteDatabase, score: float, sql: str
) -> None:
    state = added(shop, _weighed(shop, FAILS), OPEN, "repair", evidence=(FOUND,), note="the table is stores")
    done = corrected(judge, shop, _with(shop, state, SHUT, score))
    assert (done.verdict, done.sql) == ("corrected", sql)


def test_the_row_of_a_scored_candidate_is_what_calibration_learns_from(shop: SqliteDatabase) -> None:
    state = _with(shop, _weighed(shop, OPEN), SHUT, 1.0)
    state = _with(shop, _with(shop, state, FAILS, 3.0), ALL, 1.0, "compile")
    edit, fails, rewrite = rivals(state)
    assert scored_row(state, edit) == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert scored_row(state, fails) is None
    assert scored_row(state, rewrite) == [1.0, 1.0, 0.0, 0.0]
    assert scored_row(state, replace(edit, kind="select-drop")) == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_a_rewrite_is_scored_beside_the_repair_not_beside_the_draft(shop: SqliteDatabase) -> None:
    blamed = "SELECT city, COUNT(*) FROM stores"
    state = added(shop, _weighed(shop, blamed), OPEN, "repair", evidence=(FOUND,), note="it is mended")
    state = _with(shop, state, ALL, 1.0, "compile")
    assert scored_row(state, state.candidates[-1]) == [1.0, 1.0, 0.0, 0.0]
    state = _with(shop, _weighed(shop, blamed), ALL, 1.0, "compile")
    assert scored_row(state, state.candidates[-1]) == [1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("nicety", ["keep_layout", "told_changes"])
def test_a_query_too_deep_to_be_told_is_judged_all_the_same(
    shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, nicety: str
) -> None:
    def deep(*args: object) -> object:
        return deep(*args)

    draft = "SELECT COUNT(*) FROM stores WHERE city = 'LEIPZIG'"
    state = take(repair, shop, start(shop, "How many stores are in Leipzig?", draft))
    assert state.repaired is not None
    monkeypatch.setattr(f"share_sql.stages.judge.{nicety}", deep)
    done = corrected(judge, shop, state)
    assert (done.verdict, done.sql) == ("corrected", draft.replace("LEIPZIG", "Leipzig"))
    assert (done.changes == ()) == (nicety == "told_changes")
