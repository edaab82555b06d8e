"""Each benchmark's entry: found under its name, and its rule says what its evaluator says."""

from __future__ import annotations

import pytest

from share_sql.benchmarks.data_config import PARTS
from share_sql.benchmarks.registry import BENCHMARKS, LEVELS


def test_entries_stand_under_their_names_and_share_nothing_that_must_differ() -> None:
    assert list(BENCHMARKS) == [benchmark.name for benchmark in BENCHMARKS.values()]
    assert len(set(LEVELS)) == len(LEVELS)
    assert len({benchmark.gold for benchmark in BENCHMARKS.values()}) == len(BENCHMARKS)
    assert sorted(PARTS) == ["bird-train", "dev", "spider-dev", "spider-train"]
    assert {name for name, _ in PARTS.values()} <= set(BENCHMARKS)


@pytest.mark.parametrize(
    ("predicted", "gold", "sql", "bird", "spider"),
    [
        ([(1,), (1,)], [(1,)], "SELECT a FROM t", True, False),
        ([(1, 2)], [(2, 1)], "SELECT a, b FROM t", False, True),
        ([(1,), (2,)], [(2,), (1,)], "SELECT a FROM t", True, True),
        ([(1,), (2,)], [(2,), (1,)], "SELECT a FROM t ORDER BY a", True, False),
    ],
)
def test_the_rules_differ_where_the_evaluators_do(
    predicted: list[tuple[int, ...]], gold: list[tuple[int, ...]], sql: str, bird: bool, spider: bool
) -> None:
    found = {name: benchmark.match(predicted, gold, sql) for name, benchmark in BENCHMARKS.items()}
    assert (found["bird"], found["spider"]) == (bird, spider)


def test_only_spiders_evaluator_changes_the_text_it_executes() -> None:
    text = "SELECT DISTINCT a FROM t WHERE b > = ' distinct '"
    assert BENCHMARKS["bird"].prepare(text, False, True) == text
    assert BENCHMARKS["spider"].prepare(text, False, True) == "SELECT  a FROM t WHERE b >= ' distinct '"
    assert (
        BENCHMARKS["spider"].prepare(text, True, True) == "SELECT DISTINCT a FROM t WHERE b >= ' distinct '"
    )
