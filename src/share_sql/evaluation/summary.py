"""From scored cases to figures: totals, by difficulty, by database, against the drafts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from share_sql.evaluation.metrics import VERDICTS, CaseResult
from share_sql.evaluation.runner import Evaluation

if TYPE_CHECKING:
    from share_sql.evaluation.transitions import Transitions

LEVELS = ("simple", "moderate", "challenging", "easy", "medium", "hard", "extra")
"""BIRD's and Spider's difficulties, in the order they are reported."""


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
            name: sum(bool(result.scores.get(name)) for result in results)
            for name in metrics
            if name in VERDICTS
        },
        scored=len(sound),
        scores_of_scored=_means(sound, metrics),
    )


def _means(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, float]:
    count = len(results) or 1
    return {
        name: 100 * sum(float(result.scores.get(name) or 0) for result in results) / count for name in metrics
    }


def by_difficulty(evaluation: Evaluation) -> dict[str, Line]:
    """Figures by difficulty, easiest first; cases without one are left out."""
    levels = {result.case.difficulty for result in evaluation.results if result.case.difficulty}
    ordered = [level for level in LEVELS if level in levels] + sorted(levels - set(LEVELS))
    return {
        level: line(
            [result for result in evaluation.results if result.case.difficulty == level], evaluation.metrics
        )
        for level in ordered
    }


def by_database(evaluation: Evaluation) -> dict[str, tuple[CaseResult, ...]]:
    """Results by database name, in order of names."""
    names: dict[str, list[CaseResult]] = {}
    for result in evaluation.results:
        names.setdefault(database_name(result.case.database), []).append(result)
    return {name: tuple(names[name]) for name in sorted(names)}


def database_name(path: str) -> str:
    """The file's name without folder and ending."""
    return path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".sqlite")


def against_drafts(results: Iterable[CaseResult], metric: str) -> Transitions | None:
    """What became of the drafts by one metric; None where no case has a draft."""
    drafted = [result for result in results if metric in result.draft_scores]
    if not drafted:
        return None
    from share_sql.evaluation.transitions import transitions

    return transitions(
        [bool(result.draft_scores[metric]) for result in drafted],
        [bool(result.scores[metric]) for result in drafted],
        [_changed(result) for result in drafted],
    )


def _changed(result: CaseResult) -> bool:
    if result.case.verdict:
        return result.case.verdict == "corrected"
    return _bare(result.case.draft or "") != _bare(result.case.prediction or "")


def _bare(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """The whole evaluation as `share eval --json` prints it."""
    results, metrics = evaluation.results, evaluation.metrics
    report: dict[str, object] = {
        "cases": [_case_json(result) for result in results],
        "total": _line_json(line(results, metrics)),
        "difficulty": {level: _line_json(found) for level, found in by_difficulty(evaluation).items()},
        "metrics": list(metrics),
        "benchmark": evaluation.options.benchmark,
    }
    drafts = {
        name: _transitions_json(found)
        for name in metrics
        if name in VERDICTS and (found := against_drafts(results, name)) is not None
    }
    if drafts:
        report["drafts"] = drafts
    if of_a_run(results):
        report |= _own_word(results, metrics)
    report["missing"] = list(evaluation.missing)
    report["extra"] = list(evaluation.extra)
    report["gold_failed"] = [
        {"id": result.case.id, "error": result.gold_error} for result in results if result.gold_error
    ]
    report["gold_empty"] = [result.case.id for result in results if result.gold_empty]
    if "ex" in metrics and "strict" in metrics:
        report["ex_and_strict_differ"] = [
            result.case.id for result in results if result.scores["ex"] != result.scores["strict"]
        ]
    report["warnings"] = list(evaluation.warnings)
    return report


def of_a_run(results: Iterable[CaseResult]) -> bool:
    """Whether any case has more than its SQL: a verdict, a confidence, what it cost."""
    return any(
        result.case.verdict or result.case.confidence is not None or result.case.tokens or result.case.seconds
        for result in results
    )


def _own_word(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, object]:
    """What a run says of its own corrections: verdicts, confidences, cost."""
    from share_sql.evaluation.assurance import assurance, assurance_json, verdicts, verdicts_json
    from share_sql.evaluation.spending import spending, spending_json

    told: dict[str, object] = {}
    if (ended := verdicts(results)) is not None:
        told["verdicts"] = verdicts_json(ended)
    trusted = {
        name: assurance_json(worth)
        for name in metrics
        if name in VERDICTS and (worth := assurance(results, name)) is not None
    }
    if trusted:
        told["confidence"] = trusted
    if (spent := spending(result.case for result in results)) is not None:
        told["spent"] = spending_json(spent)
    return told


def _line_json(found: Line) -> dict[str, object]:
    """Metrics under their own names; counts under others."""
    answer: dict[str, object] = {"cases": found.cases, **{k: round(v, 4) for k, v in found.scores.items()}}
    answer["right"] = found.right
    if found.scored != found.cases:
        answer["gold_runs"] = {
            "cases": found.scored,
            **{name: round(value, 4) for name, value in found.scores_of_scored.items()},
        }
    return answer


def _transitions_json(found: Transitions) -> dict[str, object]:
    return {
        "cases": found.cases,
        "right_before": found.stayed_right + found.broken,
        "right_after": found.stayed_right + found.fixed,
        "fixed": found.fixed,
        "broken": found.broken,
        "net": found.net,
        "p": found.p_value,
        "changed": found.changed,
        "firing_rate": round(found.firing_rate, 4),
    }


def _case_json(result: CaseResult) -> dict[str, object]:
    answer: dict[str, object] = {"id": result.case.id, **result.scores}
    if result.case.difficulty:
        answer["difficulty"] = result.case.difficulty
    answer["database"] = database_name(result.case.database)
    if result.draft_scores:
        answer["draft"] = result.draft_scores
    if result.case.verdict:
        answer["verdict"] = result.case.verdict
    if result.case.confidence is not None:
        answer["confidence"] = result.case.confidence
    if result.case.tokens:
        answer["tokens"] = sum(map(sum, result.case.tokens.values()))
    if result.case.seconds:
        answer["seconds"] = round(sum(result.case.seconds.values()), 6)
    if result.error is not None:
        answer["error"] = result.error
    if result.gold_error is not None:
        answer["gold_error"] = result.gold_error
    return answer
