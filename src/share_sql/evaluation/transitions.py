"""What became of right and wrong drafts, and what the confidences were worth. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


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

    @property
    def net(self) -> int:
        """Fixed minus broken."""
        return self.fixed - self.broken

    @property
    def firing_rate(self) -> float:
        """Share of cases whose SQL was changed, 0 to 1; 0 without cases."""
        return self.changed / self.cases if self.cases else 0.0

    @property
    def p_value(self) -> float:
        """McNemar's exact p that fixed and broken are equally likely."""
        return mcnemar_exact(self.fixed, self.broken)


def transitions(
    before: Sequence[bool], after: Sequence[bool], changed: Sequence[bool] | None = None
) -> Transitions:
    """Count what became of each case.

    Args:
        before: whether each draft is right.
        after: whether each correction is right, in the same order.
        changed: whether each SQL was changed; None takes the cases whose verdict moved.

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
    return Transitions(
        cases=len(pairs),
        fixed=sum(not was and now for was, now in pairs),
        broken=sum(was and not now for was, now in pairs),
        stayed_right=sum(was and now for was, now in pairs),
        stayed_wrong=sum(not was and not now for was, now in pairs),
        changed=sum(changed),
    )


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


@dataclass(frozen=True)
class CoveragePoint:
    """One point of a risk–coverage curve."""

    coverage: float
    """Share of cases answered, the most confident first; 0 to 1."""
    risk: float
    """Share of wrong ones among the answered; 0 to 1."""
    threshold: float
    """The lowest confidence answered."""


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> tuple[CoveragePoint, ...]:
    """The risk–coverage curve of a set of answers (El-Yaniv & Wiener, 2010).

    Args:
        confidences: each answer's confidence; higher is surer.
        right: whether each answer is right, in the same order.

    Returns:
        A point for each distinct confidence, from the highest down: equal confidences are answered
        together, for no threshold parts them.
    """
    points: list[CoveragePoint] = []
    wrong = answered = 0
    for confidence, flaws in _ranked(confidences, right):
        answered += len(flaws)
        wrong += sum(flaws)
        points.append(CoveragePoint(answered / len(right), wrong / answered, confidence))
    return tuple(points)


def _ranked(confidences: Sequence[float], right: Sequence[bool]) -> list[tuple[float, list[bool]]]:
    """By confidence, the highest first: which of its answers are wrong."""
    ranked = sorted(zip(confidences, right, strict=True), key=lambda pair: -pair[0])
    groups = groupby(ranked, key=lambda pair: pair[0])
    return [(confidence, [not is_right for _, is_right in group]) for confidence, group in groups]


def risk_coverage_area(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Area under the risk–coverage curve: the mean risk over all coverages 1/n … n/n.

    Args:
        confidences: each answer's confidence.
        right: whether each answer is right.

    Returns:
        0 to 1, lower is better; within equal confidences the risk is the expected one over their
        orders. 0 without cases.
    """
    area = wrong = 0.0
    answered = 0
    for _, flaws in _ranked(confidences, right):
        for at in range(1, len(flaws) + 1):
            area += (wrong + sum(flaws) * at / len(flaws)) / (answered + at)
        wrong += sum(flaws)
        answered += len(flaws)
    return area / answered if answered else 0.0


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose confidence lies in one interval."""

    low: float
    """Lower end of the interval, included."""
    high: float
    """Upper end, included in the last interval only."""
    count: int
    """Answers in it."""
    confidence: float
    """Their mean confidence; 0 where there are none."""
    accuracy: float
    """Share of right ones among them; 0 where there are none."""


def reliability(
    confidences: Sequence[float], right: Sequence[bool], bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram's bars: how often answers of each confidence are right.

    Args:
        confidences: probabilities, 0 to 1.
        right: whether each answer is right.
        bins: number of intervals of equal width.

    Returns:
        One entry an interval, lowest first, empty ones too.
    """
    members: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, is_right in zip(confidences, right, strict=True):
        members[min(max(int(confidence * bins), 0), bins - 1)].append((confidence, is_right))
    return tuple(
        ReliabilityBin(
            low=at / bins,
            high=(at + 1) / bins,
            count=len(inside),
            confidence=sum(confidence for confidence, _ in inside) / len(inside) if inside else 0.0,
            accuracy=sum(is_right for _, is_right in inside) / len(inside) if inside else 0.0,
        )
        for at, inside in enumerate(members)
    )


def calibration_error(bars: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: mean gap of confidence and accuracy, weighted by count."""
    total = sum(bar.count for bar in bars)
    return sum(bar.count * abs(bar.confidence - bar.accuracy) for bar in bars) / total if total else 0.0


def brier(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Brier score: mean squared distance of confidence and outcome; 0 is best, 0 without cases."""
    pairs = list(zip(confidences, right, strict=True))
    return sum((confidence - is_right) ** 2 for confidence, is_right in pairs) / len(pairs) if pairs else 0.0
