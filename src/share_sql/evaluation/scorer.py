"""Score cases by their metrics; verdicts of earlier runs are kept under all that decides them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from share_sql.benchmarks.benchmark import as_it_stands
from share_sql.benchmarks.bird import bird_ex
from share_sql.database.address import shown
from share_sql.database.base import Database
from share_sql.errors import DatabaseError, SqlUnreadable
from share_sql.evaluation.cases import CaseResult, EvalCase, Options, Score, grouped
from share_sql.evaluation.efficiency import measure
from share_sql.evaluation.executor import Executor
from share_sql.evaluation.metrics import METRICS, Scoring, databases_of
from share_sql.evaluation.results import Outcome, ResultCache

VERDICT_VERSION = 2
"""Part of each cached verdict's key: raised when a metric's code changes what it says."""

NOT_RUN = Outcome()
"""In place of results that no metric asked for."""


@dataclass(frozen=True)
class Scorer:
    """How an evaluation scores each of its cases."""

    metrics: tuple[str, ...]
    """Names in the order of METRICS."""
    options: Options
    cache: ResultCache | None
    """Of results and verdicts; None keeps nothing."""
    open_database: Callable[[str], Database]
    """Opens a database for reading."""

    def recall(self, cases: Sequence[EvalCase]) -> dict[int, CaseResult]:
        """The results whose verdicts are in the cache, by the case's place. No file is opened for them, and a
        server asked for its state alone.

        A report finds none: it shows rows, which are not kept with the verdicts.
        """
        found: dict[int, CaseResult] = {}
        if self.cache is None or self.options.samples:
            return found
        for database, places in grouped(range(len(cases)), lambda at: cases[at].database).items():
            with ExitStack() as stack:
                executors = [stack.enter_context(each) for each in self._executors(database)]
                names = [self._name(cases[at], executors) for at in places]
            for at, name in zip(places, names, strict=True):
                kept = self.cache.fetch(name)
                if kept is not None:
                    scores, drafts, error, gold_error, gold_empty, nothing, seconds, level = json.loads(kept)
                    case = replace(cases[at], difficulty=cases[at].difficulty or level)
                    found[at] = CaseResult(
                        case, scores, drafts, error, gold_error, gold_empty, nothing, seconds
                    )
        return found

    def score(self, cases: Sequence[EvalCase]) -> tuple[list[CaseResult], list[str]]:
        """Score cases of one database, and of its test suite where a metric asks for that.

        Returns:
            The results in order, without timed metrics, and warnings.
        """
        executors = self._executors(cases[0].database)
        with ExitStack() as stack:
            for executor in executors:
                stack.enter_context(executor)
            results = [self._score(case, executors) for case in cases]
            changed = [shown(executor.where) for executor in executors if executor.changed()]
        return results, [f"{where} changed while it was read; score again" for where in changed]

    def with_timings(self, results: Sequence[CaseResult]) -> list[CaseResult]:
        """The results with their timed metrics, which are measured one after another, beside nothing."""
        timed = list(results)
        for path, places in grouped(range(len(results)), lambda at: results[at].case.database).items():
            try:
                with self.open_database(path) as database:
                    ratios = [self._ratio(results[at], database) for at in places]
            except DatabaseError:
                # The case's own result says already that its database cannot be opened.
                ratios = [0.0] * len(places)
            for at, ratio in zip(places, ratios, strict=True):
                case = results[at].case
                one = Scoring(case, case.prediction, self.options, (), ratio=ratio)
                measured = {name: METRICS[name].score(one) for name in self.metrics if METRICS[name].timed}
                scores = results[at].scores | measured
                timed[at] = replace(results[at], scores={name: scores[name] for name in self.metrics})
        return timed

    def _executors(self, database: str) -> list[Executor]:
        files = databases_of(database, self.metrics)
        return [Executor(name, self.options.limits, self.cache, self.open_database) for name in files]

    def _name(self, case: EvalCase, executors: Sequence[Executor]) -> str:
        """What a case's verdicts are kept under: all that decides them, the state of the databases too."""
        options = self.options
        same = options.same_columns.get(case.database_name) if "em" in self.metrics else None
        asked = (
            *(executor.fingerprint for executor in executors),
            *(case.gold, case.prediction, case.draft, bool(case.difficulty)),
            *(self.metrics, options.benchmark),
            *(options.seconds, options.keep_distinct, options.plug_values, same),
        )
        return f"{VERDICT_VERSION}{asked!r}"

    def _score(self, case: EvalCase, executors: Sequence[Executor]) -> CaseResult:
        """Score a case, and keep its verdicts unless another run might find other ones."""
        for executor in executors:
            executor.begin_case()
        asked = [METRICS[name] for name in self.metrics]
        one = Scoring(case, case.prediction, self.options, executors)
        scores = {each.name: each.score(one) for each in asked if not each.timed}
        drafted = replace(one, sql=case.draft)
        draft_scores: dict[str, Score] = {}
        if case.draft is not None:
            draft_scores = {each.name: each.score(drafted) for each in asked if each.verdict}
        predicted, gold = self._shown(one)
        samples = self.options.samples
        rows = ("", "", "")
        if samples:
            before = self._shown(drafted)[0] if case.draft is not None else NOT_RUN
            rows = (sample_text(predicted, samples), sample_text(gold, samples), sample_text(before, samples))
        level = _hardness(one) if self.options.rules.rates_gold and not case.difficulty else case.difficulty
        found = CaseResult(
            case=replace(case, difficulty=level),
            scores=scores,
            draft_scores=draft_scores,
            error=predicted.error,
            gold_error=gold.error or one.fault or drafted.fault,
            gold_empty=gold is not NOT_RUN and gold.ok and not gold.rows,
            gold_finds_nothing=gold is not NOT_RUN and gold.ok and finds_nothing(gold.rows),
            seconds=predicted.seconds,
            rows=rows,
        )
        if self.cache is not None and not samples and all(executor.steady for executor in executors):
            gold_is = (found.gold_error, found.gold_empty, found.gold_finds_nothing)
            kept = (scores, draft_scores, found.error, *gold_is, found.seconds, level)
            self.cache.keep(self._name(case, executors), json.dumps(kept))
        return found

    def _shown(self, one: Scoring) -> tuple[Outcome, Outcome]:
        """The outcomes of prediction and gold to report: of the texts as they stand where a metric asks for
        them, else of the texts that the first metric asks for."""
        asked = (METRICS[name].text for name in self.metrics)
        texts = [text(self.options.rules) for text in asked if text is not None]
        if not texts:
            return NOT_RUN, NOT_RUN
        return one.prepared(as_it_stands if as_it_stands in texts else texts[0])

    def _ratio(self, result: CaseResult, database: Database) -> float:
        """The time ratio of one case; 0 where the prediction is wrong by BIRD's EX."""
        sql, gold = result.case.prediction, result.case.gold
        if sql is None or result.error is not None or result.gold_error is not None:
            return 0.0
        limits = self.options.limits
        try:
            if not bird_ex(database.query(sql, limits).rows, database.query(gold, limits).rows):
                return 0.0
            return measure(lambda text: database.query(text, limits).seconds, sql, gold, self.options.repeats)
        except DatabaseError:
            return 0.0  # as the official script: a query that fails or is late on any run counts as wrong


def _hardness(one: Scoring) -> str:
    """Spider's hardness of the case; empty where its gold is unreadable."""
    from share_sql.evaluation.exact_match import hardness

    try:
        return hardness(one.case.gold, one.schema)
    except SqlUnreadable:
        return ""


def finds_nothing(rows: Sequence[Sequence[object]]) -> bool:
    """Whether a result has no row, or nothing but NULL and 0 in its rows."""
    return all(value is None or value == 0 for row in rows for value in row)


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
