"""Fit the confidence: how often is the SQL that SHARE hands back right?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.label import Labeller
from share_sql.calibration.logistic import fit, out_of_fold
from share_sql.evaluation.assurance import calibration_error, reliability
from share_sql.judgement.confidence import CONFIDENCE, confidence_features
from share_sql.judgement.logistic import Logistic
from share_sql.stages.state import Candidate, State

STRENGTH = 1.0
"""Inverse of the regularisation."""


@dataclass
class ConfidenceData:
    """Queries handed back, each described and labelled."""

    rows: list[list[float]] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """The database of each: folds never split one."""

    def add(self, state: State, right: bool) -> None:
        """Add one case as it ended. Queries that do not run need no model: they are wrong."""
        final = _final(state)
        if final is not None and final.query.runs:
            self.rows.append(confidence_features(final.query, final.mended))
            self.right.append(int(right))
            self.groups.append(state.case.database)


def collect_confidence(
    cases: Sequence[LabelledCase], states: Iterable[State], labeller: Labeller, data: ConfidenceData
) -> None:
    """Label what was handed back; adds to `data`.

    Args:
        cases: drafts with gold, each with an id of its own.
        states: the cases as the assistant left them, in any order.
        labeller: says what is right.
        data: added to.
    """
    gold = {each.case.id: each.gold for each in cases}
    for state in states:
        wanted, database = gold[state.case.id], state.case.database
        if labeller.gold_runs(database, wanted) and state.correction is not None:
            data.add(state, labeller.right(database, state.correction.sql, wanted))


def fit_confidence(data: ConfidenceData) -> tuple[Logistic, dict[str, Any]]:
    """Fit the model. What was mended may only lower the confidence: weights that would raise it are 0.

    Returns:
        The model, and figures of folds by database: queries, share right, expected calibration error over
        all, and of each database alone.
    """
    free = list(range(len(CONFIDENCE)))
    while True:
        rows = [[row[at] for at in free] for row in data.rows]
        fitted = dict(zip(free, fit(rows, data.right, STRENGTH), strict=True))
        raising = [at for at in free if CONFIDENCE[at].startswith("mended:") and fitted[at] > 0]
        if not raising:
            break
        free = [at for at in free if at not in raising]
    scores = out_of_fold(rows, data.right, data.groups, STRENGTH)
    of_group: dict[str, list[tuple[float, bool]]] = {}
    for score, right, group in zip(scores, data.right, data.groups, strict=True):
        of_group.setdefault(group, []).append((score, bool(right)))
    figures = {
        "queries": len(scores),
        "right": round(sum(data.right) / max(1, len(scores)), 3),
        "error": round(_error(zip(scores, map(bool, data.right), strict=True)), 4),
        "error by database": {group: round(_error(some), 3) for group, some in sorted(of_group.items())},
    }
    weights = {name: fitted.get(at, 0.0) for at, name in enumerate(CONFIDENCE)}
    return Logistic(weights, 0.5), figures


def _error(scored: Iterable[tuple[float, bool]]) -> float:
    """Expected calibration error, in ten equal intervals."""
    confidences, right = zip(*scored, strict=True)
    return calibration_error(reliability(confidences, right))


def _final(state: State) -> Candidate | None:
    """The candidate that was handed back."""
    correction = state.correction
    if correction is None:
        return None
    if correction.verdict == "corrected":
        return next((each for each in state.candidates if each.sql == correction.sql), None)
    return state.draft
