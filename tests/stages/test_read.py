"""read: which of a text's readings is the draft's SQL."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from share_sql.database.sqlite import SqliteDatabase
from share_sql.sql.readings import MAX_TEXT
from share_sql.stages.judge import judge
from share_sql.stages.readable import MAX_MENDED
from share_sql.stages.repair import repair
from share_sql.stages.state import State
from tests.stages.driving import corrected, start, take

STEP = "SELECT DISTINCT city FROM stores"
ANSWER = "SELECT COUNT(*) FROM stores"
SLIP = "SELECT COUNT(* FROM stores"
FAILS = "SELECT zzz FROM nowhere"


def _sql(shop: SqliteDatabase, draft: str) -> str:
    return start(shop, "How many stores are there?", draft).sql


def _fence(*queries: str) -> str:
    return "\n".join(f"```sql\n{query}\n```" for query in queries)


def test_of_several_that_run_the_last_is_meant(shop: SqliteDatabase) -> None:
    assert _sql(shop, _fence(STEP, ANSWER)) == ANSWER


def test_one_that_fails_gives_way_to_one_that_runs(shop: SqliteDatabase) -> None:
    assert _sql(shop, _fence(ANSWER, FAILS)) == ANSWER


def test_one_that_can_be_mended_is_meant_before_a_step(shop: SqliteDatabase) -> None:
    assert _sql(shop, _fence(STEP, SLIP)) == SLIP


def test_where_none_runs_the_first_that_can_be_parsed_is_taken(shop: SqliteDatabase) -> None:
    assert _sql(shop, _fence(FAILS, "SELECT ((")) == FAILS
    assert _sql(shop, "SELECT ((") == "SELECT (("


def test_words_that_are_no_query_are_no_sql(shop: SqliteDatabase) -> None:
    state = start(shop, "How many?", "I would SELECT with care.")
    assert state.draft is None
    assert state.steps[-1].error is not None


def _corrected(shop: SqliteDatabase, draft: str) -> tuple[str, str, str]:
    state: State = take(repair, shop, start(shop, "How many stores are there?", draft))
    done = corrected(judge, shop, state)
    return done.verdict, done.sql, done.reason


@pytest.mark.parametrize("draft", [f"-- stores; all\n{ANSWER}", f"{ANSWER}; -- done", f"/* it's */ {ANSWER}"])
def test_comments_are_no_text_around(shop: SqliteDatabase, draft: str) -> None:
    assert _corrected(shop, draft)[:2] == ("kept", draft)


@pytest.mark.parametrize("draft", [f"{ANSWER};;", f"{ANSWER};\n{ANSWER}", f"Here: {ANSWER}", _fence(ANSWER)])
def test_text_around_is_taken_away(shop: SqliteDatabase, draft: str) -> None:
    verdict, sql, reason = _corrected(shop, draft)
    assert (verdict, sql) == ("corrected", ANSWER)
    assert reason.startswith("the text around the SQL is taken away")


def test_sql_that_does_not_run_is_never_called_corrected(shop: SqliteDatabase) -> None:
    draft = f"Here you go:\n{FAILS}\nThis is it."
    verdict, sql, reason = _corrected(shop, draft)
    assert (verdict, sql) == ("kept", draft)
    assert "no such table" in reason


_PARTS = [
    ANSWER, STEP, FAILS, SLIP, "```sql", "```", "'''", '"', "'", "`", "{", "}", '"sql":', "<sql>", "</sql>",
    "<think>", "</think>", ";", "\n", "\n\n", ":", "(", ")", "\\", "it's", "Answer:", "--", "/*", "as", "‘",
    "DROP TABLE stores", "&lt;", "#", ",",
]  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(st.sampled_from(_PARTS), st.text(max_size=8)), max_size=12))
def test_whatever_is_written_no_draft_is_lost(shop: SqliteDatabase, parts: list[str]) -> None:
    draft = " ".join(parts)
    verdict, sql, _ = _corrected(shop, draft)
    if verdict == "corrected":
        assert shop.query(sql).columns
    else:
        assert sql == draft


def test_a_draft_that_is_too_long_is_kept_with_the_reason(shop: SqliteDatabase) -> None:
    draft = f"{ANSWER} -- {'x' * MAX_TEXT}"
    verdict, sql, reason = _corrected(shop, draft)
    assert (verdict, sql) == ("kept", draft)
    assert f"the draft is {len(draft):,} characters long" in reason


def test_long_sql_that_runs_is_kept(shop: SqliteDatabase) -> None:
    draft = f"SELECT COUNT(*){' ' * 150_000}FROM stores"
    assert _corrected(shop, draft)[:2] == ("kept", draft)


def test_slips_are_looked_for_in_texts_of_bounded_length(shop: SqliteDatabase) -> None:
    slip = f"SELECT COUNT(* FROM stores WHERE city <> '{'x' * MAX_MENDED}'"
    state = take(repair, shop, start(shop, "How many stores are there?", slip))
    assert state.repaired is None
    assert "slips are looked for in at most" in (state.steps[-1].error or "")
    short = slip.replace("x" * MAX_MENDED, "x")
    assert take(repair, shop, start(shop, "How many stores are there?", short)).repaired is not None
