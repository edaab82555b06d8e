"""Score many predictions: queries run read-only in worker processes, comparisons beside them.

Each thread here holds one `SqliteDatabase` at a time, whose child process runs the SQL with a deadline
that interrupts it. Cases of one database stay together, so that a connection serves many cases.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from share_sql.database.base import Database, Limits
from share_sql.errors import DatabaseError, DatabaseMissing
from share_sql.evaluation.metrics import (
    EXECUTED,
    TIMED,
    VERDICTS,
    CaseResult,
    EvalCase,
    Options,
    Score,
    check_metrics,
    compare,
    executed_text,
)
from share_sql.evaluation.results import LIMITS, Outcome, ResultCache, outcome_of

BATCH = 64
"""Cases a thread takes at a time: few enough to share out one database, enough to reuse a connection."""


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


def open_sqlite(path: str) -> Database:
    """Open a SQLite file, read-only."""
    from share_sql.database.sqlite import SqliteDatabase

    return SqliteDatabase(path)


def evaluate(
    cases: Sequence[EvalCase],
    metrics: Sequence[str] = ("ex",),
    options: Options | None = None,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    open_database: Callable[[str], Database] = open_sqlite,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score predictions against gold.

    Args:
        cases: what to score.
        metrics: names among `METRICS`.
        options: whose rules and bounds; BIRD's where None.
        cache: folder of the result cache; None keeps nothing.
        workers: databases open at a time; the number of processors where None.
        open_database: opens a database for reading.
        progress: told the number of cases done, each time a batch is.

    Returns:
        The scored cases, in order. A query that fails, a database that is missing or gold that does not
        run are told in the result of their case.

    Raises:
        UsageError: an unknown metric.
    """
    metrics = check_metrics(metrics)
    options = options or Options()
    results = ResultCache(cache) if cache is not None else None
    batches = _batches(cases)
    done = 0
    lock = threading.Lock()

    def work(batch: Sequence[int]) -> tuple[dict[int, CaseResult], list[str]]:
        nonlocal done
        scored, warnings = _score_batch([cases[at] for at in batch], metrics, options, results, open_database)
        if progress is not None:
            with lock:
                done += len(batch)
                progress(done)
        return dict(zip(batch, scored, strict=True)), warnings

    found: dict[int, CaseResult] = {}
    warnings: list[str] = []
    try:
        with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 8)) as pool:
            for scored, said in pool.map(work, batches):
                found |= scored
                warnings += said
        ordered = [found[at] for at in range(len(cases))]
        if TIMED & set(metrics):
            from share_sql.evaluation.timing import add_timings

            ordered = add_timings(ordered, metrics, options, open_database)
    finally:
        if results is not None:
            results.close()
            if results.warning:
                warnings.append(results.warning)
    return Evaluation(metrics, options, tuple(ordered), warnings=tuple(dict.fromkeys(warnings)))


def _batches(cases: Sequence[EvalCase]) -> list[list[int]]:
    """Places of the cases in batches of one database each; larger databases' batches first."""
    by_database: dict[str, list[int]] = {}
    for at, case in enumerate(cases):
        by_database.setdefault(case.database, []).append(at)
    groups = sorted(by_database.values(), key=len, reverse=True)
    return [group[at : at + BATCH] for group in groups for at in range(0, len(group), BATCH)]


class Executor:
    """Runs queries on one database file, each text once, the cache asked first.

    The connection is opened at the first query that the cache cannot answer. Used as a context manager.
    """

    def __init__(
        self,
        path: str,
        options: Options,
        cache: ResultCache | None,
        open_database: Callable[[str], Database],
    ) -> None:
        self.path = path
        self._limits = Limits(options.seconds, LIMITS.rows, LIMITS.bytes)
        self._cache = cache
        self._open = open_database
        self._stack = ExitStack()
        self._database: Database | None = None
        self._fingerprint: str | None = None
        self._fault: Outcome | None = None
        self._held: dict[str, Outcome] = {}

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, sql: str) -> Outcome:
        """The outcome of a query; errors come as outcomes."""
        if sql in self._held:
            return self._held[sql]
        database = self._connect()
        if database is None:
            assert self._fault is not None
            return self._fault
        outcome = self._cache.get(self._fingerprint, sql) if self._cache and self._fingerprint else None
        # A cached time decides BIRD's limit only where it is near: then the query is run again.
        if outcome is None or outcome.seconds > self._limits.seconds / 4:
            outcome = self._query(database, sql)
            if self._cache is not None and self._fingerprint is not None:
                self._cache.put(self._fingerprint, sql, outcome)
        if len(outcome.rows) <= 10_000:
            self._held[sql] = outcome
        return outcome

    def changed(self) -> bool:
        """Whether the file was written to since it was opened; its results are then not to be kept."""
        if self._database is None or self._fingerprint is None:
            return False
        try:
            return self._database.fingerprint() != self._fingerprint
        except DatabaseError:
            return True

    def _connect(self) -> Database | None:
        if self._database is None and self._fault is None:
            try:
                if not Path(self.path).is_file():
                    raise DatabaseMissing(f"no database file {self.path}; check --databases")
                self._database = self._stack.enter_context(self._open(self.path))
                self._fingerprint = self._database.fingerprint() if self._cache is not None else None
            except DatabaseError as error:
                self._fault = Outcome(error=str(error), kind=type(error).__name__)
        return self._database

    def _query(self, database: Database, sql: str) -> Outcome:
        if not sql.strip():
            return Outcome(error="there is no SQL", kind="QueryError")
        try:
            return outcome_of(database.query(sql, self._limits))
        except DatabaseError as error:
            seconds = self._limits.seconds if type(error).__name__ == "QueryTimeout" else 0.0
            return Outcome(error=str(error), kind=type(error).__name__, seconds=seconds)


def _score_batch(
    cases: Sequence[EvalCase],
    metrics: Sequence[str],
    options: Options,
    cache: ResultCache | None,
    open_database: Callable[[str], Database],
) -> tuple[list[CaseResult], list[str]]:
    path = cases[0].database
    with Executor(path, options, cache, open_database) as executor:
        results = [_score(case, metrics, options, executor, cache, open_database) for case in cases]
        warnings = [f"{path} changed while it was read; score again"] if executor.changed() else []
    return results, warnings


def _score(
    case: EvalCase,
    metrics: Sequence[str],
    options: Options,
    executor: Executor,
    cache: ResultCache | None,
    open_database: Callable[[str], Database],
) -> CaseResult:
    verdicts = [name for name in metrics if name in VERDICTS]
    gold = predicted = Outcome(error="no prediction for this id", kind="Missing")
    scores: dict[str, Score] = {}
    draft_scores: dict[str, Score] = {}
    if EXECUTED & set(metrics):
        gold = executor.run(executed_text(case.gold, options, is_prediction=False))
        if case.prediction is not None:
            predicted = executor.run(executed_text(case.prediction, options, is_prediction=True))
        # Timed metrics start from BIRD's verdict: a wrong prediction is 0, whatever its speed.
        scores |= compare(metrics, predicted, gold, case.gold, options)
        if case.draft is not None:
            drafted = executor.run(executed_text(case.draft, options, is_prediction=True))
            draft_scores |= compare(verdicts, drafted, gold, case.gold, options)
    if "em" in metrics or "test-suite" in metrics:
        from share_sql.evaluation.spider import other_verdicts

        scores |= other_verdicts(case, case.prediction, metrics, options, cache, open_database)
        if case.draft is not None:
            draft_scores |= other_verdicts(case, case.draft, metrics, options, cache, open_database)
    result = CaseResult(
        case=case,
        scores={name: scores[name] for name in metrics if name in scores},
        draft_scores=draft_scores,
        error=predicted.error if EXECUTED & set(metrics) else None,
        gold_error=gold.error if EXECUTED & set(metrics) else None,
        gold_empty=gold.ok and not gold.rows,
        seconds=predicted.seconds,
    )
    if options.samples:
        shown = (sample_text(predicted, options.samples), sample_text(gold, options.samples))
        result = replace(result, rows=shown)
    return result


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
