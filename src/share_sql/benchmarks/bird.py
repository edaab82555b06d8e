"""BIRD: questions with outside knowledge over real databases (bird-bench.github.io)."""

from __future__ import annotations

from collections.abc import Sequence

from share_sql.benchmarks.benchmark import Benchmark, config_keys
from share_sql.database.base import Row


def bird_ex(predicted: Sequence[Row], gold: Sequence[Row], gold_sql: str = "") -> bool:
    """BIRD's EX: equal *sets* of rows (bird-bench/mini_dev, evaluation/evaluation_ex.py).

    Duplicates and the order of rows do not count, the order of columns does. Two empty results are equal,
    whatever their columns. The gold's text is not used by this rule.
    """
    return set(predicted) == set(gold)


def soft_f1(predicted: Sequence[Row], gold: Sequence[Row]) -> float:
    """BIRD's soft-F1, as bird-bench/mini_dev has it (evaluation/evaluation_f1.py).

    Duplicate rows are dropped, the first of each stays; then the rows are paired by position. In a pair
    each predicted value that is somewhere in the gold row counts as found, each other as extra, each
    gold value that is nowhere in the predicted row as missing, all divided by the gold row's width. A
    gold row without a partner is one missing, a predicted row without one is one extra. With found,
    extra and missing summed over the pairs, F1 is that of precision found / (found + extra) and recall
    found / (found + missing).

    Pairing by position makes the figure depend on the order of rows even where the gold does not sort;
    a repeated value is found again each time. Both are kept, for this is the official figure.

    Returns:
        0 to 1; 1 where both are empty.
    """
    if not predicted and not gold:
        return 1.0
    ours, theirs = list(dict.fromkeys(predicted)), list(dict.fromkeys(gold))
    # Summed row by row in this order, so that rounding is the official script's too.
    found = extra = missing = 0.0
    for predicted_row, gold_row in zip(ours, theirs, strict=False):
        width = len(gold_row)
        hits = sum(value in gold_row for value in predicted_row)
        found += hits / width
        extra += (len(predicted_row) - hits) / width
        missing += sum(value not in predicted_row for value in gold_row) / width
    missing += max(len(theirs) - len(ours), 0)
    extra += max(len(ours) - len(theirs), 0)
    precision = found / (found + extra) if found + extra > 0 else 0.0
    recall = found / (found + missing) if found + missing > 0 else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


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
