"""What the comparisons need to know of SQL texts, and properties of the comparisons."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.benchmarks.bird import bird_ex
from share_sql.benchmarks.spider import is_ordered, spider_ex, spider_sql, strip_distinct
from share_sql.database.base import Row
from share_sql.evaluation.execution import sorts_rows, strict_ex


@pytest.mark.parametrize(
    ("sql", "spider", "outermost"),
    [
        ("SELECT a FROM t ORDER BY a", True, True),
        ("select a from t order  by a", False, True),
        ("SELECT a FROM t ORDER\nBY a", False, True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", True, False),
        ("WITH c AS (SELECT a FROM t ORDER BY a LIMIT 1) SELECT a FROM c", True, False),
        ("SELECT rank() OVER (ORDER BY a) FROM t", True, False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True, True),
        ("SELECT 'order by' FROM t", True, False),
        ("SELECT a FROM t -- order by a", True, False),
        ("SELECT a FROM t ORDER /* down */ BY a", False, True),
        ('SELECT "order by" FROM t', True, False),
        ("SELECT a FROM t", False, False),
    ],
)
def test_order(sql: str, spider: bool, outermost: bool) -> None:
    assert is_ordered(sql) is spider
    assert sorts_rows(sql) is outermost


@pytest.mark.parametrize(
    ("sql", "bare"),
    [
        ("SELECT DISTINCT a FROM t", "SELECT  a FROM t"),
        ("SELECT count(distinct a) FROM t", "SELECT count( a) FROM t"),
        ("SELECT 'distinct' FROM t", "SELECT 'distinct' FROM t"),
        ("SELECT distinctive FROM t", "SELECT distinctive FROM t"),
        ('SELECT "a distinct b" FROM t', 'SELECT "a distinct b" FROM t'),
        ("SELECT 'it''s distinct' FROM t", "SELECT 'it''s distinct' FROM t"),
    ],
)
def test_strip_distinct(sql: str, bare: str) -> None:
    assert strip_distinct(sql) == bare


def test_spider_prepares_its_texts() -> None:
    assert spider_sql("SELECT a FROM t WHERE a > = 1") == "SELECT a FROM t WHERE a >= 1"
    assert spider_sql("SELECT year ( curdate() ) - a") == "SELECT 2020- a"
    assert spider_sql("SELECT a WHERE b = value ", is_prediction=True) == "SELECT a WHERE b = 1 "
    assert spider_sql("SELECT a WHERE b = value ") == "SELECT a WHERE b = value "
    assert "DISTINCT" in spider_sql("SELECT DISTINCT a", keep_distinct=True)


values = st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["a", "b", ""]), st.binary(max_size=1))


@st.composite
def two_results(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    width = draw(st.integers(1, 4))
    rows = st.lists(st.tuples(*[values] * width), min_size=1, max_size=5)
    gold = draw(rows)
    if draw(st.booleans()):
        order = draw(st.permutations(range(width)))
        return gold, draw(st.permutations([tuple(row[at] for at in order) for row in gold]))
    return gold, draw(rows)


@given(two_results())
def test_spider_is_some_permutation_of_columns(pair: tuple[list[Row], list[Row]]) -> None:
    gold, predicted = pair
    width = len(gold[0])
    some = any(
        Counter(gold) == Counter(tuple(row[at] for at in order) for row in predicted)
        for order in permutations(range(width))
    )
    assert spider_ex(predicted, gold, ordered=False) is some
    in_order = any(
        gold == [tuple(row[at] for at in order) for row in predicted] for order in permutations(range(width))
    )
    assert spider_ex(predicted, gold, ordered=True) is in_order


@given(two_results())
def test_strict_implies_the_official_readings(pair: tuple[list[Row], list[Row]]) -> None:
    gold, predicted = pair
    strict = strict_ex(predicted, gold, ordered=False)
    assert strict is (Counter(predicted) == Counter(gold))
    assert bird_ex(predicted, gold) or not strict
    assert spider_ex(predicted, gold, ordered=False) or not strict
    assert strict or not strict_ex(predicted, gold, ordered=True)


def test_twenty_columns_of_which_many_are_alike_end_soon() -> None:
    gold: list[Row] = [(1,) * 10 + tuple(range(10)), (2,) * 10 + tuple(range(1, 11))]
    assert spider_ex([row[::-1] for row in gold], gold, ordered=False)
    other: list[Row] = [gold[0][::-1], (2,) * 9 + (3, *range(1, 11))]
    assert not spider_ex(other, gold, ordered=False)
