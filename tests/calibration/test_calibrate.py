"""Calibration end to end on the demo's own cases: enough to see each part at work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.calibrate import Calibration, calibrate
from share_sql.calibration.label import Labeller
from share_sql.calibration.repairs import MOST_BROKEN, RepairCounts, upper
from share_sql.catalog import Catalog
from share_sql.demo.cases import load_cases
from share_sql.judgement.weights import load_weights


@pytest.fixture(scope="module")
def labeller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labeller]:
    from share_sql.demo.database import write_database

    folder = tmp_path_factory.mktemp("calibrate")
    write_database(folder / "shop.sqlite")
    catalog = Catalog(cache=folder)
    catalog.add("shop", folder / "shop.sqlite")
    yield Labeller(catalog, "spider")
    catalog.close()


@pytest.fixture(scope="module")
def calibration(labeller: Labeller) -> Calibration:
    cases = [LabelledCase(case.case("shop"), gold=case.gold) for case in load_cases()]
    drafts = [
        *cases,
        *(replace(c, case=replace(c.case, id=f"{c.case.id}/gold", draft=c.gold)) for c in cases),
    ]
    with labeller.catalog.use("shop") as opened:
        schemas = {"shop": opened.schema}
    return calibrate(labeller, cases[::2], drafts, schemas, drafts, load_weights())


def test_the_labeller_tells_right_from_wrong(labeller: Labeller) -> None:
    assert labeller.right("shop", "SELECT count(store_id) FROM stores", "SELECT COUNT(*) FROM stores")
    assert not labeller.right("shop", "SELECT COUNT(*) FROM orders", "SELECT COUNT(*) FROM stores")
    assert not labeller.right("shop", "no sql at all", "SELECT COUNT(*) FROM stores")
    assert not labeller.gold_runs("shop", "SELECT nope FROM stores")


def test_every_kind_is_counted_on_every_gold(calibration: Calibration) -> None:
    rights = {count["right"] for count in calibration.figures["repairs"].values()}
    assert len(rights) == 1
    assert rights.pop() > 20


def test_repairs_that_mend_what_was_made_wrong_have_a_tally(calibration: Calibration) -> None:
    assert calibration.weights.repairs["literal-case"].fixed > 0
    assert calibration.weights.repairs["unknown-column"].fixed > 0


def test_failing_queries_weigh_against_a_draft(calibration: Calibration) -> None:
    assert calibration.weights.findings["fails"] > 0


def test_weights_survive_their_file(calibration: Calibration, tmp_path: Path) -> None:
    import json

    path = tmp_path / "weights.json"
    path.write_text(json.dumps(calibration.weights.to_json()))
    assert load_weights(path).to_json() == calibration.weights.to_json()


def test_a_kind_that_breaks_too_much_is_not_enabled() -> None:
    mends = {"fired_on_wrong": 100, "mended": 90}
    assert RepairCounts(right=10_000, broken=10, **mends).meets_bars()
    assert not RepairCounts(right=10_000, broken=100, **mends).meets_bars()
    assert not RepairCounts(right=10_000, fired_on_wrong=100, mended=10).meets_bars()
    # Nothing broken among few is no proof.
    assert not RepairCounts(right=20, broken=0, **mends).meets_bars()
    assert upper(0, 20) > MOST_BROKEN
