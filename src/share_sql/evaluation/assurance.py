"""How far a run's own word can be trusted: its confidences, and when it speaks up or abstains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from share_sql.evaluation.cases import CaseResult
from share_sql.evaluation.transitions import (
    CoveragePoint,
    ReliabilityBin,
    brier,
    calibration_error,
    reliability,
    risk_coverage,
    risk_coverage_area,
)

VERDICTS = ("kept", "corrected", "abstained")


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
    """What the confidences were worth; None where no case has one.

    Args:
        results: scored cases.
        metric: one that says right or wrong. A case it cannot tell counts as wrong.
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
