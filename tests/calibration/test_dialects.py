"""Calibration on databases that are no SQLite files: the demo's, copied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.calibrate import calibrate
from share_sql.calibration.label import Labeller
from share_sql.catalog import Catalog
from share_sql.copying.copy import copy_database
from share_sql.demo.cases import load_cases
from share_sql.judgement.weights import load_weights

pytest.importorskip("duckdb")


def test_weights_are_fitted_on_a_duckdb_file(shop_path: Path, tmp_path: Path) -> None:
    copy_database(str(shop_path), str(tmp_path / "shop.duckdb"))
    catalog = Catalog(cache=tmp_path / "cache")
    catalog.add("shop", tmp_path / "shop.duckdb")
    labeller = Labeller(catalog, "bird")
    assert labeller.right("shop", "SELECT count(store_id) FROM stores", "SELECT COUNT(*) FROM stores")
    assert not labeller.right("shop", "SELECT nope FROM stores", "SELECT COUNT(*) FROM stores")
    cases = [LabelledCase(case.case("shop"), gold=case.gold) for case in load_cases()]
    runs = [case for case in cases if labeller.gold_runs("shop", case.gold)]
    assert len(runs) > len(cases) / 2, "gold is SQLite's, and mostly says the same to DuckDB"
    drafts = [*runs, *(replace(c, case=replace(c.case, id=f"{c.case.id}/gold", draft=c.gold)) for c in runs)]
    with catalog.use("shop") as opened:
        assert opened.schema.dialect == "duckdb"
        done = calibrate(labeller, runs[::2], drafts, {"shop": opened.schema}, drafts, load_weights())
    assert done.weights.repairs["literal-case"].fixed > 0
    assert done.weights.repairs["unknown-column"].fixed > 0
    catalog.close()
