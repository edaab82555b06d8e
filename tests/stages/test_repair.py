"""The symbolic repairs, on the demo's database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.weights import load_weights
from share_sql.stages.repair import KINDS, repair
from tests.golden import titled_pairs
from tests.stages.driving import drive, start

GOLDEN = Path(__file__).with_name("golden") / "repairs.txt"
EVERYTHING = replace(load_weights(), enabled=frozenset(KINDS))


@pytest.mark.parametrize(
    ("title", "pair"), titled_pairs(GOLDEN), ids=lambda value: value if isinstance(value, str) else ""
)
def test_golden(title: str, pair: dict[str, str], shop: SqliteDatabase) -> None:
    state = start(shop, pair["question"], pair["draft"], pair.get("evidence", ""), EVERYTHING)
    candidates = drive(repair(state), shop, state)
    if pair["kinds"] == "-":
        assert candidates == ()
        return
    (candidate,) = candidates
    assert [finding.kind for finding in candidate.evidence] == pair["kinds"].split(", ")
    assert candidate.sql == pair["result"]


def test_every_kind_has_a_golden_pair() -> None:
    shown = {kind for _, pair in titled_pairs(GOLDEN) for kind in pair["kinds"].split(", ")}
    # Kinds that the demo's database gives no occasion for are tested below or in test_repair_more.
    elsewhere = {"literal-spelling", "literal-date", "literal-column", "wrong-table", "concatenation"}
    assert set(KINDS) - elsewhere <= shown


def test_nothing_is_done_that_is_not_enabled(shop: SqliteDatabase) -> None:
    nothing = replace(load_weights(), enabled=frozenset())
    state = start(
        shop, "How many?", "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'", weights=nothing
    )
    assert drive(repair(state), shop, state) == ()


def test_two_faults_are_both_mended(shop: SqliteDatabase) -> None:
    state = start(
        shop,
        "How many enterprise customers have a credit limit above 15000?",
        "SELECT COUNT(*) FROM customers WHERE segment = 'ENTERPRISE' AND credit_limit < 15000",
        weights=EVERYTHING,
    )
    (candidate,) = drive(repair(state), shop, state)
    assert {finding.kind for finding in candidate.evidence} == {"literal-case", "comparison-direction"}


def test_an_edit_that_empties_a_result_is_refused(shop: SqliteDatabase) -> None:
    # The wording asks for `>`, yet that would leave nothing: the draft's rows speak against it.
    draft = "SELECT store_name FROM stores WHERE floor_area < 1000000"
    state = start(shop, "Which stores have a floor area above 1000000?", draft, weights=EVERYTHING)
    assert drive(repair(state), shop, state) == ()


def test_a_date_in_another_format(shop: SqliteDatabase) -> None:
    day = str(shop.query("SELECT MIN(ordered_on) FROM orders").rows[0][0])
    year, month, rest = day.split("-")
    draft = f"SELECT COUNT(*) FROM orders WHERE ordered_on = '{int(month)}/{int(rest)}/{year}'"
    state = start(shop, "How many orders that day?", draft, weights=EVERYTHING)
    (candidate,) = drive(repair(state), shop, state)
    assert candidate.sql == f"SELECT COUNT(*) FROM orders WHERE ordered_on = '{day}'"


def test_a_value_that_another_column_holds(shop: SqliteDatabase) -> None:
    city = str(shop.query("SELECT MIN(city) FROM stores").rows[0][0])
    state = start(
        shop, f"How many stores are in {city}?", f"SELECT COUNT(*) FROM stores WHERE store_name = '{city}'",
        weights=EVERYTHING,
    )  # fmt: skip
    (candidate,) = drive(repair(state), shop, state)
    assert candidate.sql == f"SELECT COUNT(*) FROM stores WHERE city = '{city}'"
