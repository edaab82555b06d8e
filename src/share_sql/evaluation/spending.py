"""What corrections cost: tokens and seconds a case, by stage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from share_sql.evaluation.cases import EvalCase

_STAGE_OF_ROLE = {"generator": "regenerate"}
"""Tokens are counted by role; each other role has its stage's name."""


@dataclass(frozen=True)
class Spending:
    """Means over the cases that tell what they cost."""

    token_cases: int
    """Cases whose tokens are known; 0 where no model was asked."""
    tokens: dict[str, tuple[float, float]]
    """Mean prompt and completion tokens a case, by stage, in order."""
    timed_cases: int
    """Cases whose times are known."""
    seconds: dict[str, float]
    """Mean wall-clock seconds a case, by stage, in order. Cases that were under way together waited for each
    other, so that their sum is more than the run took."""
    median_seconds: float
    """Median over the cases of the time of all stages; 0 without times."""
    longest_seconds: float
    """That of the slowest case."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages with tokens or times, in order; unknown ones last."""
        return tuple(_in_order({**self.tokens, **self.seconds}))

    @property
    def all_tokens(self) -> tuple[float, float]:
        """Mean prompt and completion tokens a case, over all stages."""
        return sum(prompt for prompt, _ in self.tokens.values()), sum(
            more for _, more in self.tokens.values()
        )

    @property
    def all_seconds(self) -> float:
        """Mean seconds a case, over all stages."""
        return sum(self.seconds.values())


def spending(cases: Iterable[EvalCase]) -> Spending | None:
    """Means of what cases cost; None where no case says."""
    cases = tuple(cases)
    asked = [case for case in cases if any(map(any, case.tokens.values()))]
    timed = [case for case in cases if case.seconds]
    if not asked and not timed:
        return None
    from statistics import median

    # A case that asked no model cost no tokens: it counts in the mean of a run that asked some.
    known = [case for case in cases if case.tokens or case.seconds or case.verdict]
    counted = len(known) if asked else 0
    totals = [sum(case.seconds.values()) for case in timed]
    prompts, completions, seconds = Counter[str](), Counter[str](), defaultdict[str, float](float)
    for case in asked:
        for role, (prompt, completion) in case.tokens.items():
            stage = _STAGE_OF_ROLE.get(role, role)
            prompts[stage] += prompt
            completions[stage] += completion
    for case in timed:
        for stage, spent in case.seconds.items():
            seconds[stage] += spent
    return Spending(
        token_cases=counted,
        tokens={
            stage: (prompts[stage] / counted, completions[stage] / counted) for stage in _in_order(prompts)
        },
        timed_cases=len(timed),
        seconds={stage: seconds[stage] / len(timed) for stage in _in_order(seconds)},
        median_seconds=median(totals) if totals else 0.0,
        longest_seconds=max(totals, default=0.0),
    )


def _in_order(names: Iterable[str]) -> list[str]:
    from share_sql.assistant import STAGES

    # The first stands for opening the database.
    places = {name: at for at, name in enumerate(("database", *(stage.__name__ for stage in STAGES)))}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


def spending_json(found: Spending) -> dict[str, object]:
    """Spending as `share eval --json` prints it: means a case."""
    answer: dict[str, object] = {}
    if found.token_cases:
        answer["tokens"] = {
            "cases": found.token_cases,
            "stages": {stage: _tokens_json(spent) for stage, spent in found.tokens.items()},
            "total": _tokens_json(found.all_tokens),
        }
    if found.timed_cases:
        answer["seconds"] = {
            "cases": found.timed_cases,
            "stages": {stage: round(spent, 6) for stage, spent in found.seconds.items()},
            "total": round(found.all_seconds, 6),
            "median": round(found.median_seconds, 6),
            "longest": round(found.longest_seconds, 6),
        }
    return answer


def _tokens_json(tokens: tuple[float, float]) -> dict[str, float]:
    return {"prompt": round(tokens[0], 2), "completion": round(tokens[1], 2)}


def spending_rows(found: Spending) -> list[list[str]]:
    """Spending as a table's cells: a heading of stages, then a row each for tokens and seconds."""
    rows = [["a case", *found.stages, "total"]]
    if found.token_cases:
        for at, name in enumerate(("prompt tokens", "completion tokens")):
            cells = [f"{found.tokens.get(stage, (0, 0))[at]:.1f}" for stage in found.stages]
            rows.append([name, *cells, f"{found.all_tokens[at]:.1f}"])
    if found.timed_cases:
        cells = [f"{found.seconds.get(stage, 0.0):.4f}" for stage in found.stages]
        rows.append(["seconds", *cells, f"{found.all_seconds:.4f}"])
    return rows
