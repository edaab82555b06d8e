"""The symbolic repairs, on the demo's database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.edits.edit import Edit
from share_sql.edits.proofs import PROVED as KINDS
from share_sql.edits.proofs import Proof
from share_sql.judgement.weights import load_weights
from share_sql.query.examined import Examined, Ran
from share_sql.sql.text import parse_select
from share_sql.stages.repair import repair
from share_sql.stages.state import Candidate, State
from tests.golden import titled_pairs
from tests.stages.driving import added, start, take

GOLDEN = Path(__file__).with_name("golden") / "repairs.txt"
EVERYTHING = replace(load_weights(), enabled=frozenset(KINDS))


def _repairs(shop: SqliteDatabase, state: State) -> list[Candidate]:
    return [each for each in take(repair, shop, state).candidates if each.origin == "repair"]


@pytest.mark.parametrize(
    ("title", "pair"), titled_pairs(GOLDEN), ids=lambda value: value if isinstance(value, str) else ""
)
def test_golden(title: str, pair: dict[str, str], shop: SqliteDatabase) -> None:
    state = start(shop, pair["question"], pair["draft"], pair.get("evidence", ""), EVERYTHING)
    candidates = _repairs(shop, state)
    if pair["kinds"] == "-":
        assert candidates == []
        return
    (candidate,) = candidates
    assert [finding.kind for finding in candidate.evidence] == pair["kinds"].split(", ")
    assert candidate.sql == pair["result"]


def test_every_kind_has_a_golden_pair() -> None:
    shown = {kind for _, pair in titled_pairs(GOLDEN) for kind in pair["kinds"].split(", ")}
    # Kinds that the demo's database gives no occasion for have pairs in edges.txt or in tests/field.
    elsewhere = {
        *("literal-spelling", "literal-date", "literal-column", "wrong-table", "concatenation"),
        *("literal-type", "literal-truth", "literal-code", "literal-padding", "pattern", "text-number"),
        *("date-unquoted", "date-of-time", "date-last-day", "date-part"),
        # Of strict dialects: in dialects.txt.
        *("name-case", "group-bare", "distinct-order", "date-as-text"),
    }
    assert set(KINDS) - elsewhere <= shown


def test_nothing_is_done_that_is_not_enabled(shop: SqliteDatabase) -> None:
    nothing = replace(load_weights(), enabled=frozenset())
    state = start(
        shop, "How many?", "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'", weights=nothing
    )
    assert _repairs(shop, state) == []


def test_two_faults_are_both_mended(shop: SqliteDatabase) -> None:
    state = start(
        shop,
        "How many enterprise customers have a credit limit above 15000?",
        "SELECT COUNT(*) FROM customers WHERE segment = 'ENTERPRISE' AND credit_limit < 15000",
        weights=EVERYTHING,
    )
    (candidate,) = _repairs(shop, state)
    assert {finding.kind for finding in candidate.evidence} == {"literal-case", "comparison-direction"}


def test_an_edit_that_empties_a_result_is_refused(shop: SqliteDatabase) -> None:
    # The wording asks for `>`, yet that would leave nothing: the draft's rows speak against it.
    draft = "SELECT store_name FROM stores WHERE floor_area < 1000000"
    state = start(shop, "Which stores have a floor area above 1000000?", draft, weights=EVERYTHING)
    assert _repairs(shop, state) == []


def test_a_date_in_another_format(shop: SqliteDatabase) -> None:
    day = str(shop.query("SELECT MIN(ordered_on) FROM orders").rows[0][0])
    year, month, rest = day.split("-")
    draft = f"SELECT COUNT(*) FROM orders WHERE ordered_on = '{int(month)}/{int(rest)}/{year}'"
    state = start(shop, "How many orders that day?", draft, weights=EVERYTHING)
    (candidate,) = _repairs(shop, state)
    assert candidate.sql == f"SELECT COUNT(*) FROM orders WHERE ordered_on = '{day}'"


def test_a_value_that_another_column_holds(shop: SqliteDatabase) -> None:
    city = str(shop.query("SELECT MIN(city) FROM stores").rows[0][0])
    state = start(
        shop, f"How many stores are in {city}?", f"SELECT COUNT(*) FROM stores WHERE store_name = '{city}'",
        weights=EVERYTHING,
    )  # fmt: skip
    (candidate,) = _repairs(shop, state)
    assert candidate.sql == f"SELECT COUNT(*) FROM stores WHERE city = '{city}'"


# -- the loop ------------------------------------------------------------------------------------------

CASE = "SELECT COUNT(*) FROM customers WHERE segment = 'ENTERPRISE'"
MENDED = "SELECT COUNT(*) FROM customers WHERE segment = 'enterprise'"


def _after(shop: SqliteDatabase, draft: str, question: str = "How many?") -> str:
    (candidate,) = _repairs(shop, start(shop, question, draft, weights=EVERYTHING))
    return candidate.sql


def test_the_repair_comes_right_after_the_draft_and_says_what_it_did(shop: SqliteDatabase) -> None:
    state = added(shop, start(shop, "How many?", CASE, weights=EVERYTHING), "SELECT 1")
    done = take(repair, shop, state)
    assert [each.origin for each in done.candidates] == ["draft", "repair", "generator"]
    repaired = done.candidates[1]
    assert repaired.note == "customers.segment holds no 'ENTERPRISE'; it holds 'enterprise'"
    assert repaired.query.runs
    (fault,) = repaired.evidence
    assert fault.weight > 3
    assert done.steps[-1].text == "2 candidates"


def test_candidates_are_repaired_in_their_place(shop: SqliteDatabase) -> None:
    state = added(shop, start(shop, "How many?", "SELECT 1", weights=EVERYTHING), CASE, "compile")
    done = take(repair, shop, state)
    assert [each.sql for each in done.candidates] == ["SELECT 1", MENDED]
    assert done.candidates[1].note.startswith("from compile, mended: customers.segment holds no")


@pytest.mark.parametrize("policy", ["always", "errors"])
def test_other_policies_leave_candidates_as_they_are_and_repair_the_draft(
    shop: SqliteDatabase, policy: str
) -> None:
    state = start(shop, "How many?", CASE, weights=EVERYTHING, policy=policy)
    done = take(repair, shop, added(shop, state, CASE + " ", "generator"))
    assert [each.sql for each in done.candidates] == [CASE, MENDED, CASE + " "]


def test_text_in_double_quotes_is_text(shop: SqliteDatabase) -> None:
    assert _after(shop, 'SELECT COUNT(*) FROM customers WHERE segment = "ENTERPRISE"') == MENDED


def test_a_name_in_double_quotes_that_another_table_has_is_a_name(shop: SqliteDatabase) -> None:
    # SQLite would select the text "segment" for each store.
    assert "JOIN employees ON" in _after(shop, 'SELECT "salary" FROM stores', "What are the salaries?")


def test_a_parenthesis_is_closed(shop: SqliteDatabase) -> None:
    done = _after(shop, "SELECT COUNT(*) FROM customers WHERE segment IN ('ENTERPRISE'")
    assert done == "SELECT COUNT(*) FROM customers WHERE segment IN ('enterprise')"


def test_progress_on_a_failing_draft_counts_though_it_still_fails(shop: SqliteDatabase) -> None:
    draft = "SELECT compny_name FROM customers WHERE segmnt = 'enterprise'"
    assert _after(shop, draft) == "SELECT company_name FROM customers WHERE segment = 'enterprise'"


def test_a_pass_is_tried_again_until_it_finds_nothing_more(shop: SqliteDatabase) -> None:
    draft = "SELECT COUNT(*) FROM customers WHERE segment IN ('ENTERPRISE', 'SMB')"
    assert _after(shop, draft) == "SELECT COUNT(*) FROM customers WHERE segment IN ('enterprise', 'smb')"


def test_a_draft_that_is_no_sql_has_no_repair(shop: SqliteDatabase) -> None:
    state = take(repair, shop, start(shop, "How many?", "I do not know.", weights=EVERYTHING))
    assert state.candidates == ()
    assert isinstance(start(shop, "How many?", "SELECT (1").candidates[0].query, Ran)


def _tried(shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, draft: str, *edits: str) -> list[str]:
    """The repair of a draft where one pass proposes these queries, in their order."""

    def look(query: Examined) -> list[Edit]:
        return (
            []
            if query.sql in edits
            else [Edit("literal-case", "", parse_select(sql, "sqlite")) for sql in edits]
        )

    monkeypatch.setattr("share_sql.stages.repair.PROOFS", (Proof(("literal-case",), look=look),))
    return [each.sql for each in _repairs(shop, start(shop, "How many?", draft, weights=EVERYTHING))]


RUNS, EMPTY = "SELECT city FROM stores", "SELECT city FROM stores WHERE 0"
ONE_FAULT, TWO_FAULTS = "SELECT citi FROM stores", "SELECT citi, regio FROM stores"


def test_an_edit_is_refused_that_breaks_a_query_or_empties_its_result(
    shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _tried(shop, monkeypatch, RUNS, ONE_FAULT) == []
    assert _tried(shop, monkeypatch, RUNS, EMPTY) == []
    assert _tried(shop, monkeypatch, EMPTY, RUNS) == [RUNS]
    assert _tried(shop, monkeypatch, EMPTY, "SELECT region FROM stores WHERE 0") != []


def test_of_a_failing_query_an_edit_must_mend_something(
    shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _tried(shop, monkeypatch, ONE_FAULT, TWO_FAULTS) == []
    assert _tried(shop, monkeypatch, TWO_FAULTS, ONE_FAULT) == [ONE_FAULT]
    assert _tried(shop, monkeypatch, ONE_FAULT, RUNS) == [RUNS]


def test_the_first_good_edit_is_taken(shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "SELECT region FROM stores"
    assert _tried(shop, monkeypatch, EMPTY, ONE_FAULT, other, RUNS) == [other]
