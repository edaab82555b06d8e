"""A logistic model: features, weights, threshold. Reading and using one; `calibration.logistic` fits them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Logistic:
    """Probability of an event from a row of features. Without weights nothing passes."""

    weights: Mapping[str, float]
    """By feature, in the order of a row."""
    threshold: float
    """The probability that decides."""

    def __bool__(self) -> bool:
        """Whether it was fitted."""
        return bool(self.weights)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order of a row."""
        return tuple(self.weights)

    def __call__(self, row: Sequence[float]) -> float:
        """Probability for one row, 0 to 1; 0 where the model has no weights."""
        if not self:
            return 0.0
        return sigmoid(sum(w * x for w, x in zip(self.weights.values(), row, strict=True)))


def sigmoid(x: float) -> float:
    """Logistic function, safe for large arguments."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def logit(share: float) -> float:
    """Log-odds of a share strictly between 0 and 1."""
    return math.log(share / (1 - share))
