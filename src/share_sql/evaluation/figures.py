"""The figures of a set of cases: mean scores, and what became of the drafts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from share_sql.evaluation.cases import CaseResult
from share_sql.evaluation.metrics import verdicts_among
from share_sql.evaluation.transitions import Transitions, transitions


@dataclass(frozen=True)
class Line:
    """The figures of a set of cases."""

    cases: int
    scores: dict[str, float]
    """Mean score by metric in per cent, over all cases, as the official scripts have it: gold that
    fails and predictions that are missing count as wrong."""
    right: dict[str, int]
    """Number of right cases by metric, for metrics that say right or wrong."""
    scored: int
    """Cases whose gold runs."""
    scores_of_scored: dict[str, float]
    """Mean score in per cent over the cases whose gold runs."""


def line(results: Sequence[CaseResult], metrics: Sequence[str]) -> Line:
    """Figures of a set of cases; 0 for an empty one."""
    sound = [result for result in results if result.gold_error is None]
    return Line(
        cases=len(results),
        scores=_means(results, metrics),
        right={
            name: sum(bool(result.scores.get(name)) for result in results) for name in verdicts_among(metrics)
        },
        scored=len(sound),
        scores_of_scored=_means(sound, metrics),
    )


def _means(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, float]:
    count = len(results) or 1
    return {
        name: 100 * sum(float(result.scores.get(name) or 0) for result in results) / count for name in metrics
    }


def against_drafts(results: Iterable[CaseResult], metric: str) -> Transitions | None:
    """What became of the drafts by one metric; None where no case has a draft."""
    drafted = [result for result in results if metric in result.draft_scores]
    if not drafted:
        return None
    return transitions(
        [bool(result.draft_scores[metric]) for result in drafted],
        [bool(result.scores[metric]) for result in drafted],
        [_changed(result) for result in drafted],
        [result.gold_finds_nothing for result in drafted],
    )


def drafts_of(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, Transitions]:
    """What became of the drafts, by each metric that says right or wrong; empty where no case has a draft."""
    found = {name: against_drafts(results, name) for name in verdicts_among(metrics)}
    return {name: moved for name, moved in found.items() if moved is not None}


def _changed(result: CaseResult) -> bool:
    if result.case.verdict:
        return result.case.verdict == "corrected"
    return _bare(result.case.draft or "") != _bare(result.case.prediction or "")


def _bare(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")


def line_json(found: Line) -> dict[str, object]:
    """Metrics under their own names; counts under others."""
    answer: dict[str, object] = {"cases": found.cases, **{k: round(v, 4) for k, v in found.scores.items()}}
    answer["right"] = found.right
    if found.scored != found.cases:
        answer["gold_runs"] = {
            "cases": found.scored,
            **{name: round(value, 4) for name, value in found.scores_of_scored.items()},
        }
    return answer


def transitions_json(found: Transitions) -> dict[str, object]:
    """As `share eval --json` prints it."""
    return {
        "cases": found.cases,
        "right_before": found.stayed_right + found.broken,
        "right_after": found.stayed_right + found.fixed,
        "fixed": found.fixed,
        "fixed_where_gold_finds_nothing": found.fixed_for_nothing,
        "broken": found.broken,
        "broken_where_gold_finds_nothing": found.broken_for_nothing,
        "net": found.net,
        "p": found.p_value,
        "changed": found.changed,
        "firing_rate": round(found.firing_rate, 4),
    }
