"""Timed metrics: run after everything else, one query at a time, beside nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from share_sql.benchmarks.bird import bird_ex
from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError
from share_sql.evaluation.cases import CaseResult, Options
from share_sql.evaluation.efficiency import measure
from share_sql.evaluation.metrics import METRICS, Scoring
from share_sql.evaluation.results import LIMITS


def add_timings(
    results: Sequence[CaseResult],
    metrics: Sequence[str],
    options: Options,
    open_database: Callable[[str], Database],
) -> list[CaseResult]:
    """Measure the timed metrics of every case, one after another.

    Args:
        results: the cases, otherwise scored.
        metrics: names; of them the timed ones are measured.
        options: the time limit and the number of repeats.
        open_database: opens a database for reading.

    Returns:
        The results with their timed scores, in the same order.
    """
    timed = list(results)
    by_database: dict[str, list[int]] = {}
    for at, result in enumerate(results):
        by_database.setdefault(result.case.database, []).append(at)
    for path, places in by_database.items():
        try:
            with open_database(path) as database:
                for at in places:
                    timed[at] = _with(timed[at], _ratio(results[at], database, options), metrics, options)
        except DatabaseError:
            # The case's own result says already that its database cannot be opened.
            for at in places:
                timed[at] = _with(timed[at], 0.0, metrics, options)
    return timed


def _with(result: CaseResult, ratio: float, metrics: Sequence[str], options: Options) -> CaseResult:
    one = Scoring(result.case, result.case.prediction, options, (), ratio=ratio)
    timed = {name: METRICS[name].score(one) for name in metrics if METRICS[name].timed}
    return replace(result, scores={name: (result.scores | timed)[name] for name in metrics})


def _ratio(result: CaseResult, database: Database, options: Options) -> float:
    """The time ratio of one case; 0 where the prediction is wrong by BIRD's EX."""
    case = result.case
    if case.prediction is None or result.error is not None or result.gold_error is not None:
        return 0.0
    limits = Limits(options.seconds, LIMITS.rows, LIMITS.bytes)
    predicted_sql, gold_sql = case.prediction, case.gold
    try:
        if not bird_ex(database.query(predicted_sql, limits).rows, database.query(gold_sql, limits).rows):
            return 0.0
        return measure(
            lambda sql: database.query(sql, limits).seconds, predicted_sql, gold_sql, options.repeats
        )
    except DatabaseError:
        return 0.0  # as the official script: a query that fails or is late on any run counts as wrong
