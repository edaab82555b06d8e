"""BIRD: questions with outside knowledge over real databases (bird-bench.github.io)."""

from __future__ import annotations

from collections.abc import Sequence

from share_sql.benchmarks.benchmark import Benchmark, config_keys
from share_sql.database.base import Row


def bird_ex(predicted: Sequence[Row], gold: Sequence[Row], gold_sql: str = "") -> bool:
    """BIRD's EX: equal *sets* of rows (bird-bench/mini_dev, evaluation/evaluation_ex.py).

    Duplicates and the order of rows do not count, the order of columns does.

    Args:
        predicted: rows of the prediction.
        gold: rows of the gold SQL.
        gold_sql: its text; not used by this rule.

    Returns:
        True where each row of the one is a row of the other. Two empty results are equal, whatever
        their columns.
    """
    return set(predicted) == set(gold)


BIRD = Benchmark(
    name="bird",
    title="BIRD",
    about="equal *sets* of rows; prediction and gold together within 30 s",
    after="bird-bench/mini_dev, evaluation_ex.py",
    gold="SQL",
    levels=("simple", "moderate", "challenging"),
    match=bird_ex,
    seconds_together=True,
    descriptions="database_description",
    config={"dev": config_keys("dev"), "bird-train": config_keys("bird_train")},
)
