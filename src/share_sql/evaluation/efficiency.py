"""Efficiency: VES and R-VES, how fast a right prediction is beside the gold SQL.

Both rest on the ratio of the gold's time to the prediction's, above 1 where the prediction is faster,
over repeated alternating runs, with outliers dropped, and both count a wrong prediction 0:

- VES (Li et al., 2023; DAMO-ConvAI bird/llm/src/evaluation_ves.py): the square root of the ratio;
- R-VES (bird-bench/mini_dev evaluation/evaluation_ves.py): the square root of a reward that goes by
  steps of the ratio.

A file against itself has ratios around 1: VES is then 100 within a few points. R-VES lies below 100, for
chance puts each ratio just above 1 (reward 1) or just below (reward 0.75): about 93.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

REPEATS = 10
"""Timed runs of each query where nothing else is said; DAMO-ConvAI's number (mini_dev has 100)."""

BEST_OF = 3
"""Each time is the least of this many runs in a row: whatever else a machine does only adds, and a mean of
ratios of noisy times lies above the ratio of the true ones."""

STEPS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5), (0.0, 0.25))
"""R-VES: from this ratio on, this reward."""


def ves_score(ratio: float) -> float:
    """VES of one case: the square root of the time ratio; 0 for a wrong prediction (ratio 0)."""
    return math.sqrt(ratio)


def r_ves_score(ratio: float) -> float:
    """R-VES of one case: the square root of the reward of STEPS; 0 for a wrong prediction (ratio 0)."""
    if ratio <= 0:
        return 0.0
    return math.sqrt(next(reward for least, reward in STEPS if ratio >= least))


def mean_ratio(gold_seconds: Sequence[float], predicted_seconds: Sequence[float]) -> float:
    """The time ratio of one case from its runs, which are paired by place.

    It is the mean of gold / prediction over the pairs that lie strictly within three standard deviations of
    the mean of all; where that leaves none (all equal), the mean of all. 0 without pairs.
    """
    pairs = zip(gold_seconds, predicted_seconds, strict=True)
    ratios = [gold / predicted for gold, predicted in pairs if predicted > 0]
    if not ratios:
        return 0.0
    mean = math.fsum(ratios) / len(ratios)
    spread = 3 * math.sqrt(math.fsum((ratio - mean) ** 2 for ratio in ratios) / len(ratios))
    kept = [ratio for ratio in ratios if mean - spread < ratio < mean + spread]
    return math.fsum(kept) / len(kept) if kept else mean


def measure(run: Callable[[str], float], predicted_sql: str, gold_sql: str, repeats: int = REPEATS) -> float:
    """Time a right prediction beside its gold and give their ratio.

    The two run in turns, and who goes first alternates, so that neither profits from the other's warm
    pages; see BEST_OF for what a time is. One untimed turn goes before. Nothing else should run meanwhile.

    Args:
        run: runs an SQL and returns the seconds it took.
        predicted_sql, gold_sql: the two.
        repeats: timed turns.

    Returns:
        The time ratio, see `mean_ratio`.
    """
    run(predicted_sql)
    run(gold_sql)
    gold_seconds: list[float] = []
    predicted_seconds: list[float] = []
    sides = [(predicted_sql, predicted_seconds), (gold_sql, gold_seconds)]
    for _ in range(repeats):
        for sql, seconds in sides:
            seconds.append(min(run(sql) for _ in range(BEST_OF)))
        sides.reverse()
    return mean_ratio(gold_seconds, predicted_seconds)
