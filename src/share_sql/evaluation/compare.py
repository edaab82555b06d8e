"""Two or more evaluations side by side: who is right where, who fixed what, and is it chance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from share_sql.errors import UsageError
from share_sql.evaluation.transitions import mcnemar_exact

EVALUATION_FILE = "eval.json"
"""Name of the output of `share eval --json` in a run folder."""


@dataclass(frozen=True)
class ScoredRun:
    """One evaluation's verdicts."""

    name: str
    right: Mapping[str, Mapping[str, bool]]
    """By metric and case id: right or wrong."""
    drafts: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """The same of the drafts; empty where there were none."""


@dataclass(frozen=True)
class PairComparison:
    """Two runs on the cases both have."""

    first: str
    second: str
    metric: str
    cases: int
    """Cases that both runs have."""
    both_right: int
    """Cases both got right."""
    only_first: tuple[str, ...]
    """Ids that only the first got right."""
    only_second: tuple[str, ...]
    """Ids that only the second got right."""

    @property
    def p_value(self) -> float:
        """McNemar's exact p that both are equally good."""
        return mcnemar_exact(len(self.only_first), len(self.only_second))


def read_scored_run(path: Path) -> list[ScoredRun]:
    """Read what `share eval --json` printed.

    Args:
        path: that file, or a folder with it as `eval.json`.

    Returns:
        The runs in it: one, or several where several predictions were scored at once.

    Raises:
        UsageError: there is no such file, or it is something else.
    """
    file = path / EVALUATION_FILE if path.is_dir() else path
    try:
        report = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}; give files that `share eval --json` printed"
        ) from error
    except ValueError as error:
        raise UsageError(f"{file} is no JSON ({error}); give what `share eval --json` printed") from error
    try:
        if "runs" in report:
            return [scored_run(part, part["name"]) for part in report["runs"]]
        return [scored_run(report, path.stem)]
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is no evaluation (no {error}); give what `share eval --json` printed"
        ) from error


def scored_run(report: Mapping[str, Any], name: str) -> ScoredRun:
    """The verdicts in a report as `summary.as_json` makes it."""
    right: dict[str, dict[str, bool]] = {}
    drafts: dict[str, dict[str, bool]] = {}
    for case in report["cases"]:
        for metric in report["metrics"]:
            if isinstance(case.get(metric), bool):
                right.setdefault(metric, {})[str(case["id"])] = case[metric]
        for metric, verdict in case.get("draft", {}).items():
            if isinstance(verdict, bool):
                drafts.setdefault(metric, {})[str(case["id"])] = verdict
    return ScoredRun(name, right, drafts)


def compare_runs(runs: Sequence[ScoredRun]) -> list[PairComparison]:
    """Compare every two runs by every verdict both have.

    Raises:
        UsageError: there are fewer than two runs, or two of them share no case.
    """
    if len(runs) < 2:
        raise UsageError("comparing takes at least two runs")
    found: list[PairComparison] = []
    for first, second in combinations(runs, 2):
        metrics = [metric for metric in first.right if metric in second.right]
        for metric in metrics:
            ours, theirs = first.right[metric], second.right[metric]
            shared = [name for name in ours if name in theirs]
            if not shared:
                raise UsageError(
                    f"{first.name} and {second.name} have no case in common; score the same cases"
                )
            found.append(
                PairComparison(
                    first=first.name,
                    second=second.name,
                    metric=metric,
                    cases=len(shared),
                    both_right=sum(ours[name] and theirs[name] for name in shared),
                    only_first=tuple(name for name in shared if ours[name] and not theirs[name]),
                    only_second=tuple(name for name in shared if theirs[name] and not ours[name]),
                )
            )
        if not metrics:
            raise UsageError(f"{first.name} and {second.name} have no metric in common; score them alike")
    return found


def fixed_by(runs: Sequence[ScoredRun], metric: str) -> dict[str, tuple[list[str], list[str]]]:
    """Who fixed and who broke what: for each run with drafts the ids it fixed and those it broke."""
    found = {}
    for run in runs:
        drafts, right = run.drafts.get(metric), run.right.get(metric, {})
        if drafts is not None:
            found[run.name] = (
                [name for name, was in drafts.items() if not was and right.get(name)],
                [name for name, was in drafts.items() if was and not right.get(name)],
            )
    return found


def comparison_json(runs: Sequence[ScoredRun]) -> dict[str, object]:
    """A comparison as `share eval compare --json` prints it."""
    pairs = compare_runs(runs)
    metrics = dict.fromkeys(pair.metric for pair in pairs)
    return {
        "runs": [run.name for run in runs],
        "pairs": [{**asdict(pair), "p": pair.p_value} for pair in pairs],
        "against_drafts": {
            metric: {
                name: {"fixed": fixed, "broken": broken}
                for name, (fixed, broken) in fixed_by(runs, metric).items()
            }
            for metric in metrics
        },
    }


def comparison_lines(runs: Sequence[ScoredRun]) -> Iterator[str]:
    """Yield the lines that `share eval compare` prints."""
    pairs = compare_runs(runs)
    for pair in pairs:
        first, second = len(pair.only_first) + pair.both_right, len(pair.only_second) + pair.both_right
        yield (
            f"{pair.metric}, {pair.cases} cases: {pair.first} {first} right, {pair.second} {second} right; "
            f"only the first {len(pair.only_first)}, only the second {len(pair.only_second)} "
            f"(p = {pair.p_value:.3g})"
        )
    for metric in dict.fromkeys(pair.metric for pair in pairs):
        changes = fixed_by(runs, metric)
        for name, (fixed, broken) in changes.items():
            others = {case for other, (done, _) in changes.items() if other != name for case in done}
            alone = [case for case in fixed if case not in others]
            yield (
                f"{metric}: {name} fixed {len(fixed)} (alone {len(alone)}: "
                f"{', '.join(alone[:10]) or 'none'}), "
                f"broke {len(broken)} ({', '.join(broken[:10]) or 'none'})"
            )
