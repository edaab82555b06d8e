"""From scored cases to figures: totals, by difficulty, by database, against the drafts."""

from __future__ import annotations

from collections.abc import Iterable

from share_sql.benchmarks.registry import LEVELS
from share_sql.database.address import dialect_at, is_url
from share_sql.dialects import PLAIN, Dialect
from share_sql.evaluation.assurance import Assurance, assurance, assurance_json, verdicts, verdicts_json
from share_sql.evaluation.cases import CaseResult, EvalCase, grouped
from share_sql.evaluation.figures import Line, drafts_of, line, line_json, transitions_json
from share_sql.evaluation.metrics import verdicts_among
from share_sql.evaluation.runner import Evaluation
from share_sql.evaluation.sides import nothing_apart, sides_json
from share_sql.evaluation.spending import spending, spending_json
from share_sql.evaluation.transitions import Transitions


def by_difficulty(evaluation: Evaluation) -> dict[str, Line]:
    """Figures by difficulty, easiest first; cases without one are left out."""
    levels = results_by_level(evaluation.results)
    return {level: line(results, evaluation.metrics) for level, results in levels.items() if level}


def results_by_level(results: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    """Results by difficulty, easiest first; those without one come last, under an empty name."""
    levels = grouped(results, lambda result: result.case.difficulty)
    unknown = sorted((set(levels) - set(LEVELS)), key=lambda level: (not level, level))
    return {level: levels[level] for level in (*LEVELS, *unknown) if level in levels}


def results_by_database(results: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    """Results by database name, in order of names."""
    return dict(sorted(grouped(results, lambda result: database_name(result.case)).items()))


def database_name(case: EvalCase) -> str:
    """The database's name; of a file, its own without folder and ending."""
    if case.name or is_url(case.database):
        return case.database_name
    own = case.database.replace("\\", "/").rsplit("/", 1)[-1]
    return own.removesuffix(".sqlite").removesuffix(".duckdb")


def spoken(evaluation: Evaluation) -> dict[str, Dialect]:
    """By database name, the dialect that it speaks; empty where all are files of the one that goes without
    saying."""
    found = {database_name(result.case): dialect_at(result.case.database) for result in evaluation.results}
    return dict(sorted(found.items())) if {*found.values()} - {PLAIN} else {}


def in_words(evaluation: Evaluation) -> str:
    """Titles of the dialects that the databases speak; empty where there is nothing to say."""
    return " and ".join(dict.fromkeys(dialect.title for dialect in spoken(evaluation).values()))


def drafts_by_metric(evaluation: Evaluation) -> dict[str, Transitions]:
    """What became of the drafts, by each metric that says right or wrong; empty where no case has a draft."""
    return drafts_of(evaluation.results, evaluation.metrics)


def confidence_by_metric(evaluation: Evaluation) -> dict[str, Assurance]:
    """What confidences were worth, by each metric that says right or wrong; empty where no case has one."""
    found = {name: assurance(evaluation.results, name) for name in verdicts_among(evaluation.metrics)}
    return {name: worth for name, worth in found.items() if worth is not None}


def ex_and_strict_differ(evaluation: Evaluation) -> list[str | int] | None:
    """Ids of the cases that `ex` and `strict` judge differently; None where not both were scored."""
    if not {"ex", "strict"} <= set(evaluation.metrics):
        return None
    return [each.case.id for each in evaluation.results if each.scores["ex"] != each.scores["strict"]]


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """The whole evaluation as `share eval --json` prints it."""
    results, metrics = evaluation.results, evaluation.metrics
    report: dict[str, object] = {
        "cases": [_case_json(result) for result in results],
        "total": line_json(line(results, metrics)),
        "difficulty": {level: line_json(found) for level, found in by_difficulty(evaluation).items()},
        "metrics": list(metrics),
        "benchmark": evaluation.options.benchmark,
    }
    if dialects := spoken(evaluation):
        report["dialects"] = {name: dialect.name for name, dialect in dialects.items()}
    if drafts := drafts_by_metric(evaluation):
        report["drafts"] = {name: transitions_json(found) for name, found in drafts.items()}
    if of_a_run(results):
        report |= _own_word(evaluation)
    report["missing"] = list(evaluation.missing)
    report["extra"] = list(evaluation.extra)
    report["gold_failed"] = [
        {"id": result.case.id, "error": result.gold_error} for result in results if result.gold_error
    ]
    report["gold_empty"] = [result.case.id for result in results if result.gold_empty]
    report["gold_finds_nothing"] = {
        "cases": [result.case.id for result in results if result.gold_finds_nothing],
        **sides_json(nothing_apart(evaluation)),
    }
    if (differ := ex_and_strict_differ(evaluation)) is not None:
        report["ex_and_strict_differ"] = differ
    report["warnings"] = list(evaluation.warnings)
    return report


def of_a_run(results: Iterable[CaseResult]) -> bool:
    """Whether any case has more than its SQL: a verdict, a confidence, what it cost."""
    return any(
        result.case.verdict or result.case.confidence is not None or result.case.tokens or result.case.seconds
        for result in results
    )


def _own_word(evaluation: Evaluation) -> dict[str, object]:
    """What a run says of its own corrections: verdicts, confidences, cost."""
    word: dict[str, object] = {}
    if (ended := verdicts(evaluation.results)) is not None:
        word["verdicts"] = verdicts_json(ended)
    if trusted := confidence_by_metric(evaluation):
        word["confidence"] = {name: assurance_json(worth) for name, worth in trusted.items()}
    if (spent := spending(result.case for result in evaluation.results)) is not None:
        word["spent"] = spending_json(spent)
    return word


def _case_json(result: CaseResult) -> dict[str, object]:
    case = result.case
    more = {
        "difficulty": case.difficulty or None,
        "database": database_name(case),
        "draft": result.draft_scores or None,
        "verdict": case.verdict or None,
        "confidence": case.confidence,
        "tokens": sum(map(sum, case.tokens.values())) if case.tokens else None,
        "seconds": round(sum(case.seconds.values()), 6) if case.seconds else None,
        "error": result.error,
        "gold_error": result.gold_error,
    }
    return {"id": case.id, **result.scores, **{k: value for k, value in more.items() if value is not None}}
