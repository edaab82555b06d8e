"""The report of an evaluation: one HTML file that opens from disk, with nothing to fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from share_sql.errors import UsageError
from share_sql.evaluation.assurance import assurance, verdicts
from share_sql.evaluation.cases import CaseResult
from share_sql.evaluation.figures import Line, against_drafts, line
from share_sql.evaluation.metrics import verdicts_among
from share_sql.evaluation.runner import Evaluation
from share_sql.evaluation.sides import nothing_apart, on_both_golds, side_rows
from share_sql.evaluation.spending import spending, spending_rows
from share_sql.evaluation.summary import (
    by_difficulty,
    database_name,
    drafts_by_metric,
    ex_and_strict_differ,
    in_words,
    results_by_database,
    results_by_level,
)
from share_sql.sql.marks import mark_changes

MAX_TEXT = 4000
"""Characters of one SQL text or result shown at most, so that the file stays small."""


def write_report(file: Path, evaluation: Evaluation, corrected: Evaluation | None = None) -> None:
    """Write the report of an evaluation.

    Args:
        file: where to.
        evaluation: scored with `Options.samples` above 0, so that results can be shown.
        corrected: the same predictions on corrected gold, shown beside; None where there is none.

    Raises:
        UsageError: matplotlib is not installed, or the file cannot be written.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    verdict = next(iter(verdicts_among(evaluation.metrics)), None)
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    plots = _plots(evaluation.results, verdict) if verdict else []
    # matplotlib writes a style element into each plot; the policy names each.
    styles = {style, *(inner for _, svg in plots for inner in _STYLE.findall(svg))}
    text = environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        dialects=in_words(evaluation),
        tables=[("", _table(evaluation))]
        + ([("by the corrected gold", _table(corrected))] if corrected else []),
        drafts={
            name: (found, f"{found.p_value:.3g}") for name, found in drafts_by_metric(evaluation).items()
        },
        sides=_sides(evaluation, corrected),
        ended=verdicts(evaluation.results),
        spent=spending_rows(spent) if (spent := spending(r.case for r in evaluation.results)) else [],
        troubles=_troubles(evaluation),
        plots=[(title, svg, _EXPLAINED.get(title.split(" (")[0], "")) for title, svg in plots],
        style=style,
        script=script,
        style_hashes=sorted(_hash(each) for each in styles),
        script_hash=_hash(script),
        cases=_script_json([_case(result, evaluation.metrics, verdict) for result in evaluation.results]),
    )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}; name another file with --html") from error


_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_EXPLAINED = {
    "Risk and coverage": "Answers are taken the most confident first. To the right, more of the cases are "
    "answered; upwards, more of those answers are wrong. A run whose confidence says something starts low "
    "and rises; a flat line is one whose confidence says nothing. The area below the line sums it up, and "
    "less is better. To have at most some share of wrong answers, read off how many cases may be answered.",
    "Calibration": "Answers by the confidence that they came with. A bar as high as the dashed line is right "
    "as often as it said; lower, it was too sure. The number above a bar is how many answers it stands for. "
    "The calibration error is the mean distance from the line, weighted by them; 0 is best.",
}
"""What a plot says, by the first words of its title."""


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _script_json(value: object) -> str:
    """JSON that cannot end the script element around it, whatever a database or a model wrote."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _table(evaluation: Evaluation) -> dict[str, Any]:
    databases = results_by_database(evaluation.results)
    columns: dict[str, Line] = {
        **by_difficulty(evaluation),
        **{
            name: line(results, evaluation.metrics)
            for name, results in databases.items()
            if len(databases) <= 12
        },
        "total": line(evaluation.results, evaluation.metrics),
    }
    return {"columns": columns, "metrics": evaluation.metrics}


_NOTHING_EXPLAINED = (
    "Gold that gives no row, or only NULL and 0, is met by any query that finds nothing, and a query that "
    "finds what was meant is wrong by it. The figures above, the official ones, count these cases."
)


def _sides(evaluation: Evaluation, corrected: Evaluation | None) -> list[tuple[str, str, list[list[str]]]]:
    """Title, explanation and rows of each table that sets figures side by side."""
    found = []
    if corrected is not None:
        cases = f"{len(corrected.results)} of {len(evaluation.results)} cases have corrected gold."
        rows = side_rows(on_both_golds(evaluation, corrected), gold=True)
        found.append(("Original and corrected gold", cases, rows))
    if any(result.gold_finds_nothing for result in evaluation.results):
        rows = side_rows(nothing_apart(evaluation))
        found.append(("Where gold finds nothing", _NOTHING_EXPLAINED, rows))
    return found


def _troubles(evaluation: Evaluation) -> list[tuple[str, list[str]]]:
    results = evaluation.results
    found = [
        ("gold that does not run", [f"{r.case.id}: {r.gold_error}" for r in results if r.gold_error]),
        ("gold without rows", [str(r.case.id) for r in results if r.gold_empty]),
        ("gold that finds nothing", [str(r.case.id) for r in results if r.gold_finds_nothing]),
        ("no prediction, counted wrong", [str(name) for name in evaluation.missing]),
        ("predictions without a question, left out", list(evaluation.extra)),
        ("warnings", list(evaluation.warnings)),
    ]
    if differ := ex_and_strict_differ(evaluation):
        found.append(("ex and strict EX differ", [str(name) for name in differ]))
    return [(name, ids) for name, ids in found if ids]


def _plots(results: Sequence[CaseResult], verdict: str) -> list[tuple[str, str]]:
    """Title and SVG of each plot there is data for."""
    from share_sql.evaluation.plots import (
        calibration_plot,
        coverage_curve,
        time_bars,
        token_bars,
        transition_bars,
    )

    drawn: list[tuple[str, str]] = []
    if any(result.draft_scores for result in results):
        levels, databases = results_by_level(results), results_by_database(results)
        for title, groups in (("difficulty", levels), ("database", databases)):
            counts = {
                name or "none given": (moved.fixed, moved.broken)
                for name, members in groups.items()
                if (moved := against_drafts(members, verdict)) is not None
            }
            if len(groups) > 1 or title == "database":
                svg = transition_bars(counts, f"bars-{title}")
                drawn.append((f"Drafts fixed and broken by {title} ({verdict})", svg))
    worth = assurance(results, verdict)
    if worth is not None:
        curve = coverage_curve(worth.curve, worth.area, "risk")
        drawn.append((f"Risk and coverage ({verdict})", curve))
        quality = f"Brier {worth.brier:.4f}, calibration error {worth.calibration_error:.4f}"
        drawn.append((f"Calibration ({verdict}): {quality}", calibration_plot(worth.bars, "calibration")))
    spent = spending(result.case for result in results)
    if spent is not None and spent.token_cases:
        drawn.append(("Tokens a case by stage", token_bars(spent.tokens, "tokens")))
    if spent is not None and spent.timed_cases:
        drawn.append(("Time a case by stage", time_bars(spent.seconds, "time")))
    return drawn


def _case(result: CaseResult, metrics: Sequence[str], verdict: str | None) -> Mapping[str, object]:
    case = result.case
    move = ""
    if verdict in result.draft_scores:
        was, now = bool(result.draft_scores[verdict]), bool(result.scores[verdict])
        move = {(False, True): "fixed", (True, False): "broken"}.get((was, now), "")
    return {
        "id": str(case.id),
        "database": database_name(case),
        "difficulty": case.difficulty,
        "question": case.question,
        "right": bool(result.scores.get(verdict)) if verdict else False,
        "move": move,
        "verdict": case.verdict,
        "confidence": case.confidence,
        "scores": {
            name: round(value, 4) if isinstance(value := result.scores[name], float) else value
            for name in metrics
        },
        "draft": _short(case.draft or ""),
        "sql": _short(case.prediction or ""),
        "gold": _short(case.gold),
        "changes": [_short(change) for change in case.changes],
        "reason": _short(case.reason),
        "marks": _marks(_short(case.draft or ""), _short(case.prediction or "")),
        "result": _short(result.rows[0] or result.error or ""),
        "draftResult": _short(result.rows[2]),
        "goldResult": _short(result.rows[1] or result.gold_error or ""),
    }


def _marks(draft: str, sql: str) -> list[list[int]]:
    """Where draft and SQL differ: for each, the lengths of its runs in turn, one that both have first. Empty
    where there is nothing to compare."""
    if not draft or not sql or draft == sql:
        return []
    sides = []
    for runs in mark_changes(draft, sql):
        lengths = [0]
        for changed, text in runs:
            if changed != (len(lengths) % 2 == 0):
                lengths.append(0)
            lengths[-1] += len(text.encode("utf-16-le")) // 2  # as JavaScript counts
        sides.append(lengths)
    return sides


def _hash(text: str) -> str:
    """A source expression of a content policy that allows this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
