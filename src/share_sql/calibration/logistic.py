"""Logistic regression, by scikit-learn (extra `calibrate`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from share_sql.errors import SettingsError
from share_sql.judgement.logistic import sigmoid

FOLDS = 5
"""Folds of cross-validation; a database lies in one fold alone."""


def fit(rows: Sequence[Sequence[float]], labels: Sequence[int], strength: float = 0.3) -> list[float]:
    """Weights of a logistic model without intercept (the rows hold a bias), L2-regularised.

    Args:
        rows: features.
        labels: 0 or 1.
        strength: inverse of the regularisation (scikit-learn's C).
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise SettingsError(
            "fitting needs scikit-learn; install it with `pip install share-sql[calibrate]`"
        ) from error
    # Many rows of few features: Newton's steps are five times as fast as what is the default.
    model = LogisticRegression(C=strength, max_iter=5_000, fit_intercept=False, solver="newton-cholesky")
    model.fit(rows, labels)
    return [round(float(weight), 4) for weight in model.coef_[0]]


def lowest_threshold(
    scored: Iterable[tuple[float, bool, bool]],
    precision: float,
    least: int,
    of_wrong: float = 1.0,
    of_right: float = 1.0,
) -> tuple[float, dict[str, float]]:
    """The lowest threshold whose precision is kept: of the queries that turn right or wrong, the share that
    turns right.

    Args:
        scored: of each replacement its score, and whether the query was right before and after.
        precision: the share to keep.
        least: replacements acted on; fewer say nothing.
        of_wrong: what a query that was wrong counts.
        of_right: what one that was right counts.

    Returns:
        The threshold, 1 where none keeps the precision, and the figures there: acted on, fixed, broken
        (each counting 1), precision.
    """
    fixed = broken = 0
    threshold, kept = 1.0, {"acted on": 0.0, "fixed": 0.0, "broken": 0.0, "precision": 0.0}
    for acted, (score, before, after) in enumerate(sorted(scored, key=lambda entry: -entry[0]), 1):
        fixed += after and not before
        broken += before and not after
        share = fixed * of_wrong / max(1e-9, fixed * of_wrong + broken * of_right)
        if acted >= least and share >= precision:
            threshold = score
            kept = {"acted on": acted, "fixed": fixed, "broken": broken, "precision": round(share, 3)}
    return threshold, kept


def out_of_fold(
    rows: Sequence[Sequence[float]], labels: Sequence[int], groups: Sequence[str], strength: float = 0.3
) -> list[float]:
    """Each row's probability by a model that saw no row of its group."""
    order = sorted(set(groups))
    scores = [0.0] * len(rows)
    for fold in range(min(FOLDS, len(order))):
        left_out = {group for at, group in enumerate(order) if at % FOLDS == fold}
        train = [at for at, group in enumerate(groups) if group not in left_out]
        if len({labels[at] for at in train}) < 2:
            continue
        weights = fit([rows[at] for at in train], [labels[at] for at in train], strength)
        for at, group in enumerate(groups):
            if group in left_out:
                scores[at] = sigmoid(sum(w * x for w, x in zip(weights, rows[at], strict=True)))
    return scores
