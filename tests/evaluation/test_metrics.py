"""The registry of metrics: names, order, and what each says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.errors import UsageError
from share_sql.evaluation.metrics import METRICS, check_metrics, databases_of, verdicts_among


def test_each_metric_has_its_functions_name_and_says_what_is_right() -> None:
    assert list(METRICS) == ["ex", "strict", "soft-f1", "ves", "r-ves", "em", "test-suite"]
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.about
        assert metric.after
        assert not (metric.verdict and metric.timed)
    assert verdicts_among(list(METRICS)) == ("ex", "strict", "em", "test-suite")
    assert [name for name, metric in METRICS.items() if metric.timed] == ["ves", "r-ves"]


def test_names_are_put_in_the_registrys_order_and_unknown_ones_refused() -> None:
    assert check_metrics(["em", "ex"]) == ("ex", "em")
    for wrong in (["ex", "ey"], []):
        with pytest.raises(UsageError, match="choose among ex, strict"):
            check_metrics(wrong)


def test_only_a_metric_of_the_suite_asks_the_files_beside_a_database(tmp_path: Path) -> None:
    for name in ("shop.sqlite", "shop2.sqlite", "shop.sqlite-wal", "notes.txt"):
        (tmp_path / name).touch()
    own = str(tmp_path / "shop.sqlite")
    assert databases_of(own, ["ex", "em"]) == [own]
    assert databases_of(own, ["ex", "test-suite"]) == [own, str(tmp_path / "shop2.sqlite")]
