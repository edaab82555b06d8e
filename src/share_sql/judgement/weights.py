"""The judge's calibrated weights: one file, fitted by `share calibrate`, read here.

The shipped file is `weights.json` beside this module. It holds, for each kind of repair, how often it mended
and how often it broke on labelled data; what each kind of finding weighs; and four logistic models. Nothing
in it is set by hand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError
from share_sql.judgement.agreed import AGREED
from share_sql.judgement.agreement import OPINION, Answers, opinion
from share_sql.judgement.confidence import CONFIDENCE, confidence_features
from share_sql.judgement.features import COMPARED, GUESSED, SCORED
from share_sql.judgement.logistic import Logistic, sigmoid
from share_sql.query.asked import FEATURES as ASKED

if TYPE_CHECKING:
    from share_sql.query.examined import Ran

MODELS: Mapping[str, tuple[str, ...]] = {
    "asked": ASKED, "compared": COMPARED, "scored": SCORED, "guessed": GUESSED, "agreed": AGREED,
    "right": CONFIDENCE, "right_answers": OPINION,
}  # fmt: skip
"""The logistic models of a weights file, each with the features that this version knows."""

UNFITTED = Logistic({}, 1.0)
"""A model without weights, which lets nothing act."""


@dataclass(frozen=True)
class Tally:
    """What became of drafts on which one kind of repair fired."""

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
    """Log-odds that each kind of finding adds to "the query is wrong"."""
    prior: float = 0.0
    """Log-odds that a query without findings is wrong."""
    guesses: frozenset[str] = frozenset()
    """Kinds of guessed change that are worth a question to the scorer."""
    asked: Logistic = UNFITTED
    """Was an output column asked for? One is dropped below the threshold."""
    compared: Logistic = UNFITTED
    """Is a candidate that no scorer weighed right, and the draft wrong?"""
    scored: Logistic = UNFITTED
    """The same of a rewritten candidate that the scorer weighed."""
    guessed: Logistic = UNFITTED
    """The same of a guessed change."""
    agreed: Logistic = UNFITTED
    """The same of an answer of the drafter."""
    right: Logistic = UNFITTED
    """Does the query that is handed back answer the question? The confidence."""
    right_answers: Logistic = UNFITTED
    """The same where there are answers of the drafter."""
    scorer: str = ""
    """Name of the model that `scored` and `guessed` were fitted on; empty: the scorer that comes with the
    package."""

    def hold_for(self, scorer: str, calibrated: bool) -> bool:
        """Whether a scorer's scores mean what they meant when these weights were fitted.

        Args:
            scorer: its name.
            calibrated: whether the shipped weights hold for it (`models.base.Model.calibrated`).
        """
        return scorer == self.scorer if self.scorer else calibrated

    def limited(self, kinds: frozenset[str]) -> Weights:
        """The same, with only these kinds of change."""
        asked = self.asked if "unasked-column" in kinds else UNFITTED
        return replace(self, enabled=self.enabled & kinds, guesses=self.guesses & kinds, asked=asked)

    def wrong(self, kinds: frozenset[str]) -> float:
        """Probability that a query with findings of these kinds is wrong, 0 to 1."""
        return sigmoid(self.prior + sum(self.findings.get(kind, 0.0) for kind in sorted(kinds)))

    def confidence(self, query: Ran, mended: Collection[str] = (), answers: Answers | None = None) -> float:
        """Probability that a query answers the question, 0 to 1.

        Args:
            query: the query that is handed back.
            mended: what the changes that led to it are about (`edits.table.Kind.about`).
            answers: the drafter's, where it gave some.
        """
        if not query.runs and query.outcome is not None:
            return 0.0
        alone = self.alone(query, mended)
        if answers is None or not answers.count or not self.right_answers:
            return alone
        return self.right_answers(opinion(answers, query, alone))

    def alone(self, query: Ran, mended: Collection[str] = ()) -> float:
        """The confidence without answers: from the query itself. Arguments as `confidence`."""
        return self.right(confidence_features(query, mended)) if self.right else 1 - self.wrong(query.kinds)

    def to_json(self) -> dict[str, Any]:
        """As stored in a weights file."""
        models: dict[str, Logistic] = {name: getattr(self, name) for name in MODELS}
        return {
            "repairs": {kind: vars(tally) for kind, tally in sorted(self.repairs.items())},
            "enabled": sorted(self.enabled),
            "findings": dict(sorted(self.findings.items())),
            "prior": self.prior,
            "guesses": sorted(self.guesses),
            **({"scorer": self.scorer} if self.scorer else {}),
            "models": {
                name: {"weights": dict(model.weights), "threshold": model.threshold}
                for name, model in models.items()
            },
        }


SHIPPED = Path(__file__).with_name("weights.json")
"""The weights that come with the package."""


@cache
def load_weights(path: Path = SHIPPED) -> Weights:
    """Read a weights file.

    Raises:
        SettingsError: the file is missing, is no weights file, or was fitted for other features.
    """
    again = f"make one with `share calibrate --out {path.name}`"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        models = {name: Logistic(**raw["models"][name]) for name in MODELS}
        weights = Weights(
            repairs={kind: Tally(**tally) for kind, tally in raw["repairs"].items()},
            enabled=frozenset(raw["enabled"]),
            findings=raw["findings"],
            prior=raw["prior"],
            guesses=frozenset(raw["guesses"]),
            scorer=str(raw.get("scorer", "")),
            **models,
        )
        fitted = {name: model.features for name, model in models.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no weights file ({error}); {again}") from error
    other = [name for name, features in fitted.items() if features and features != MODELS[name]]
    if other:
        raise SettingsError(
            f"{path} was fitted by another version of share ({other[0]} has other features); {again}"
        )
    return weights
