"""How far a run's own word can be trusted: its confidences, and when it speaks up or abstains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from share_sql.evaluation.cases import CaseResult

VERDICTS = ("kept", "corrected", "abstained")


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
    """The risk–coverage curve of a set of answers (El-Yaniv & Wiener, 2010), of which some are right.

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

    0 to 1, lower is better; 0 without cases. Within equal confidences the risk is the expected one over their
    orders.
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
    """The reliability diagram's bars: how often answers of each confidence, 0 to 1, are right.

    Returns:
        One entry for each of so many intervals of equal width, lowest first, empty ones too.
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


@dataclass(frozen=True)
class Assurance:
    """What confidences were worth by one metric."""

    cases: int
    """Cases with a confidence."""
    curve: tuple[CoveragePoint, ...]
    """The risk–coverage curve."""
    area: float
    """Area under it, 0 to 1, lower is better."""
    bars: tuple[ReliabilityBin, ...]
    """Accuracy by confidence, in ten intervals."""
    calibration_error: float
    """Mean gap of confidence and accuracy, weighted by count."""
    brier: float
    """Mean squared distance of confidence and outcome."""


@dataclass(frozen=True)
class Verdicts:
    """How cases with a verdict ended."""

    cases: int
    counts: dict[str, int]
    """Cases by verdict: kept, corrected, abstained."""

    def rate(self, verdict: str) -> float:
        """Share of cases that ended so, 0 to 1; of `corrected` it is the firing rate."""
        return self.counts.get(verdict, 0) / self.cases

    def __str__(self) -> str:
        kept, corrected, abstained = (self.counts.get(name, 0) for name in VERDICTS)
        return (
            f"kept {kept}, corrected {corrected} (firing rate {100 * self.rate('corrected'):.1f}%), "
            f"abstained {abstained} ({100 * self.rate('abstained'):.1f}%)"
        )


def assurance(results: Sequence[CaseResult], metric: str) -> Assurance | None:
    """What the confidences were worth by a metric that says right or wrong; None where no case has one.

    A case that the metric cannot tell counts as wrong.
    """
    sure = [result for result in results if result.case.confidence is not None]
    if not sure:
        return None
    confidences = [min(max(result.case.confidence or 0.0, 0.0), 1.0) for result in sure]
    right = [bool(result.scores.get(metric)) for result in sure]
    bars = reliability(confidences, right)
    return Assurance(
        cases=len(sure),
        curve=risk_coverage(confidences, right),
        area=risk_coverage_area(confidences, right),
        bars=bars,
        calibration_error=calibration_error(bars),
        brier=brier(confidences, right),
    )


def verdicts(results: Sequence[CaseResult]) -> Verdicts | None:
    """How the cases ended, by their run's own account; None where none says."""
    counts = Counter(result.case.verdict for result in results if result.case.verdict)
    return Verdicts(counts.total(), dict(sorted(counts.items()))) if counts else None


def assurance_json(found: Assurance) -> dict[str, object]:
    """As `share eval --json` prints it."""
    return {
        "cases": found.cases,
        "risk_coverage_area": round(found.area, 6),
        "brier": round(found.brier, 6),
        "calibration_error": round(found.calibration_error, 6),
        "risk_coverage": [
            {
                "coverage": round(point.coverage, 6),
                "risk": round(point.risk, 6),
                "confidence": round(point.threshold, 6),
            }
            for point in found.curve
        ],
        "reliability": [
            {
                "from": bar.low,
                "to": bar.high,
                "cases": bar.count,
                "confidence": round(bar.confidence, 6),
                "right": round(bar.accuracy, 6),
            }
            for bar in found.bars
            if bar.count
        ],
    }


def verdicts_json(found: Verdicts) -> dict[str, object]:
    """As `share eval --json` prints it."""
    return {
        "cases": found.cases,
        **{name: found.counts.get(name, 0) for name in VERDICTS},
        "firing_rate": round(found.rate("corrected"), 4),
        "abstention_rate": round(found.rate("abstained"), 4),
    }
