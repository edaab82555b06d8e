"""Verdicts of earlier runs, kept under the texts, the options and the state of the database files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from share_sql.database.base import Database
from share_sql.evaluation.cases import CaseResult, EvalCase, Options
from share_sql.evaluation.executor import Executor
from share_sql.evaluation.metrics import databases_of
from share_sql.evaluation.results import ResultCache

VERDICT_VERSION = 1
"""Part of each cached verdict's key: raised when a metric's code changes what it says."""


def recall(
    cases: Sequence[EvalCase],
    metrics: Sequence[str],
    options: Options,
    cache: ResultCache,
    open_database: Callable[[str], Database],
) -> dict[int, CaseResult]:
    """The cases whose verdicts are in the cache. No database is opened for them.

    Args:
        cases: what is to be scored.
        metrics: names, in the order of METRICS.
        options: how to score.
        cache: of an earlier run.
        open_database: as for `runner.evaluate`; not called.

    Returns:
        Results by the case's place.
    """
    executors: dict[str, list[Executor]] = {}
    found: dict[int, CaseResult] = {}
    for at, case in enumerate(cases):
        if case.database not in executors:
            files = databases_of(case.database, metrics)
            executors[case.database] = [Executor(name, options, cache, open_database) for name in files]
        held = cache.fetch(_name(case, metrics, options, executors[case.database]))
        if held is not None:
            scores, drafts, error, gold_error, gold_empty, seconds, level = json.loads(held)
            if not case.difficulty:
                case = replace(case, difficulty=level)
            found[at] = CaseResult(case, scores, drafts, error, gold_error, gold_empty, seconds)
    return found


def _name(case: EvalCase, metrics: Sequence[str], options: Options, executors: Sequence[Executor]) -> str:
    """What a case's verdicts are kept under: all that decides them, the state of the databases too."""
    same = options.same_columns.get(Path(case.database).stem) if "em" in metrics else None
    asked = (
        *(executor.fingerprint() for executor in executors),
        *(case.gold, case.prediction, case.draft, bool(case.difficulty), metrics, options.benchmark),
        *(options.seconds, options.keep_distinct, options.plug_values, same),
    )
    return f"{VERDICT_VERSION}{asked!r}"


def keep(
    found: CaseResult,
    case: EvalCase,
    metrics: Sequence[str],
    options: Options,
    executors: Sequence[Executor],
    cache: ResultCache,
) -> None:
    """Keep a case's verdicts, unless another run might find other ones.

    Args:
        found: the scored case.
        case: as it was before it was scored.
        metrics: names, in the order of METRICS.
        options: how it was scored.
        executors: of its databases, with `steady` set before it was scored.
        cache: keeps them.
    """
    if all(executor.steady for executor in executors):
        kept = (found.scores, found.draft_scores, found.error, found.gold_error, found.gold_empty)
        name = _name(case, metrics, options, executors)
        cache.keep(name, json.dumps((*kept, found.seconds, found.case.difficulty)))
