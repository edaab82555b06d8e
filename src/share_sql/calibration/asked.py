"""Fit the model of asked columns (`query.asked`) on real drafts against gold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.logistic import fit, out_of_fold
from share_sql.database.address import dialect_at
from share_sql.errors import SqlError, UsageError
from share_sql.judgement.logistic import Logistic
from share_sql.query.asked import FEATURES, select_features
from share_sql.sql.text import extract_sql, parse_select

LEAST_PRECISION = 0.95
"""Of the columns that are dropped, the share that gold does not select."""


@dataclass
class SelectData:
    """Output columns, each described and labelled."""

    rows: list[list[float]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """The database each comes from: folds never split one."""
    real: list[bool] = field(default_factory=list)
    """False for columns that were added on purpose."""

    def add(self, tree: exp.Select, labels: list[int], case: LabelledCase, real: bool) -> None:
        """Add all output columns of one query."""
        features = select_features(tree, case.case.question, case.case.evidence)
        self.rows += features
        self.asked += labels
        self.groups += [case.case.database] * len(features)
        self.real += [real] * len(features)


def from_drafts(cases: Iterable[LabelledCase], data: SelectData) -> None:
    """Real drafts whose output columns hold all of gold's: the surplus ones were not asked for."""
    for case in cases:
        draft, gold = _select(case.case.draft, case), _select(case.gold, case)
        if draft is None or gold is None or len(draft.expressions) < 2:
            continue
        wanted = {_signature(item) for item in gold.expressions}
        have = [_signature(item) for item in draft.expressions]
        if wanted <= set(have):
            data.add(draft, [int(signature in wanted) for signature in have], case, real=True)


def from_gold(cases: Iterable[LabelledCase], data: SelectData) -> None:
    """Gold's own columns were asked for; its sort key, selected along, was not."""
    for case in cases:
        gold = _select(case.gold, case)
        if gold is None:
            continue
        if len(gold.expressions) > 1:
            data.add(gold, [1] * len(gold.expressions), case, real=True)
        order = gold.args.get("order")
        if order is None or len(order.expressions) != 1:
            continue
        key = order.expressions[0].this
        if _signature(key) in {_signature(item) for item in gold.expressions}:
            continue
        longer = gold.copy()
        longer.set("expressions", [*longer.expressions, key.copy()])
        data.add(longer, [1] * len(gold.expressions) + [0], case, real=False)


def fit_asked(data: SelectData) -> tuple[Logistic, dict[str, int]]:
    """Fit weights and threshold; the threshold is the largest whose out-of-fold precision is kept.

    Returns:
        The model, and the figures: columns, dropped, wrongly dropped (out of fold, real queries only).

    Raises:
        UsageError: there is nothing to learn from.
    """
    if len(set(data.asked)) < 2:
        raise UsageError("too few gold queries give columns that can be learnt from; give more cases")
    scores = out_of_fold(data.rows, data.asked, data.groups)
    ranked = sorted(
        (score, asked) for score, asked, real in zip(scores, data.asked, data.real, strict=True) if real
    )
    threshold, figures, wrongly = 0.0, (0, 0), 0
    for dropped, (score, asked) in enumerate(ranked, 1):
        wrongly += asked
        if 1 - wrongly / dropped >= LEAST_PRECISION and dropped >= 30:
            threshold, figures = score, (dropped, wrongly)
    weights = dict(zip(FEATURES, fit(data.rows, data.asked), strict=True))
    shown = {"columns": len(ranked), "dropped": figures[0], "wrongly dropped": figures[1]}
    return Logistic(weights, round(threshold, 4)), shown


def _select(sql: str, case: LabelledCase) -> exp.Select | None:
    try:
        # The database need not be there: its place says what it speaks.
        tree = parse_select(extract_sql(sql), dialect_at(case.case.database).name)
    except SqlError:
        return None
    return tree if isinstance(tree, exp.Select) else None


def _signature(item: exp.Expr) -> str:
    """Text that equal output columns share; what exactly is counted does not matter."""
    value = item.this if isinstance(item, exp.Alias) else item
    if isinstance(value, exp.Column):
        return str(value.name).lower()
    text = re.sub(r"\b\w+\.", "", value.sql()).lower().replace('"', "").replace("`", "")
    before, mark, rest = text.partition("count(")
    return f"{before}count{rest.rpartition(')')[2]}" if mark and ")" in rest else text
