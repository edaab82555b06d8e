"""A case to score, how it is scored, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.database.address import own_name
from share_sql.database.base import Limits

_Item = TypeVar("_Item")

Score: TypeAlias = bool | float | None
"""A verdict, a share from 0 to 1, or None where it is not known (no parsable gold for `em`)."""


@dataclass(frozen=True)
class EvalCase:
    """One prediction to score, with its gold."""

    id: str | int
    """As the input spells it."""
    database: str
    """Path or URL."""
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
    name: str = ""
    """The database's name where the input gives one; empty: as its place says."""

    @property
    def database_name(self) -> str:
        """The database's name, without folder, server and ending."""
        return self.name or own_name(self.database)


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
    gold_finds_nothing: bool = False
    """The gold ran and gave no rows, or only NULL and 0: it looks up what is not there."""
    seconds: float = 0.0
    """Time of the prediction in the database (as cached, where it was)."""
    rows: tuple[str, str, str] = ("", "", "")
    """First rows of prediction, gold and draft as text, where a report asked for them."""


@dataclass(frozen=True)
class Options:
    """How to score."""

    benchmark: str = "bird"
    """Whose rules `ex` follows: a name in BENCHMARKS."""
    seconds: float = 30.0
    """Time for a query; whether prediction and gold share it, the benchmark says."""
    keep_distinct: bool = False
    """Leave DISTINCT in both texts, where the benchmark's evaluator would take it out."""
    plug_values: bool = False
    """Try the gold's values in the prediction's places, for models that predict none, where the benchmark's
    evaluator can."""
    repeats: int = 10
    """Timed runs of each query for ves and r-ves."""
    samples: int = 0
    """Rows of each result to keep as text for a report."""
    same_columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For `em`: by database, the columns that foreign keys tie together, see
    `exact_match.foreign_key_classes`."""

    @property
    def rules(self) -> Benchmark:
        """The benchmark's entry."""
        return BENCHMARKS[self.benchmark]

    @property
    def limits(self) -> Limits:
        """Bounds on one query: the time, and room for results of 10^6 rows."""
        return Limits(self.seconds, rows=2_000_000, bytes=1 << 30)


def grouped(items: Iterable[_Item], key: Callable[[_Item], str]) -> dict[str, list[_Item]]:
    """Items by their key, in the order in which keys and items first come."""
    groups: dict[str, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
