"""Fit what a finding weighs, and when a rewritten candidate beats the draft, on real queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.label import Labeller
from share_sql.calibration.logistic import fit, lowest_threshold, out_of_fold
from share_sql.database.base import QueryResult
from share_sql.errors import QueryError, SqlError
from share_sql.judgement.features import COMPARED, compared_features
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import Weights
from share_sql.query.examined import Context, Examined, unrun
from share_sql.sql.text import extract_sql

LEAST_PRECISION = 0.85
"""Of the drafts whose rightness a replacement changes, the share that it makes right."""


@dataclass
class PairData:
    """Pairs of queries for one question: one as the draft, the other as the candidate."""

    rows: list[list[float]] = field(default_factory=list)
    before: list[bool] = field(default_factory=list)
    after: list[bool] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    kinds: list[frozenset[str]] = field(default_factory=list)
    """Findings of each single query, for the findings' weights."""
    wrong: list[int] = field(default_factory=list)


def collect(cases: Iterable[LabelledCase], labeller: Labeller, weights: Weights, data: PairData) -> None:
    """Run all drafts of each question and pair them; adds to `data`."""
    questions: dict[tuple[str, str, str], dict[str, LabelledCase]] = defaultdict(dict)
    for case in cases:
        key = (case.case.database, case.case.question, case.gold)
        questions[key].setdefault(" ".join(case.case.draft.lower().split()), case)
    for (database, _, gold), drafts in questions.items():
        if not labeller.gold_runs(database, gold):
            continue
        bound = [
            (draft, labeller.right(database, case.case.draft, gold))
            for case in drafts.values()
            if (draft := _examine(case, labeller, weights)) is not None
        ]
        for draft, right in bound:
            data.kinds.append(draft.kinds)
            data.wrong.append(int(not right))
        for (first, was), (second, becomes) in permutations(bound, 2):
            if not first.runs or not second.runs:
                continue  # the policy decides these without weights
            data.rows.append(compared_features(first, second))
            data.before.append(was)
            data.after.append(becomes)
            data.groups.append(database)


def repaired(cases: Sequence[LabelledCase], labeller: Labeller, weights: Weights) -> Iterator[LabelledCase]:
    """The cases with their drafts as the symbolic repairs leave them."""
    # Closed here, not whenever it is collected: with it the catalog closes what others may ask by then.
    with Assistant(catalog=labeller.catalog, weights=weights, conventions="benchmark") as assistant:
        done = list(assistant.correct_many(case.case for case in cases))
    for case, correction in zip(cases, done, strict=True):
        yield replace(case, case=replace(case.case, draft=correction.sql))


def _examine(case: LabelledCase, labeller: Labeller, weights: Weights) -> Examined | None:
    """A draft with what running it gave; None where it cannot be parsed."""
    with labeller.catalog.use(case.case.database) as opened:
        context = Context(opened.schema, case.case.question, case.case.evidence, weights.asked)
        try:
            query = unrun(extract_sql(case.case.draft), context)
        except SqlError:
            return None
        outcome: QueryResult | QueryError
        try:
            outcome = opened.database.query(query.sql)
        except QueryError as error:
            outcome = error
        return replace(query, outcome=outcome)


def fit_findings(data: PairData) -> tuple[dict[str, float], float]:
    """Log-odds by kind of finding, and of a query without any, that the query is wrong."""
    kinds = sorted({kind for found in data.kinds for kind in found})
    rows = [[1.0, *(float(kind in found) for kind in kinds)] for found in data.kinds]
    prior, *weights = fit(rows, data.wrong, strength=1.0)
    return dict(zip(kinds, weights, strict=True)), prior


def fit_compared(data: PairData) -> tuple[Logistic, dict[str, int]]:
    """Weights and threshold of the model that compares a candidate with the draft.

    The threshold is the lowest whose out-of-fold precision (folds by database) is LEAST_PRECISION.

    Returns:
        The model, and the figures: pairs, acted on, fixed, broken (out of fold).
    """
    better = [int(after and not before) for before, after in zip(data.before, data.after, strict=True)]
    scores = out_of_fold(data.rows, better, data.groups)
    compared = zip(scores, data.before, data.after, strict=True)
    threshold, kept = lowest_threshold(compared, LEAST_PRECISION, least=30)
    figures = {"pairs": len(scores)} | {name: int(kept[name]) for name in ("acted on", "fixed", "broken")}
    weights = dict(zip(COMPARED, fit(data.rows, better), strict=True))
    return Logistic(weights, round(threshold, 4)), figures
