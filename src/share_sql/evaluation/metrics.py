"""The metrics: each is one decorated function, and its place in METRICS is its place in every table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from share_sql.benchmarks.benchmark import Benchmark, Prepare, as_it_stands
from share_sql.benchmarks.spider import SPIDER
from share_sql.errors import UsageError
from share_sql.evaluation.cases import EvalCase, Options, Score
from share_sql.evaluation.efficiency import r_ves_score, ves_score
from share_sql.evaluation.execution import sorts_rows, strict_ex
from share_sql.evaluation.results import Outcome
from share_sql.evaluation.soft_f1 import soft_f1 as f1_of_rows
from share_sql.evaluation.spider import Runner, exact_verdict, execution_match, read_schema

NO_PREDICTION = Outcome(error="no prediction for this id", kind="Missing")
"""Stands for the result of a prediction that is not there."""


@dataclass(eq=False)
class Scoring:
    """One SQL of a case beside gold, as a metric sees it. A query runs when a metric first asks for it."""

    case: EvalCase
    sql: str | None
    """The prediction or the draft; None where there is none."""
    options: Options
    databases: Sequence[Runner]
    """The case's database, then the others of its test suite."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """What came of each text on the case's own database; shared between the prediction and the draft."""
    fault: str | None = None
    """Why gold gave no result on one of the databases, where a metric found so."""
    ratio: float = 0.0
    """Gold's time by the prediction's, 0 where it is wrong; measured for timed metrics alone."""

    def run(self, sql: str | None) -> Outcome:
        """The outcome of a text on the case's own database."""
        if sql is None:
            return NO_PREDICTION
        if sql not in self.outcomes:
            self.outcomes[sql] = self.databases[0].run(sql)
        return self.outcomes[sql]

    def prepared(self, prepare: Prepare) -> tuple[Outcome, Outcome]:
        """Outcomes of the SQL and of gold, each as an evaluator prepares it."""
        keep = self.options.keep_distinct
        sql = prepare(self.sql, keep, True) if self.sql is not None else None
        return self.run(sql), self.run(prepare(self.case.gold, keep, False))

    def results(self) -> tuple[Outcome, Outcome] | None:
        """Outcomes of the SQL and of gold as they stand; None where one of them failed or was late."""
        predicted, gold = self.prepared(as_it_stands)
        late = self.options.rules.seconds_together and predicted.seconds + gold.seconds > self.options.seconds
        return (predicted, gold) if predicted.ok and gold.ok and not late else None

    def matches(self, benchmark: Benchmark, databases: int | None) -> bool:
        """Whether the SQL is right by a benchmark's rule on the first so many databases; None: on all."""
        if not self.sql:
            return False
        runners = [self, *self.databases[1:databases]]
        right, fault = execution_match(self.sql, self.case.gold, runners, benchmark, self.options)
        self.fault = self.fault or fault
        return right

    @cached_property
    def schema(self) -> Mapping[str, Sequence[str]]:
        """Columns by table of the case's database, in lower case."""
        return read_schema(self)


@dataclass(frozen=True)
class Metric:
    """A metric."""

    name: str
    """As `--metrics` takes it and reports print it."""
    about: str
    """What is right by it, in one line of Markdown."""
    score: Callable[[Scoring], Score]
    after: str
    """Whose official script it follows."""
    text: Callable[[Benchmark], Prepare] | None = None
    """By benchmark, what is done to a text before it is executed; None: nothing is executed."""
    verdict: bool = False
    """It says right or wrong, so that drafts can be fixed or broken by it."""
    timed: bool = False
    """It rests on times, measured alone and after everything else."""
    suite: bool = False
    """It asks every database of the test suite."""


def metric(
    after: str,
    text: Callable[[Benchmark], Prepare] | None,
    *,
    verdict: bool = False,
    timed: bool = False,
    suite: bool = False,
) -> Callable[[Callable[[Scoring], Score]], Metric]:
    """Make a function a metric of its own name; its docstring is what docs/evaluation.md says of it.

    Args:
        after, text, verdict, timed, suite: as the fields of `Metric`.
    """

    def make(score: Callable[[Scoring], Score]) -> Metric:
        about = " ".join((score.__doc__ or "").split())
        name = score.__name__.replace("_", "-")
        return Metric(name, about, score, after, text, verdict=verdict, timed=timed, suite=suite)

    return make


def _plain(benchmark: Benchmark) -> Prepare:
    return as_it_stands


@metric("the benchmark's", lambda benchmark: benchmark.prepare, verdict=True)
def ex(one: Scoring) -> Score:
    """the benchmark's own execution match, see below"""
    return one.matches(one.options.rules, 1)


@metric("this project", _plain, verdict=True)
def strict(one: Scoring) -> Score:
    """equal bags of rows, columns in order, rows in order where the gold's outermost query sorts, reals
    within a millionth, NULL equal to NULL only; the texts run as they stand"""
    found = one.results()
    return found is not None and strict_ex(found[0].rows, found[1].rows, ordered=sorts_rows(one.case.gold))


@metric("mini_dev, evaluation_f1.py", _plain)
def soft_f1(one: Scoring) -> Score:
    """0 to 1: rows paired by position after duplicates are dropped"""
    found = one.results()
    return f1_of_rows(found[0].rows, found[1].rows) if found is not None else 0.0


@metric("DAMO-ConvAI evaluation_ves.py", _plain, timed=True)
def ves(one: Scoring) -> Score:
    """square root of the gold's time over the prediction's; 0 where BIRD's `ex` is wrong"""
    return ves_score(one.ratio)


@metric("mini_dev evaluation_ves.py", _plain, timed=True)
def r_ves(one: Scoring) -> Score:
    """square root of a reward by steps of that ratio; 0 where BIRD's `ex` is wrong"""
    return r_ves_score(one.ratio)


@metric("taoyds/spider, evaluation.py", None, verdict=True)
def em(one: Scoring) -> Score:
    """Spider's exact set match; needs `--tables`"""
    return exact_verdict(one.sql, one.case, one.schema, one.options)


@metric("taoyds/test-suite-sql-eval, exec_eval.py", lambda _: SPIDER.prepare, verdict=True, suite=True)
def test_suite(one: Scoring) -> Score:
    """Spider's `ex` on every SQLite file in the database's folder"""
    return one.matches(SPIDER, None)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {each.name: each for each in (ex, strict, soft_f1, ves, r_ves, em, test_suite)}
)
"""By name, in the order they are reported."""


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


def verdicts_among(names: Sequence[str]) -> tuple[str, ...]:
    """Those of the metrics that say right or wrong."""
    return tuple(name for name in names if METRICS[name].verdict)


def databases_of(database: str, names: Sequence[str]) -> list[str]:
    """The database files that the metrics ask: the case's own, and with a metric of the suite every SQLite
    file beside it."""
    if not any(METRICS[name].suite for name in names):
        return [database]
    path = Path(database)
    others = sorted(str(other) for other in path.parent.glob("*.sqlite*") if _is_database(other))
    return [database, *(other for other in others if Path(other) != path)]


def _is_database(path: Path) -> bool:
    # SQLite's side files hold the same name and more; the script would take them for databases.
    return path.is_file() and not path.name.endswith(("-wal", "-shm", "-journal"))
