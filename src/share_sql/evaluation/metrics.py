"""What can be measured on one case, and what a case's measurement is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from share_sql.errors import UsageError
from share_sql.evaluation.execution import bird_ex, sorts_rows, strict_ex
from share_sql.evaluation.results import Outcome
from share_sql.evaluation.soft_f1 import soft_f1

Benchmark: TypeAlias = Literal["bird", "spider"]
"""Whose rules `ex` follows."""

Score: TypeAlias = bool | float | None
"""A verdict, a share from 0 to 1, or None where it is not defined (no parsable gold for `em`)."""

METRICS = ("ex", "strict", "soft-f1", "ves", "r-ves", "em", "test-suite")
"""All metrics, in the order they are reported."""

COMPARED = ("ex", "strict", "soft-f1")
"""Metrics that compare the two results on the case's own database, as the texts stand."""

TIMED = frozenset({"ves", "r-ves"})
"""Metrics that time queries, alone and after everything else."""

VERDICTS = frozenset({"ex", "strict", "em", "test-suite"})
"""Metrics that say right or wrong, so that drafts can be fixed or broken by them."""


@dataclass(frozen=True)
class EvalCase:
    """One prediction to score, with its gold."""

    id: str | int
    """As the input spells it."""
    database: str
    """Path of the SQLite file."""
    gold: str
    """The gold SQL."""
    prediction: str | None
    """The SQL to score; None where the input has none for this id: counted wrong."""
    draft: str | None = None
    """The SQL before correction; None where there is none."""
    difficulty: str = ""
    """The benchmark's level, e.g. simple, moderate, challenging; empty where unknown."""
    question: str = ""
    confidence: float | None = None
    """Confidence that the prediction is right, 0 to 1; None where none was given."""
    verdict: str = ""
    """kept, corrected or abstained; empty where unknown."""
    reason: str = ""
    """The judge's reason; empty where unknown."""
    changes: tuple[str, ...] = ()
    """The trajectory's diff from draft to correction, one line an action; empty where unknown."""
    tokens: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Prompt and completion tokens by role; empty where unknown."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall-clock time the correction took, by stage; empty where unknown."""


@dataclass(frozen=True)
class CaseResult:
    """What came of scoring one case."""

    case: EvalCase
    scores: dict[str, Score]
    """The prediction's scores by metric. Right and wrong as bool, soft-f1 as 0 to 1, ves and r-ves as
    the case's part of the mean (1 for as fast as gold)."""
    draft_scores: dict[str, Score] = field(default_factory=dict)
    """The draft's verdicts by metric; empty without a draft."""
    error: str | None = None
    """Why the prediction gave no result; None where it ran."""
    gold_error: str | None = None
    """Why the gold SQL gave no result; None where it ran. Such a case is reported apart."""
    gold_empty: bool = False
    """The gold ran and gave no rows: any empty prediction is right."""
    seconds: float = 0.0
    """Time of the prediction in the database (as cached, where it was)."""
    rows: tuple[str, str] = ("", "")
    """First rows of prediction and gold as text, where a report asked for them."""


@dataclass(frozen=True)
class Options:
    """How to score."""

    benchmark: Benchmark = "bird"
    """Whose rules `ex` follows."""
    seconds: float = 30.0
    """BIRD's limit: prediction and gold together may take this long; for Spider each alone."""
    keep_distinct: bool = False
    """Spider: leave DISTINCT in both texts; its evaluator takes it out unless told."""
    plug_values: bool = False
    """Spider: try the gold's values in the prediction's places, for models that predict none."""
    repeats: int = 10
    """Timed runs of each query for ves and r-ves."""
    samples: int = 0
    """Rows of each result to keep as text for a report."""
    same_columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For `em`: by database, the columns that foreign keys tie together, see
    `exact_match.foreign_key_classes`."""


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Put metric names in the order of METRICS.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        what = f"unknown metric {unknown[0]!r}" if unknown else "no metric named"
        raise UsageError(f"{what}; choose among {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in names)


def compare(
    metrics: Sequence[str], predicted: Outcome, gold: Outcome, gold_sql: str, options: Options
) -> dict[str, Score]:
    """Score one result against the gold's, for the metrics in COMPARED.

    Args:
        metrics: names; others are passed over.
        predicted: the prediction's outcome.
        gold: the gold's outcome.
        gold_sql: its text, which says whether order counts.
        options: whose rules, and the time limit.

    Returns:
        Score by metric; all wrong where either failed or ran out of time.
    """
    wanted = [name for name in metrics if name in COMPARED]
    late = options.benchmark == "bird" and predicted.seconds + gold.seconds > options.seconds
    if not predicted.ok or not gold.ok or late:
        return {name: 0.0 if name == "soft-f1" else False for name in wanted}
    scores: dict[str, Score] = {}
    for name in wanted:
        if name == "soft-f1":
            scores[name] = soft_f1(predicted.rows, gold.rows)
        elif name == "strict":
            scores[name] = strict_ex(predicted.rows, gold.rows, ordered=sorts_rows(gold_sql))
        else:
            scores[name] = bird_ex(predicted.rows, gold.rows)
    return scores
