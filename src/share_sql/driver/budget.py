"""A budget of tokens, money and seconds: what all cases of an assistant may take together, and each of them.

A model is asked while something is left; what it takes is known when it has answered. So a budget is
overspent by no more than what was under way when it was used up: each call its prompt and `max_tokens`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from share_sql.errors import BudgetUsedUp, UsageError
from share_sql.models.prices import cost_of, has_price

if TYPE_CHECKING:
    from share_sql.models.base import Model, Usage


@dataclass(frozen=True)
class Budget:
    """What models may cost. None: no bound. Tokens are those of prompts and answers together.

    Raises:
        UsageError: a bound is not above 0.
    """

    tokens: int | None = None
    """Of all cases together."""
    cost: float | None = None
    """USD for all cases together; each model's price must be known."""
    seconds: float | None = None
    """Wall-clock time from the first case: no case begins, and no model answers, after that."""
    case_tokens: int | None = None
    """Of one case."""
    case_cost: float | None = None
    """USD for one case; each model's price must be known."""

    @property
    def of_a_case(self) -> Budget:
        """The bounds of each case alone: a worker process looks at these, the assistant's at the others."""
        return Budget(case_tokens=self.case_tokens, case_cost=self.case_cost)

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"the budget's {name} is {value:g}; give more than 0, or None for no bound")


@dataclass
class Spent:
    """What models have taken so far."""

    tokens: int = 0
    cost: float = 0.0
    """USD, of those whose price is known."""


class Account:
    """What is spent of a budget. Used by one thread.

    Args:
        budget: the bounds.
        models: by role; where a bound is on money, their prices must be known.

    Raises:
        UsageError: a bound is on money, and a model has no price.
    """

    def __init__(self, budget: Budget, models: Mapping[str, Model]) -> None:
        self._budget = budget
        self._spent = Spent()
        self._deadline: float | None = None
        if budget.cost is None and budget.case_cost is None:
            return
        for role, model in models.items():
            if not has_price(model):
                raise UsageError(
                    f"a budget of money needs each model's price, and that of {role} ({model.name}) is not "
                    "known; set `price` in the models file, as in price = {input = 0.2, output = 0.8}, USD "
                    "for a million tokens, or bound tokens instead"
                )

    def begin(self) -> None:
        """Start the clock, where it does not run yet."""
        if self._deadline is None and self._budget.seconds is not None:
            self._deadline = time.monotonic() + self._budget.seconds

    @property
    def left(self) -> float:
        """Seconds that all cases still have; infinite for no bound."""
        return math.inf if self._deadline is None else self._deadline - time.monotonic()

    def over(self, case: Spent | None = None) -> BudgetUsedUp | None:
        """Why nothing more may be spent; None where there is something left.

        Args:
            case: what the case has taken; None where it has not begun.
        """
        budget, all_ = self._budget, self._spent
        if self.left <= 0:
            return self.out_of_time()
        what = _used_up(all_, budget.tokens, budget.cost)
        if what:
            return BudgetUsedUp(f"the {what} that the run may take are used up")
        what = _used_up(case, budget.case_tokens, budget.case_cost) if case is not None else ""
        return BudgetUsedUp(f"the {what} that one case may take are used up") if what else None

    def out_of_time(self) -> BudgetUsedUp:
        """What to raise when the run's seconds have passed."""
        return BudgetUsedUp(f"the {self._budget.seconds:g} s that the run may take are over")

    def add(self, case: Spent, model: Model, usage: Usage, *, repeated: bool = False) -> None:
        """Count what a call took.

        Args:
            case: its case's.
            model: who answered, or failed.
            usage: its tokens.
            repeated: the run has paid for it before: it counts for the case alone.
        """
        tokens, cost = usage.tokens, cost_of(model, usage) or 0.0
        for spent in (case,) if repeated else (case, self._spent):
            spent.tokens += tokens
            spent.cost += cost

    def already(self, tokens: int, cost: float) -> None:
        """Count what was spent before: by a run that is resumed."""
        self._spent.tokens += tokens
        self._spent.cost += cost


def _used_up(spent: Spent, tokens: int | None, cost: float | None) -> str:
    """The bound that is reached, in words; empty for none."""
    if tokens is not None and spent.tokens >= tokens:
        return f"{tokens:,} tokens"
    if cost is not None and spent.cost >= cost:
        return f"{cost:,g} USD"
    return ""
