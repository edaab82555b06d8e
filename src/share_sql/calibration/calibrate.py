"""Fit a whole weights file from labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.asked import SelectData, fit_asked, from_drafts, from_gold
from share_sql.calibration.compared import PairData, collect, fit_compared, fit_findings, repaired
from share_sql.calibration.confidence import ConfidenceData, collect_confidence, fit_confidence
from share_sql.calibration.label import Labeller
from share_sql.calibration.repairs import Counts, count_on_databases, count_on_text, enabled
from share_sql.judgement.weights import Weights
from share_sql.schema.model import Schema


@dataclass(frozen=True)
class Calibration:
    """Fitted weights and how they came about."""

    weights: Weights
    figures: dict[str, Any]
    """What was counted and reached out of fold; for people, and for docs/results.md."""


def calibrate(
    labeller: Labeller,
    gold: Sequence[LabelledCase],
    text: Sequence[LabelledCase],
    schemas: dict[str, Schema],
    drafts: Sequence[LabelledCase],
    start: Weights,
    rewrites: Sequence[LabelledCase] = (),
    handed: Sequence[LabelledCase] = (),
) -> Calibration:
    """Fit all weights.

    Args:
        labeller: runs queries on the databases of `gold` and `drafts`.
        gold: cases whose gold runs; their drafts are not read.
        text: real drafts with gold, without databases.
        schemas: the schemas of `text`, by database name.
        drafts: real drafts with gold and databases, several a question; none leaves the findings' weights
            and the comparison as `start` has them.
        start: what is kept where nothing is fitted.
        rewrites: the same, for the comparison alone; `drafts` where there are none.
        handed: the same, for the confidence alone; `drafts` where there are none.
    """
    figures: dict[str, Any] = {}
    data = SelectData()
    from_drafts(text, data)
    from_gold(gold, data)
    asked, figures["asked"] = fit_asked(data)
    weights = replace(start, asked=asked)
    counts = Counts()
    count_on_text(text, schemas, weights, counts)
    count_on_databases(gold, labeller, weights, counts)
    weights = replace(
        weights,
        repairs={kind: count.tally() for kind, count in counts.kinds.items()},
        enabled=enabled(counts),
    )
    figures["repairs"] = {kind: vars(count) for kind, count in counts.kinds.items()}
    figures["perturbed"] = {
        f"{name}: {outcome}": n for (name, outcome), n in sorted(counts.perturbed.items())
    }
    if drafts:
        raw, pairs = PairData(), PairData()
        collect(drafts, labeller, weights, raw)
        found, prior = fit_findings(raw)
        # By the time a candidate is compared, it and the draft have been through the repairs.
        collect(repaired(rewrites or drafts, labeller, weights), labeller, weights, pairs)
        model, figures["compared"] = fit_compared(pairs)
        weights = replace(weights, findings=found, prior=prior, compared=model)
    if handed or drafts:
        weights, figures["right"] = with_confidence(weights, handed or drafts, labeller)
    return Calibration(weights, figures)


def with_confidence(
    weights: Weights, drafts: Sequence[LabelledCase], labeller: Labeller
) -> tuple[Weights, dict[str, Any]]:
    """The weights with the confidence fitted on drafts as they end under these weights, without models.

    Args:
        weights: all else that was fitted.
        drafts: real drafts with gold and databases.
        labeller: says what is right.

    Returns:
        The weights, and figures.
    """
    numbered = [replace(each, case=replace(each.case, id=str(number))) for number, each in enumerate(drafts)]
    data = ConfidenceData()
    with Assistant(catalog=labeller.catalog, weights=weights, conventions="benchmark") as assistant:
        states = assistant.correct_states(each.case for each in numbered)
        by_database = sorted(states, key=lambda state: state.case.database)
    collect_confidence(numbered, by_database, labeller, data)
    right, figures = fit_confidence(data)
    return replace(weights, right=right), figures
