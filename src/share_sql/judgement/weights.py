"""The judge's calibrated weights: one file, fitted by `share calibrate`, read here.

The shipped file is `weights.json` beside this module. It holds, for each kind of repair, how often it
mended and how often it broke on labelled data; the model of asked columns; and the model that compares a
candidate with the draft. Nothing in it is set by hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from share_sql.errors import SettingsError


@dataclass(frozen=True)
class Tally:
    """What became of drafts on which one kind of repair or finding fired."""

    fired: int = 0
    """Cases it fired on."""
    fixed: int = 0
    """Wrong drafts it made right."""
    broken: int = 0
    """Right drafts it made wrong."""

    @property
    def precision(self) -> float:
        """Posterior mean of fixed / (fixed + broken) under Jeffreys' prior, 0 to 1."""
        return (self.fixed + 0.5) / (self.fixed + self.broken + 1)


@dataclass(frozen=True)
class Weights:
    """All that was calibrated."""

    repairs: Mapping[str, Tally] = field(default_factory=dict)
    """By kind of repair."""
    enabled: frozenset[str] = frozenset()
    """Kinds of repair whose precision on labelled data reached the bar."""
    findings: Mapping[str, float] = field(default_factory=dict)
    """Log-odds that each kind of finding adds to "the draft is wrong"."""
    prior: float = 0.0
    """Log-odds that a draft without findings is wrong."""
    asked_features: tuple[str, ...] = ()
    asked_weights: tuple[float, ...] = ()
    """Logistic model of `evidence.asked`, one weight a feature."""
    asked_threshold: float = 0.0
    """An output column is dropped below this probability."""
    replace_features: tuple[str, ...] = ()
    replace_weights: tuple[float, ...] = ()
    """Logistic model of `evidence.compare`: is the candidate right and the draft wrong?"""
    replace_threshold: float = 1.0
    """A candidate replaces the draft above this probability."""

    edits: frozenset[str] = frozenset()
    """Kinds of single edits that are worth a question to the scorer."""
    scored_features: tuple[str, ...] = ()
    scored_weights: tuple[float, ...] = ()
    """Logistic model of `evidence.compare` for rewritten candidates that the scorer weighed."""
    scored_threshold: float = 1.0
    """A scored candidate replaces what stands above this probability."""
    edited_features: tuple[str, ...] = ()
    edited_weights: tuple[float, ...] = ()
    """The same model for single edits."""
    edited_threshold: float = 1.0
    """A single edit replaces what stands above this probability."""

    def asked(self, row: Sequence[float]) -> float:
        """Probability that an output column was asked for."""
        return sigmoid(sum(w * x for w, x in zip(self.asked_weights, row, strict=True)))

    def replaces(self, row: Sequence[float]) -> float:
        """Probability that the candidate is the better one of the two."""
        return sigmoid(sum(w * x for w, x in zip(self.replace_weights, row, strict=True)))

    def replaces_scored(self, row: Sequence[float]) -> float:
        """The same, of a candidate that the scorer weighed."""
        return sigmoid(sum(w * x for w, x in zip(self.scored_weights, row, strict=True)))

    def edits_better(self, row: Sequence[float]) -> float:
        """The same, of a single edit."""
        return sigmoid(sum(w * x for w, x in zip(self.edited_weights, row, strict=True)))

    def to_json(self) -> dict[str, Any]:
        """As stored in a weights file."""
        return {
            "repairs": {
                kind: {"fired": t.fired, "fixed": t.fixed, "broken": t.broken}
                for kind, t in sorted(self.repairs.items())
            },
            "enabled": sorted(self.enabled),
            "findings": dict(sorted(self.findings.items())),
            "prior": self.prior,
            "asked": dict(zip(self.asked_features, self.asked_weights, strict=True)),
            "asked_threshold": self.asked_threshold,
            "replace": dict(zip(self.replace_features, self.replace_weights, strict=True)),
            "replace_threshold": self.replace_threshold,
            "edits": sorted(self.edits),
            "scored": dict(zip(self.scored_features, self.scored_weights, strict=True)),
            "scored_threshold": self.scored_threshold,
            "edited": dict(zip(self.edited_features, self.edited_weights, strict=True)),
            "edited_threshold": self.edited_threshold,
        }


def sigmoid(x: float) -> float:
    """Logistic function, safe for large arguments."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def logit(share: float) -> float:
    """Log-odds of a share strictly between 0 and 1."""
    return math.log(share / (1 - share))


SHIPPED = Path(__file__).with_name("weights.json")
"""The weights that come with the package."""


@cache
def load_weights(path: Path = SHIPPED) -> Weights:
    """Read a weights file.

    Raises:
        SettingsError: the file is missing or is no weights file of this version.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        weights = Weights(
            repairs={kind: Tally(**tally) for kind, tally in raw["repairs"].items()},
            enabled=frozenset(raw["enabled"]),
            findings=raw["findings"],
            prior=raw["prior"],
            asked_features=tuple(raw["asked"]),
            asked_weights=tuple(raw["asked"].values()),
            asked_threshold=raw["asked_threshold"],
            replace_features=tuple(raw["replace"]),
            replace_weights=tuple(raw["replace"].values()),
            replace_threshold=raw["replace_threshold"],
            edits=frozenset(raw["edits"]),
            scored_features=tuple(raw["scored"]),
            scored_weights=tuple(raw["scored"].values()),
            scored_threshold=raw["scored_threshold"],
            edited_features=tuple(raw["edited"]),
            edited_weights=tuple(raw["edited"].values()),
            edited_threshold=raw["edited_threshold"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} is no weights file ({error}); make one with `share calibrate --out {path.name}`"
        ) from error
    _check_features(weights, path)
    return weights


def _check_features(weights: Weights, path: Path) -> None:
    """A model's weights are meant for the features of one version."""
    from share_sql.judgement import features as compare
    from share_sql.query import asked

    for held, known in (
        (weights.asked_features, asked.FEATURES),
        (weights.replace_features, compare.FEATURES),
        (weights.scored_features, compare.SCORED),
        (weights.edited_features, compare.EDITED),
    ):
        if held and held != known:
            raise SettingsError(
                f"{path} was fitted by another version of share (its features are other ones); "
                f"make a new one with `share calibrate --out {path.name}`"
            )
