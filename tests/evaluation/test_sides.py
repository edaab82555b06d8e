"""Figures side by side: where gold finds nothing, and by original and corrected gold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from share_sql.evaluation.cases import EvalCase, Options
from share_sql.evaluation.runner import Evaluation, evaluate
from share_sql.evaluation.sides import nothing_apart, on_both_golds, side_rows
from share_sql.evaluation.summary import as_json
from share_sql.evaluation.tables import corrected_table, tables

NOTHING = "SELECT store_name FROM stores WHERE 1 = 0"
ZERO = "SELECT 0, NULL"

# Gold, draft, prediction.
CASES = (
    ("SELECT 1", "SELECT 2", "SELECT 1"),  # fixed
    ("SELECT 1", "SELECT 1", "SELECT 2"),  # broken
    (NOTHING, NOTHING, "SELECT 'found'"),  # broken, where gold finds nothing
    (ZERO, "SELECT 1", ZERO),  # fixed, where gold finds only NULL and 0
    ("SELECT 1", "SELECT 1", "SELECT 1"),
)


def scored(shop_path: Path, gold: dict[int, str] | None = None) -> Evaluation:
    """The cases by their own gold; or those in `gold`, by that."""
    cases = [
        EvalCase(at, str(shop_path), gold.get(at, own) if gold else own, prediction, draft=draft)
        for at, (own, draft, prediction) in enumerate(CASES)
        if gold is None or at in gold
    ]
    return evaluate(cases, ("ex",), Options(samples=3))


def test_cases_whose_gold_finds_nothing_are_counted_apart(shop_path: Path) -> None:
    evaluation = scored(shop_path)
    found, nothing = nothing_apart(evaluation)
    assert (found.line.cases, nothing.line.cases) == (3, 2)
    assert (found.moved["ex"].fixed, found.moved["ex"].broken) == (1, 1)
    assert (nothing.moved["ex"].fixed, nothing.moved["ex"].broken) == (1, 1)
    assert side_rows((found, nothing)) == [
        ["", "gold finds something", "gold finds nothing"],
        ["cases", "3", "2"],
        ["ex", "66.67", "50.00"],
        ["ex before", "66.67", "50.00"],
        ["ex fixed", "1", "1"],
        ["ex broken", "1", "1"],
    ]


def test_json_and_text_tell_them_and_leave_the_official_figure(shop_path: Path) -> None:
    evaluation = scored(shop_path)
    report: dict[str, Any] = as_json(evaluation)
    assert report["total"]["ex"] == 60.0
    assert report["gold_finds_nothing"]["cases"] == [2, 3]
    assert report["gold_finds_nothing"]["without"]["ex"] == pytest.approx(66.6667)
    assert report["gold_finds_nothing"]["without"]["drafts"]["ex"]["broken"] == 1
    assert report["gold_finds_nothing"]["only"]["drafts"]["ex"]["fixed"] == 1
    assert report["drafts"]["ex"]["fixed_where_gold_finds_nothing"] == 1
    text = "\n".join(tables(evaluation))
    assert "fixed 2 (1 where gold finds nothing), broken 2 (1 where gold finds nothing)" in text
    assert "gold finds nothing (no row, or only NULL and 0) in 2 cases (2, 3); these apart:" in text
    assert re.search(r"^ex broken +1 +1$", text, re.MULTILINE)


def test_without_such_cases_the_text_says_nothing_of_it(shop_path: Path) -> None:
    evaluation = evaluate([EvalCase(1, str(shop_path), "SELECT 1", "SELECT 1")], ("ex",))
    assert "finds nothing" not in "\n".join(tables(evaluation))
    report: dict[str, Any] = as_json(evaluation)
    assert report["gold_finds_nothing"]["cases"] == []
    assert report["gold_finds_nothing"]["without"]["cases"] == 1
    assert "drafts" not in report["gold_finds_nothing"]["without"]


def test_both_golds_are_compared_on_the_questions_that_have_both(shop_path: Path) -> None:
    evaluation, corrected = scored(shop_path), scored(shop_path, {1: "SELECT 2", 4: "SELECT nothing"})
    original, other = on_both_golds(evaluation, corrected)
    assert (original.line.cases, other.line.cases) == (2, 2)
    assert (original.moved["ex"].broken, other.moved["ex"].broken) == (1, 0)
    assert (original.moved["ex"].fixed, other.moved["ex"].fixed) == (0, 1)
    first, *lines, last = corrected_table(evaluation, corrected)
    assert first == "by both golds, 2 of 5 cases:"
    assert re.fullmatch(r"ex fixed +0 +1", next(line for line in lines if line.startswith("ex fixed")))
    assert re.fullmatch(r"gold fails +0 +1", next(line for line in lines if line.startswith("gold fails")))
    assert last.startswith("corrected gold fails in 1 case (4). First: ")


def test_the_page_has_both_tables(shop_path: Path, tmp_path: Path) -> None:
    from share_sql.evaluation.report import write_report

    write_report(tmp_path / "r.html", scored(shop_path), scored(shop_path, {1: "SELECT 2"}))
    page = re.sub(r"\s+", " ", (tmp_path / "r.html").read_text("utf-8"))
    for title in ("Original and corrected gold", "Where gold finds nothing"):
        assert f"<h2>{title}</h2>" in page
    assert "1 of 5 cases have corrected gold." in page
    assert '<tr><th scope="row">ex broken</th><td>1</td><td>0</td></tr>' in page  # by either gold
    assert '<tr><th scope="row">ex broken</th><td>1</td><td>1</td></tr>' in page  # gold finds some, none
    data = re.search(r'id="data">(.*?)</script>', page)
    assert data
    assert len(json.loads(data[1])) == 5
