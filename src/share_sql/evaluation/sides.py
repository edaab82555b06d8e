"""Figures side by side: of some of the cases, and of the same predictions on other gold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from share_sql.evaluation.cases import CaseResult
from share_sql.evaluation.figures import Line, drafts_of, line, line_json, transitions_json
from share_sql.evaluation.runner import Evaluation
from share_sql.evaluation.transitions import Transitions


@dataclass(frozen=True)
class Side:
    """The figures of one column."""

    name: str
    """In JSON."""
    title: str
    """For people."""
    line: Line
    moved: dict[str, Transitions]
    """What became of the drafts, by metric; empty where there are none."""
    gold_fails: int
    """Cases whose gold does not run."""
    gold_finds_nothing: int
    """Cases whose gold finds nothing."""


def side(name: str, title: str, results: Sequence[CaseResult], metrics: Sequence[str]) -> Side:
    """The column of a set of cases."""
    return Side(
        name,
        title,
        line(results, metrics),
        drafts_of(results, metrics),
        sum(result.gold_error is not None for result in results),
        sum(result.gold_finds_nothing for result in results),
    )


def nothing_apart(evaluation: Evaluation) -> tuple[Side, Side]:
    """The cases without those whose gold finds nothing, and these alone.

    Gold that finds nothing (no row, or only NULL and 0) is met by any query that finds nothing, and a query
    that finds what was meant is wrong by it. The official figure counts all.
    """
    found = [result for result in evaluation.results if not result.gold_finds_nothing]
    nothing = [result for result in evaluation.results if result.gold_finds_nothing]
    return (
        side("without", "gold finds something", found, evaluation.metrics),
        side("only", "gold finds nothing", nothing, evaluation.metrics),
    )


def on_both_golds(evaluation: Evaluation, corrected: Evaluation) -> tuple[Side, Side]:
    """The questions that have corrected gold: scored by the original gold, and by the corrected one.

    Args:
        evaluation: all questions, by the original gold.
        corrected: the same predictions for those that have corrected gold, by it.
    """
    having = {result.case.id for result in corrected.results}
    shared = [result for result in evaluation.results if result.case.id in having]
    return (
        side("original", "original gold", shared, evaluation.metrics),
        side("corrected", "corrected gold", corrected.results, corrected.metrics),
    )


def side_rows(sides: Sequence[Side], *, gold: bool = False) -> list[list[str]]:
    """A table for people: a row of titles, then cases, each metric, and what became of the drafts by it.

    Args:
        sides: the columns.
        gold: with rows that tell how often gold fails and how often it finds nothing.
    """
    rows = [["", *(each.title for each in sides)], ["cases", *(str(each.line.cases) for each in sides)]]
    if gold:
        rows.append(["gold finds nothing", *(str(each.gold_finds_nothing) for each in sides)])
    if gold and any(each.gold_fails for each in sides):
        rows.append(["gold fails", *(str(each.gold_fails) for each in sides)])
    for metric in sides[0].line.scores:
        rows.append([metric, *(f"{each.line.scores[metric]:.2f}" for each in sides)])
        if any(metric in each.moved for each in sides):
            moved = [each.moved.get(metric) for each in sides]
            rows.append([f"{metric} before", *(_before(each, metric) for each in sides)])
            rows.append([f"{metric} fixed", *("-" if each is None else str(each.fixed) for each in moved)])
            rows.append([f"{metric} broken", *("-" if each is None else str(each.broken) for each in moved)])
    return rows


def _before(each: Side, metric: str) -> str:
    """The drafts' share of right ones in per cent."""
    moved = each.moved.get(metric)
    return f"{100 * (moved.stayed_right + moved.broken) / moved.cases:.2f}" if moved is not None else "-"


def sides_json(sides: Sequence[Side]) -> dict[str, object]:
    """As `share eval --json` prints it: each side's figures under its name."""
    found: dict[str, object] = {}
    for each in sides:
        figures = {**line_json(each.line), "gold_finds_nothing": each.gold_finds_nothing}
        if each.moved:
            figures["drafts"] = {name: transitions_json(moved) for name, moved in each.moved.items()}
        found[each.name] = figures
    return found
