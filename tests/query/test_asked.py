"""Which output columns are asked for."""

from __future__ import annotations

import pytest
from sqlglot import exp

from share_sql.judgement.weights import load_weights
from share_sql.query.asked import FEATURES, select_features, words
from share_sql.sql.text import parse_select


def _scores(sql: str, question: str, evidence: str = "") -> list[float]:
    tree = parse_select(sql, "sqlite")
    assert isinstance(tree, exp.Select)
    weights = load_weights()
    return [weights.asked(row) for row in select_features(tree, question, evidence)]


def test_a_row_has_a_number_for_each_feature() -> None:
    tree = parse_select("SELECT a, COUNT(*) FROM t GROUP BY a", "sqlite")
    assert isinstance(tree, exp.Select)
    assert {len(row) for row in select_features(tree, "How many?", "")} == {len(FEATURES)}


def test_the_sort_key_is_less_asked_for_than_the_name() -> None:
    name, count = _scores(
        "SELECT name, COUNT(*) FROM team GROUP BY name ORDER BY COUNT(*) DESC LIMIT 1",
        "Which team name has the most players?",
    )
    assert count < name


@pytest.mark.parametrize("tail", ["", " and how many are there"])
def test_words_that_ask_for_the_count_raise_it(tail: str) -> None:
    sql = "SELECT name, COUNT(*) FROM team GROUP BY name ORDER BY COUNT(*) DESC LIMIT 1"
    _, count = _scores(sql, f"Which team name has the most players{tail}?")
    assert (count > 0.5) == bool(tail)


def test_words_split_identifiers_and_stem() -> None:
    assert words("firstName") == words("first_name") == words("first names")
