"""How a run's cases ended, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from share_sql.errors import AnswerUnusable, BudgetUsedUp, PromptTooLong
from share_sql.models.base import Usage

OF_NO_USE = frozenset({AnswerUnusable.cause, PromptTooLong.cause})
"""Failures of models that would be the same if they were asked again."""
NO_MODEL = frozenset({"input", "database", "work", "internal", BudgetUsedUp.cause})
"""Causes of failed cases in which no model failed."""
COST_DIGITS = 9
"""Digits after the point of USD: finer than a token's price. What differs beyond is the order of a sum."""
IN_THE_CASE = frozenset({"input", "work"})
"""Causes that lie in the case itself: done again, it would end alike."""


@dataclass(frozen=True)
class Failed:
    """A case that could not be worked on, or not to its end, or that lost a model."""

    id: str
    error: str
    """One line."""
    cause: str
    """`input` (it cannot be read), `database`, `work` (too much of it), `internal` (a fault of SHARE's own),
    `budget` (the case's, or the run's, was used up), or how a model failed (`errors.ModelError.cause`)."""


@dataclass(frozen=True)
class RunCounts:
    """How a run's cases ended."""

    cases: int
    verdicts: Mapping[str, int]
    """Cases by verdict."""
    failed: tuple[Failed, ...]
    """Cases that could not be worked on, or not to their end, or lost a model. Their drafts are kept, or
    proved repairs of them stand."""
    usage: Mapping[str, Usage]
    """Tokens by stage, of all calls that were made, whatever became of them."""
    unusable: Mapping[str, int] = field(default_factory=dict)
    """By role, cases in which it gave nothing of use: no trajectory, no SQL, no yes or no, or the prompt was
    too long for it."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """By role, cases whose answers were of use."""
    not_running: int = 0
    """Cases whose SQL handed back does not run, or is no query."""
    cost: Mapping[str, float | None] = field(default_factory=dict)
    """USD by stage; None where a price is not known."""
    changed: Mapping[str, int] = field(default_factory=dict)
    """By database that changed while the run went on, finished cases from before its last change."""

    @property
    def causes(self) -> Mapping[str, int]:
        """Failed cases by cause."""
        return dict(sorted(Counter(each.cause for each in self.failed).items()))

    @property
    def total_cost(self) -> float | None:
        """USD of all stages; None where that of one is not known."""
        known = [cost for cost in self.cost.values() if cost is not None]
        return round(sum(known), COST_DIGITS) if len(known) == len(self.cost) else None

    @property
    def spending(self) -> dict[str, dict[str, Any]]:
        """Tokens and USD by stage, as JSON."""
        return {stage: {**asdict(usage), "cost": self.cost[stage]} for stage, usage in self.usage.items()}

    @property
    def lost(self) -> int:
        """Cases that lost a model."""
        return sum(each.cause not in NO_MODEL for each in self.failed)

    @property
    def again(self) -> int:
        """Cases that `--resume` does again: what failed was not the case, or its database changed."""
        return sum(each.cause not in IN_THE_CASE for each in self.failed) + sum(self.changed.values())

    def told(self) -> dict[str, Any]:
        """What failed, as run.json and `share run --json` have it."""
        return {
            "failed": [asdict(each) for each in self.failed],
            "causes": self.causes,
            "changed": dict(self.changed),
            "unusable": dict(self.unusable),
            "not_running": self.not_running,
        }

    @property
    def useless(self) -> tuple[str, ...]:
        """Roles none of whose answers was of use."""
        return tuple(role for role in self.unusable if not self.answered.get(role))
