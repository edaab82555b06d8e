"""Score many predictions: queries run read-only in processes of their own, comparisons beside them.

Each thread here holds one database at a time, whose child process, or server, runs the SQL with a deadline
that interrupts it. Cases of one database stay together, so that a connection serves many cases.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.database.base import Database
from share_sql.evaluation.cases import CaseResult, EvalCase, Options, grouped
from share_sql.evaluation.metrics import METRICS, check_metrics
from share_sql.evaluation.results import ResultCache
from share_sql.evaluation.scorer import Scorer

if TYPE_CHECKING:
    from share_sql.database.child import Workers

BATCH = 128
"""Cases a thread takes at once at most: few enough to share out a database, enough to reuse a connection."""


@dataclass(frozen=True)
class Evaluation:
    """All cases scored."""

    metrics: tuple[str, ...]
    """Names of the metrics scored."""
    options: Options
    results: tuple[CaseResult, ...]
    """In the order of the input."""
    extra: tuple[str, ...] = ()
    """Ids of predictions that no question has."""
    warnings: tuple[str, ...] = ()
    """What did not go as it should, one line each."""

    @property
    def missing(self) -> tuple[str | int, ...]:
        """Ids without a prediction; they are counted wrong."""
        return tuple(result.case.id for result in self.results if result.case.prediction is None)


def evaluate(
    cases: Sequence[EvalCase],
    metrics: Sequence[str] = ("ex",),
    options: Options | None = None,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    open_database: Callable[[str], Database] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score predictions against gold.

    Args:
        cases: what to score.
        metrics: names among `METRICS`.
        options: whose rules and bounds; BIRD's where None.
        cache: folder of the result cache; None keeps nothing.
        workers: databases open at a time; the number of processors where None.
        open_database: opens the database at a path or URL for reading; None: `database.open`'s, files in
            processes that serve one batch after another.
        progress: called with the number of cases done, after each batch.

    Returns:
        The scored cases, in order. A query that fails, a database that is missing or gold that does not
        run are named in the result of their case.

    Raises:
        UsageError: an unknown metric, or one that is not for a case's database.
    """
    metrics = check_metrics(metrics)
    options = options or Options()
    lanes = workers or min(os.cpu_count() or 1, 8)
    lock = threading.Lock()
    with ExitStack() as stack:
        results = stack.enter_context(closing(ResultCache(cache))) if cache is not None else None
        scorer = Scorer(metrics, options, results, open_database or _opener(stack, lanes))
        found = scorer.recall(cases)
        warnings: list[str] = []

        def work(batch: Sequence[int]) -> list[str]:
            scored, said = scorer.score([cases[at] for at in batch])
            with lock:
                found.update(zip(batch, scored, strict=True))
                if progress is not None:
                    progress(len(found))
            return said

        if progress is not None and found:
            progress(len(found))
        batches = _batches(cases, [at for at in range(len(cases)) if at not in found])
        if batches:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(lanes) as pool:
                for said in pool.map(work, batches):
                    warnings += said
        ordered = [found[at] for at in range(len(cases))]
        if any(METRICS[name].timed for name in metrics):
            ordered = scorer.with_timings(ordered)
    if results is not None and results.warning:
        warnings.append(results.warning)
    return Evaluation(metrics, options, tuple(ordered), warnings=tuple(dict.fromkeys(warnings)))


def _opener(stack: ExitStack, lanes: int) -> Callable[[str], Database]:
    """Opens databases; the processes that read files are at most so many at a time and end with the stack."""
    idle: list[Workers] = []

    def open_one(where: str) -> Database:
        from share_sql.database.child import Workers
        from share_sql.database.open import open_database

        with lock:
            if not idle:  # a run that the cache answers needs none
                idle.append(stack.enter_context(Workers(lanes)))
        return open_database(where, workers=idle[0])

    lock = threading.Lock()
    return open_one


def split(evaluation: Evaluation, sizes: Sequence[int]) -> list[Evaluation]:
    """Take apart an evaluation of several sets of cases that were scored as one, by the sets' sizes.

    Each part carries all warnings.
    """
    results = iter(evaluation.results)
    return [replace(evaluation, results=tuple(islice(results, size))) for size in sizes]


def _batches(cases: Sequence[EvalCase], places: Iterable[int]) -> list[list[int]]:
    """Places of cases in batches of one database each; larger databases' batches first.

    Cases with the same gold, as where several predictions are scored at once, stay together, so that a gold
    runs once though nothing is in the cache yet.
    """
    by_database = grouped(sorted(places, key=lambda at: cases[at].gold), lambda at: cases[at].database)
    batches = []
    for group in sorted(by_database.values(), key=len, reverse=True):
        size = math.ceil(len(group) / math.ceil(len(group) / BATCH))
        batches += [group[at : at + size] for at in range(0, len(group), size)]
    return batches


def with_extra(evaluation: Evaluation, extra: Iterable[str], warnings: Iterable[str] = ()) -> Evaluation:
    """The evaluation with the ids of predictions that no question has."""
    return replace(
        evaluation,
        extra=tuple(extra),
        warnings=tuple(dict.fromkeys((*evaluation.warnings, *warnings))),
    )
