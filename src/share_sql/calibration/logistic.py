"""Logistic regression, by scikit-learn (extra `calibrate`)."""

from __future__ import annotations

from collections.abc import Sequence

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
    model = LogisticRegression(C=strength, max_iter=5_000, fit_intercept=False).fit(rows, labels)
    return [round(float(weight), 4) for weight in model.coef_[0]]


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
