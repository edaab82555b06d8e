"""Score many predictions: queries run read-only in worker processes, comparisons beside them.

Each thread here holds one database at a time, whose child process runs the SQL with a deadline
that interrupts it. Cases of one database stay together, so that a connection serves many cases.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.benchmarks.benchmark import as_it_stands
from share_sql.database.base import Database
from share_sql.evaluation.cases import CaseResult, EvalCase, Options, Score
from share_sql.evaluation.executor import Executor
from share_sql.evaluation.metrics import METRICS, Metric, Scoring, check_metrics, databases_of
from share_sql.evaluation.results import Outcome, ResultCache
from share_sql.evaluation.spider import difficulty
from share_sql.evaluation.verdict_cache import keep, recall

if TYPE_CHECKING:
    from share_sql.database.child import Workers

BATCH = 128
"""Cases a thread takes at once at most: few enough to share out a database, enough to reuse a connection."""

NOT_RUN = Outcome()
"""In place of results that no metric asked for."""


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
        open_database: opens a database for reading; None opens files, in processes that serve one
            batch after another.
        progress: called with the number of cases done, after each batch.

    Returns:
        The scored cases, in order. A query that fails, a database that is missing or gold that does not
        run are named in the result of their case.

    Raises:
        UsageError: an unknown metric.
    """
    metrics = check_metrics(metrics)
    options = options or Options()
    results = ResultCache(cache) if cache is not None else None
    lanes = workers or min(os.cpu_count() or 1, 8)
    done = 0
    lock = threading.Lock()

    def work(batch: Sequence[int]) -> tuple[dict[int, CaseResult], list[str]]:
        nonlocal done
        scored, warnings = _score_batch([cases[at] for at in batch], metrics, options, results, opener)
        if progress is not None:
            with lock:
                done += len(batch)
                progress(done)
        return dict(zip(batch, scored, strict=True)), warnings

    found: dict[int, CaseResult] = {}
    warnings: list[str] = []
    with ExitStack() as stack:
        if results is not None:
            stack.callback(results.close)
        opener = open_database or _file_opener(stack, lanes)
        if results is not None and not options.samples:
            found = recall(cases, metrics, options, results, opener)
            done = len(found)
            if progress is not None and done:
                progress(done)
        batches = _batches(cases, [at for at in range(len(cases)) if at not in found])
        if batches:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(lanes) as pool:
                for scored, said in pool.map(work, batches):
                    found |= scored
                    warnings += said
        ordered = [found[at] for at in range(len(cases))]
        if any(METRICS[name].timed for name in metrics):
            from share_sql.evaluation.timing import add_timings

            ordered = add_timings(ordered, metrics, options, opener)
    if results is not None and results.warning:
        warnings.append(results.warning)
    return Evaluation(metrics, options, tuple(ordered), warnings=tuple(dict.fromkeys(warnings)))


def _file_opener(stack: ExitStack, lanes: int) -> Callable[[str], Database]:
    """Opens database files in at most so many processes at a time, which end with the stack."""
    idle: list[Workers] = []

    def open_file(path: str) -> Database:
        from share_sql.database.child import Workers
        from share_sql.database.open import open_database

        with lock:
            if not idle:  # a run that the cache answers needs none
                idle.append(stack.enter_context(Workers(lanes)))
        return open_database(Path(path), workers=idle[0])

    lock = threading.Lock()
    return open_file


def split(evaluation: Evaluation, sizes: Sequence[int]) -> list[Evaluation]:
    """Take apart an evaluation of several sets of cases that were scored as one.

    Args:
        evaluation: scored over all sets, one after another.
        sizes: number of cases of each set.

    Returns:
        One evaluation a set; each carries all warnings.
    """
    parts = []
    start = 0
    for size in sizes:
        parts.append(replace(evaluation, results=evaluation.results[start : start + size]))
        start += size
    return parts


def _batches(cases: Sequence[EvalCase], places: Iterable[int]) -> list[list[int]]:
    """Places of cases in batches of one database each; larger databases' batches first.

    Cases with the same gold, as where several predictions are scored at once, stay together, so that a gold
    runs once though nothing is in the cache yet.
    """
    by_database: dict[str, list[int]] = {}
    for at in places:
        by_database.setdefault(cases[at].database, []).append(at)
    groups = sorted(by_database.values(), key=len, reverse=True)
    for group in groups:
        group.sort(key=lambda at: cases[at].gold)
    batches = []
    for group in groups:
        size = math.ceil(len(group) / math.ceil(len(group) / BATCH))
        batches += [group[at : at + size] for at in range(0, len(group), size)]
    return batches


def _score_batch(
    cases: Sequence[EvalCase],
    metrics: Sequence[str],
    options: Options,
    cache: ResultCache | None,
    open_database: Callable[[str], Database],
) -> tuple[list[CaseResult], list[str]]:
    """Score cases of one database, and of its test suite where a metric asks for that."""
    files = databases_of(cases[0].database, metrics)
    with ExitStack() as stack:
        executors = [stack.enter_context(Executor(name, options, cache, open_database)) for name in files]
        results = [_remember(case, metrics, options, executors, cache) for case in cases]
        warnings = [
            f"{executor.path} changed while it was read; score again"
            for executor in executors
            if executor.changed()
        ]
    return results, warnings


def _remember(
    case: EvalCase,
    metrics: Sequence[str],
    options: Options,
    executors: Sequence[Executor],
    cache: ResultCache | None,
) -> CaseResult:
    """Score a case and keep its verdicts. A report needs the rows too, which are not kept with them."""
    if cache is None or options.samples:
        return _score(case, metrics, options, executors)
    for executor in executors:
        executor.steady = True
    found = _score(case, metrics, options, executors)
    keep(found, case, metrics, options, executors, cache)
    return found


def _score(
    case: EvalCase, metrics: Sequence[str], options: Options, executors: Sequence[Executor]
) -> CaseResult:
    asked = [METRICS[name] for name in metrics]
    one = Scoring(case, case.prediction, options, executors)
    scores = {each.name: each.score(one) for each in asked if not each.timed}
    drafted = replace(one, sql=case.draft)
    draft_scores: dict[str, Score] = {}
    if case.draft is not None:
        draft_scores = {each.name: each.score(drafted) for each in asked if each.verdict}
    predicted, gold = _shown(one, asked)
    if options.rules.rates_gold and not case.difficulty:
        case = replace(case, difficulty=difficulty(case, one.schema))
    shown = ("", "")
    if options.samples:
        shown = (sample_text(predicted, options.samples), sample_text(gold, options.samples))
    return CaseResult(
        case=case,
        scores=scores,
        draft_scores=draft_scores,
        error=predicted.error,
        gold_error=gold.error or one.fault or drafted.fault,
        gold_empty=gold is not NOT_RUN and gold.ok and not gold.rows,
        seconds=predicted.seconds,
        rows=shown,
    )


def _shown(one: Scoring, asked: Sequence[Metric]) -> tuple[Outcome, Outcome]:
    """The outcomes of prediction and gold to report: of the texts as they stand where a metric asks for them,
    else of the texts that the first metric asks for."""
    texts = [each.text(one.options.rules) for each in asked if each.text is not None]
    if not texts:
        return NOT_RUN, NOT_RUN
    return one.prepared(as_it_stands if as_it_stands in texts else texts[0])


def sample_text(outcome: Outcome, rows: int) -> str:
    """The first rows of a result as text, for people."""
    if not outcome.ok:
        return outcome.error or ""
    lines = [" | ".join(outcome.columns)]
    lines += [" | ".join(_cell(value) for value in row) for row in outcome.rows[:rows]]
    if len(outcome.rows) > rows:
        lines.append(f"… {len(outcome.rows):,} rows")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def with_extra(evaluation: Evaluation, extra: Iterable[str], warnings: Iterable[str] = ()) -> Evaluation:
    """The evaluation with the ids of predictions that no question has."""
    return replace(
        evaluation,
        extra=tuple(extra),
        warnings=tuple(dict.fromkeys((*evaluation.warnings, *warnings))),
    )
