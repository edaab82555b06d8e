"""An evaluation as tables of text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from share_sql.evaluation.assurance import verdicts
from share_sql.evaluation.figures import Line, line
from share_sql.evaluation.linking import LinkingScore
from share_sql.evaluation.runner import Evaluation
from share_sql.evaluation.sides import nothing_apart, on_both_golds, side_rows
from share_sql.evaluation.spending import spending, spending_rows
from share_sql.evaluation.summary import (
    by_difficulty,
    confidence_by_metric,
    drafts_by_metric,
    ex_and_strict_differ,
    in_words,
    of_a_run,
)

SHOWN = 10
"""Ids listed of each kind of trouble; --json lists all."""


def tables(evaluation: Evaluation, linked: Mapping[str, LinkingScore] | None = None) -> Iterator[str]:
    """Yield the lines that `share eval` prints.

    Args:
        evaluation: what was scored.
        linked: scores of schema linking by what was linked, where they are asked for.

    Yields:
        The table of metrics by difficulty, the drafts fixed and broken, what the run's own word was worth
        and what it cost, and what went wrong.
    """
    if titles := in_words(evaluation):
        yield f"databases of {titles}"
    total = line(evaluation.results, evaluation.metrics)
    levels = by_difficulty(evaluation)
    columns: list[tuple[str, Line]] = [*levels.items(), ("total", total)]
    yield from _grid(
        [
            ["", *(name for name, _ in columns)],
            ["cases", *(str(found.cases) for _, found in columns)],
            *(
                [metric, *(f"{found.scores[metric]:.2f}" for _, found in columns)]
                for metric in evaluation.metrics
            ),
        ]
    )
    for name, moved in drafts_by_metric(evaluation).items():
        before, after = moved.stayed_right + moved.broken, moved.stayed_right + moved.fixed
        yield (
            f"{name} against the drafts: {before} right before, {after} after; fixed {moved.fixed_shown}, "
            f"broken {moved.broken_shown}, net {moved.net:+d} (p = {moved.p_value:.3g}); changed "
            f"{moved.changed} of {moved.cases}"
        )
    if of_a_run(evaluation.results):
        yield from _own_word(evaluation)
    yield from _troubles(evaluation, total)
    for which, score in (linked or {}).items():
        yield (
            f"linking, {which}: precision {score.precision:.3f}, recall {score.recall:.3f}, F1 "
            f"{score.f1:.3f}; complete in {score.complete} of {score.cases}"
        )


def corrected_table(evaluation: Evaluation, corrected: Evaluation) -> Iterator[str]:
    """Yield the lines that set the original gold beside the corrected one.

    Args:
        evaluation: all questions, by the original gold.
        corrected: those that have corrected gold, by it.
    """
    yield f"by both golds, {len(corrected.results)} of {len(evaluation.results)} cases:"
    yield from _grid(side_rows(on_both_golds(evaluation, corrected), gold=True))
    failed = [result for result in corrected.results if result.gold_error]
    if failed:
        names = _ids([result.case.id for result in failed])
        yield f"corrected gold fails in {names}. First: {failed[0].gold_error}"


def _own_word(evaluation: Evaluation) -> Iterator[str]:
    """What a run says of its own corrections: verdicts, confidences, cost."""
    ended = verdicts(evaluation.results)
    if ended is not None:
        yield f"verdicts: {ended}"
    for name, worth in confidence_by_metric(evaluation).items():
        yield (
            f"confidence by {name}, {worth.cases} case{'s' * (worth.cases != 1)}: risk-coverage area "
            f"{worth.area:.4f}, Brier {worth.brier:.4f}, calibration error {worth.calibration_error:.4f}"
        )
    spent = spending(result.case for result in evaluation.results)
    if spent is not None:
        yield from _grid(spending_rows(spent))
        if spent.timed_cases:
            yield (
                f"seconds of all stages: median {spent.median_seconds:.4f}, longest "
                f"{spent.longest_seconds:.4f}"
            )


def _troubles(evaluation: Evaluation, total: Line) -> Iterator[str]:
    results = evaluation.results
    failed = [result for result in results if result.gold_error]
    if failed:
        scores = ", ".join(f"{name} {value:.2f}" for name, value in total.scores_of_scored.items())
        yield (
            f"gold fails in {_ids([result.case.id for result in failed])}; without them: {scores}. "
            f"First: {failed[0].gold_error}"
        )
    empty = [result.case.id for result in results if result.gold_empty]
    if empty:
        yield f"gold gives no rows in {_ids(empty)}"
    nothing = [result.case.id for result in results if result.gold_finds_nothing]
    if nothing:
        yield f"gold finds nothing (no row, or only NULL and 0) in {_ids(nothing)}; these apart:"
        yield from _grid(side_rows(nothing_apart(evaluation)))
    if evaluation.missing:
        yield f"no prediction, counted wrong: {_ids(evaluation.missing)}"
    if evaluation.extra:
        yield f"predictions without a question, left out: {_ids(evaluation.extra)}"
    if differ := ex_and_strict_differ(evaluation):
        yield f"ex and strict differ in {_ids(differ)}"
    for warning in evaluation.warnings:
        yield f"warning: {warning}"


def _ids(ids: Sequence[str | int]) -> str:
    shown = ", ".join(str(name) for name in ids[:SHOWN])
    more = ", …" if len(ids) > SHOWN else ""
    return f"{len(ids)} case{'s' * (len(ids) != 1)} ({shown}{more})"


def _grid(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        first, *rest = row
        cells = [first.ljust(widths[0]), *(cell.rjust(widths[at + 1]) for at, cell in enumerate(rest))]
        yield "  ".join(cells).rstrip()
