"""The metrics: each is one decorated function, and its place in METRICS is its place in every table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType

from share_sql.benchmarks.benchmark import Benchmark, Prepare, as_it_stands
from share_sql.benchmarks.bird import soft_f1 as f1_of_rows
from share_sql.benchmarks.spider import SPIDER, plugged
from share_sql.database.address import dialect_at, file_of, shown
from share_sql.dialects import DIALECTS
from share_sql.errors import SqlUnreadable, UsageError
from share_sql.evaluation.cases import EvalCase, Options, Score
from share_sql.evaluation.efficiency import r_ves_score, ves_score
from share_sql.evaluation.execution import sorts_rows, strict_ex
from share_sql.evaluation.executor import Executor
from share_sql.evaluation.results import Outcome

MAX_VARIANTS = 10_000
"""Predictions tried at most with --plug-values; the official script tries all and may never end."""

NO_PREDICTION = Outcome(error="no prediction for this id", kind="Missing")
"""Stands for the result of a prediction that is not there."""


@dataclass(eq=False)
class Scoring:
    """One SQL of a case beside gold, as a metric sees it. A query runs when a metric first asks for it."""

    case: EvalCase
    sql: str | None
    """The prediction or the draft; None where there is none."""
    options: Options
    databases: Sequence[Executor]
    """The case's database, then the others of its test suite."""
    fault: str | None = None
    """Why gold gave no result on one of the databases, where a metric found so."""
    ratio: float = 0.0
    """Gold's time by the prediction's, 0 where it is wrong; measured for timed metrics alone."""

    def run(self, sql: str | None) -> Outcome:
        """The outcome of a text on the case's own database."""
        return NO_PREDICTION if sql is None else self.databases[0].run(sql)

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
        """Whether the SQL is right by a benchmark's rule on the first so many databases; None: on all.

        Some variant of it must match on each: itself, or, with `plug_values` where the benchmark has it, with
        the gold's values in place of its own. Where the gold does not run, `fault` says why.
        """
        if not self.sql:
            return False
        options, runners = self.options, self.databases[:databases]
        gold = benchmark.prepare(self.case.gold, options.keep_distinct, False)
        text = benchmark.prepare(self.sql, options.keep_distinct, True)
        fault = next((error for runner in runners if (error := runner.run(gold).error) is not None), None)
        if fault is not None:
            self.fault = self.fault or fault
            return False

        def right(runner: Executor, variant: str) -> bool:
            predicted, wanted = runner.run(variant), runner.run(gold)
            late = benchmark.seconds_together and predicted.seconds + wanted.seconds > options.seconds
            return predicted.ok and not late and benchmark.match(predicted.rows, wanted.rows, gold)

        plugs = plugged(text, gold) if options.plug_values and benchmark.plugs_values else ()
        variants = islice(chain([text], plugs), MAX_VARIANTS)
        return any(all(right(runner, variant) for runner in runners) for variant in variants)

    @property
    def schema(self) -> Mapping[str, Sequence[str]]:
        """Columns by table of the case's database, in lower case; empty where it cannot be read."""
        return self.databases[0].columns


@dataclass(frozen=True)
class Metric:
    """A metric: `@partial(Metric, after=…)` makes a function one, of its name and with its docstring."""

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

    @property
    def name(self) -> str:
        """As `--metrics` takes it and reports print it."""
        return self.score.__name__.replace("_", "-")

    @property
    def about(self) -> str:
        """What is right by it, in one line of Markdown, for docs/evaluation.md."""
        return " ".join((self.score.__doc__ or "").split())


def _plain(benchmark: Benchmark) -> Prepare:
    return as_it_stands


@partial(Metric, after="the benchmark's", text=lambda benchmark: benchmark.prepare, verdict=True)
def ex(one: Scoring) -> Score:
    """the benchmark's own execution match, see below"""
    return one.matches(one.options.rules, 1)


@partial(Metric, after="this project", text=_plain, verdict=True)
def strict(one: Scoring) -> Score:
    """equal bags of rows, columns in order, rows in order where the gold's outermost query sorts, reals
    within a millionth, NULL equal to NULL only; the texts run as they stand"""
    found = one.results()
    return found is not None and strict_ex(found[0].rows, found[1].rows, ordered=sorts_rows(one.case.gold))


@partial(Metric, after="mini_dev, evaluation_f1.py", text=_plain)
def soft_f1(one: Scoring) -> Score:
    """0 to 1: rows paired by position after duplicates are dropped"""
    found = one.results()
    return f1_of_rows(found[0].rows, found[1].rows) if found is not None else 0.0


@partial(Metric, after="DAMO-ConvAI evaluation_ves.py", text=_plain, timed=True)
def ves(one: Scoring) -> Score:
    """square root of the gold's time over the prediction's; 0 where BIRD's `ex` is wrong"""
    return ves_score(one.ratio)


@partial(Metric, after="mini_dev evaluation_ves.py", text=_plain, timed=True)
def r_ves(one: Scoring) -> Score:
    """square root of a reward by steps of that ratio; 0 where BIRD's `ex` is wrong"""
    return r_ves_score(one.ratio)


@partial(Metric, after="taoyds/spider, evaluation.py", verdict=True)
def em(one: Scoring) -> Score:
    """Spider's exact set match; needs `--tables`"""
    from share_sql.evaluation.exact_match import exact_match

    same = one.options.same_columns.get(one.case.database_name, {})
    try:
        # A prediction that is missing is unreadable, which matches nothing.
        return exact_match((one.sql or "").replace(" value ", " 1 "), one.case.gold, one.schema, same)
    except SqlUnreadable:
        return None  # the gold is outside the benchmark's grammar


@partial(
    Metric,
    after="taoyds/test-suite-sql-eval, exec_eval.py",
    text=lambda _: SPIDER.prepare,
    verdict=True,
    suite=True,
)
def test_suite(one: Scoring) -> Score:
    """Spider's `ex` on every SQLite file in the database's folder; not for other databases"""
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
    """The databases that the metrics ask: the case's own, and with a metric of the suite every file of its
    kind beside it.

    Raises:
        UsageError: a metric asks for a suite, and there is none for databases of this kind.
    """
    suite = next((name for name in names if METRICS[name].suite), None)
    if suite is None:
        return [database]
    dialect, file = dialect_at(database), file_of(database)
    if not dialect.suite or file is None:
        some = " and ".join(each.title for each in DIALECTS.values() if each.suite)
        raise UsageError(
            f"{suite} compares on every {some} file in a database's folder, and {shown(database)} is of "
            f"{dialect.title}; leave it out of --metrics"
        )
    path = Path(file)
    if not os.path.isdir(path.parent):  # nor can it be where its name is too long
        return [database]
    others = sorted(str(other) for other in path.parent.glob(dialect.suite) if _is_database(other))
    return [database, *(other for other in others if Path(other) != path)]


def _is_database(path: Path) -> bool:
    # SQLite's side files hold the same name and more; the script would take them for databases.
    return path.is_file() and not path.name.endswith(("-wal", "-shm", "-journal"))
