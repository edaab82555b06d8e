"""What became of right and wrong drafts. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Transitions:
    """Counts of cases by what they were before and are after."""

    cases: int
    """Cases counted."""
    fixed: int
    """Wrong draft made right."""
    broken: int
    """Right draft made wrong."""
    stayed_right: int
    """Right before and after."""
    stayed_wrong: int
    """Wrong before and after."""
    changed: int
    """Cases whose SQL is another than the draft's."""
    broken_for_nothing: int = 0
    """Of the broken, those whose gold finds nothing (no row, or only NULL and 0): there a draft that asked
    for what is not stored counted as right."""
    fixed_for_nothing: int = 0
    """Of the fixed, those whose gold finds nothing."""

    @property
    def net(self) -> int:
        """Fixed minus broken."""
        return self.fixed - self.broken

    @property
    def fixed_shown(self) -> str:
        """How many were fixed, and for how many of these gold finds nothing, in words."""
        return _shown(self.fixed, self.fixed_for_nothing)

    @property
    def broken_shown(self) -> str:
        """How many were broken, and for how many of these gold finds nothing, in words."""
        return _shown(self.broken, self.broken_for_nothing)

    @property
    def firing_rate(self) -> float:
        """Share of cases whose SQL was changed, 0 to 1; 0 without cases."""
        return self.changed / self.cases if self.cases else 0.0

    @property
    def p_value(self) -> float:
        """McNemar's exact p that fixed and broken are equally likely."""
        return mcnemar_exact(self.fixed, self.broken)


def transitions(
    before: Sequence[bool],
    after: Sequence[bool],
    changed: Sequence[bool] | None = None,
    nothing: Sequence[bool] | None = None,
) -> Transitions:
    """Count what became of each case.

    Args:
        before: whether each draft is right.
        after: whether each correction is right, in the same order.
        changed: whether each SQL was changed; None takes the cases whose verdict moved.
        nothing: whether each gold finds nothing; None says that all find something.

    Returns:
        The counts.

    Raises:
        ValueError: the sequences differ in length.
    """
    pairs = list(zip(before, after, strict=True))
    if changed is None:
        changed = [was != now for was, now in pairs]
    elif len(changed) != len(pairs):
        raise ValueError(f"{len(changed)} change flags for {len(pairs)} cases")
    if nothing is not None and len(nothing) != len(pairs):
        raise ValueError(f"{len(nothing)} flags of gold that finds nothing for {len(pairs)} cases")
    of_nothing = [pair for pair, empty in zip(pairs, nothing or (), strict=False) if empty]
    return Transitions(
        cases=len(pairs),
        fixed=sum(not was and now for was, now in pairs),
        broken=sum(was and not now for was, now in pairs),
        stayed_right=sum(was and now for was, now in pairs),
        stayed_wrong=sum(not was and not now for was, now in pairs),
        changed=sum(changed),
        broken_for_nothing=sum(was and not now for was, now in of_nothing),
        fixed_for_nothing=sum(not was and now for was, now in of_nothing),
    )


def _shown(count: int, for_nothing: int) -> str:
    return f"{count} ({for_nothing} where gold finds nothing)" if for_nothing else str(count)


def mcnemar_exact(first: int, second: int) -> float:
    """Two-sided exact p of McNemar's test: the sign test on the cases where two runs part.

    Args:
        first: cases that only the one got right.
        second: cases that only the other got right.

    Returns:
        min(1, 2·P(X ≤ min(first, second))) for X binomial with n = first + second and p = ½; 1 for n = 0.
    """
    total = first + second
    tail = sum(math.comb(total, k) for k in range(min(first, second) + 1))
    # Whole numbers until the last division, so that large counts neither overflow nor round to 0 early.
    return min(1.0, 2 * tail / 2**total) if total else 1.0
