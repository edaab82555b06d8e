"""Fit when a candidate that the scorer weighed beats the draft, on databases that no model saw.

Rewritten candidates and single edits each have a model and a threshold of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.label import Labeller
from share_sql.calibration.logistic import fit, lowest_threshold, out_of_fold
from share_sql.errors import SettingsError
from share_sql.judgement.features import GUESSED, SCORED
from share_sql.judgement.logistic import Logistic
from share_sql.stages.policies import rivals, scored_row
from share_sql.stages.state import State

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.calibration.calibrate import Calibration
    from share_sql.judgement.weights import Weights

WRONG_SHARE = 0.2
"""Share of wrong drafts that is calibrated for. Drafts at work are better than those of the small model that
drafted for the calibration: published generators are wrong on 14 to 29% of Spider dev and BIRD dev."""
LEAST_PRECISION = 0.91
"""Of the drafts whose rightness a candidate changes, the share that it makes right: ten to one."""
STRENGTH = 1.0
"""Inverse of the regularisation: there are few candidates to learn from."""
LEAST_ACTED = 20
"""Cases acted on; fewer say nothing of a threshold."""


@dataclass
class ScoredData:
    """Scored candidates beside the draft or its repair."""

    rows: list[list[float]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """The kind of edit of each; empty for others."""
    before: list[bool] = field(default_factory=list)
    after: list[bool] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """The database of each."""
    cases: list[str] = field(default_factory=list)
    """The case of each: one candidate a case is taken at most."""
    drafts: dict[str, bool] = field(default_factory=dict)
    """Of each case, candidates or not: whether the draft, or its repair, is right."""

    def of(self, kinds: AbstractSet[str]) -> ScoredData:
        """The same with the candidates of some kinds of edit alone; the empty kind is rewritten ones."""
        kept = [at for at, kind in enumerate(self.kinds) if kind in kinds]
        columns = (self.rows, self.kinds, self.before, self.after, self.groups, self.cases)
        return ScoredData(*([column[at] for at in kept] for column in columns), self.drafts)  # type: ignore[arg-type, call-arg]


def collect_scored(
    cases: Iterable[LabelledCase], states: Iterable[State], labeller: Labeller, data: ScoredData
) -> None:
    """Label what the judge compared; adds to `data`.

    Args:
        cases: drafts with gold.
        states: the cases as the assistant left them, in any order.
        labeller: says what is right.
        data: added to.
    """
    gold = {each.case.id: each.gold for each in cases}
    for state in states:
        case, wanted = state.case, gold[state.case.id]
        if not labeller.gold_runs(case.database, wanted):
            continue
        key = f"{case.database}/{case.id}"
        rows = [(each, row) for each in rivals(state) if (row := scored_row(state, each)) is not None]
        best = state.repaired if rows else None
        before = labeller.right(case.database, best.sql if best is not None else state.sql, wanted)
        data.drafts[key] = before
        for candidate, row in rows:
            data.rows.append(row)
            data.kinds.append(candidate.kind)
            data.before.append(before)
            data.after.append(labeller.right(case.database, candidate.sql, wanted))
            data.groups.append(case.database)
            data.cases.append(key)


def unscored(weights: Weights, kinds: frozenset[str], scorer: str = "") -> Weights:
    """Weights to learn with: changes of these kinds are guessed, no scored candidate replaces anything.

    What is fitted with them holds for the scorer of this name alone; without one, as shipped weights do.
    """
    nothing = Logistic({}, 1.0)
    return replace(weights, guesses=kinds, scored=nothing, guessed=nothing, scorer=scorer)


def with_scored(
    done: Calibration,
    cases: Sequence[LabelledCase],
    assistant: Assistant,
    labeller: Labeller,
    kinds: frozenset[str] = frozenset(),
    scorer: str = "",
) -> Calibration:
    """A calibration with the models of scored candidates fitted too: of rewritten ones, and of edits.

    Args:
        done: all else that was fitted.
        cases: drafts with gold, of databases that the assistant's models have not seen.
        assistant: with a scorer, and weights that `unscored` gave for `kinds` and `scorer`.
        labeller: says what is right.
        kinds: of single edits.
        scorer: as in `unscored`.
    """
    data = ScoredData()
    states = sorted(assistant.correct_states(each.case for each in cases), key=lambda s: s.case.database)
    collect_scored(cases, states, labeller, data)
    scored, figures = fit_scored(data.of({""}), SCORED)
    weights = replace(unscored(done.weights, frozenset(), scorer), scored=scored)
    shown = {**done.figures, "scored": figures}
    if kinds:
        guessed, shown["guessed"] = fit_scored(data.of(kinds), GUESSED)
        if guessed.threshold < 1:
            weights = replace(weights, guesses=kinds, guessed=guessed)
    return replace(done, weights=weights, figures=shown)


def fit_scored(data: ScoredData, features: Sequence[str]) -> tuple[Logistic, dict[str, float]]:
    """Fit a model of scored candidates.

    The threshold is the lowest whose precision is LEAST_PRECISION, out of fold (folds by database) and with
    right and wrong drafts weighted to WRONG_SHARE.

    Returns:
        The model, and figures: cases, their share of wrong ones, cases acted on, fixed and broken
        (unweighted), precision (weighted).

    Raises:
        SettingsError: there is too little to learn from.
    """
    better = [int(after and not before) for before, after in zip(data.before, data.after, strict=True)]
    if len(set(better)) < 2 or len(set(data.drafts.values())) < 2:
        raise SettingsError(
            f"{len(data.drafts)} drafts with {len(better)} scored candidates are too few to calibrate on: "
            "right and wrong drafts are needed, and candidates that mend some; give more cases to --scored"
        )
    scores = out_of_fold(data.rows, better, data.groups, STRENGTH)
    chosen: dict[str, tuple[float, bool, bool]] = {}
    for key, score, before, after in zip(data.cases, scores, data.before, data.after, strict=True):
        if key not in chosen or score > chosen[key][0]:
            chosen[key] = (score, before, after)
    wrong = sum(not right for right in data.drafts.values()) / max(1, len(data.drafts))
    of_wrong, of_right = WRONG_SHARE / wrong, (1 - WRONG_SHARE) / (1 - wrong)
    threshold, kept = lowest_threshold(chosen.values(), LEAST_PRECISION, LEAST_ACTED, of_wrong, of_right)
    figures = {"cases": len(data.drafts), "wrong": round(wrong, 3), **kept}
    weights = dict(zip(features, fit(data.rows, better, STRENGTH), strict=True))
    return Logistic(weights, round(threshold, 4)), figures
