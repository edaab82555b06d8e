"""How sure it is that a query answers the question, as numbers for a logistic model.

`share calibrate` fits the model on drafts whose answers are known. What was mended can only lower the
confidence: a mended query was wrong in one place, and may be in another. So a correction is never surer than
an untouched draft with the same result.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from share_sql.query.cues import number_cues
from share_sql.query.examined import Examined, Ran
from share_sql.query.findings import KINDS

ABOUT = (
    "text", "function", "name", "join", "literal", "condition", "aggregate", "expression", "set", "output",
    "order", "limit", "group",
)  # fmt: skip
"""What a change is about (`edits.table.Kind.about`), for the changes that were made."""
_SHAPE = (
    "tables", "tables-3+", "conditions", "subqueries", "select-items", "select-3+", "group", "limit",
    "distinct", "set", "arithmetic", "evidence", "question-length", "least-asked", "numbers",
)  # fmt: skip
_CONDITIONS = (exp.EQ, exp.NEQ, exp.LT, exp.GT, exp.LTE, exp.GTE, exp.Like, exp.In, exp.Between)
CONFIDENCE = (
    "bias",
    *(f"found:{kind}" for kind in KINDS),
    *(f"shape:{name}" for name in _SHAPE),
    *(f"mended:{about}" for about in ABOUT),
)
"""Names of the features, in the order of the weights."""


def confidence_features(query: Ran, mended: Collection[str] = ()) -> list[float]:
    """Describe the query that is handed back.

    Args:
        query: the query.
        mended: what the changes that led to it are about; empty for a draft as it was written.

    Returns:
        One number a feature, in the order of CONFIDENCE.
    """
    shape = _shape(query) if isinstance(query, Examined) else {}
    values = {
        "bias": 1.0,
        **{f"found:{kind}": float(kind in query.kinds) for kind in KINDS},
        **{f"shape:{name}": shape.get(name, 0.0) for name in _SHAPE},
        **{f"mended:{about}": float(about in mended) for about in ABOUT},
    }
    return [values[name] for name in CONFIDENCE]


def _shape(query: Examined) -> dict[str, float]:
    """How much there is in a query that may be wrong: each number from 0 to 1."""
    tree = query.tree
    select = tree if isinstance(tree, exp.Select) else tree.find(exp.Select)
    tables = len({source.name for scope in query.binding.scopes for source in scope.sources})
    items = len(select.expressions) if select is not None else 0
    counts = {
        "tables": tables / 4,
        "conditions": sum(1 for _ in tree.find_all(*_CONDITIONS)) / 6,
        "subqueries": (len(query.binding.scopes) - 1) / 3,
        "select-items": items / 4,
        "question-length": len(query.question.split()) / 30,
        "numbers": len(number_cues(query.question)) / 2,
    }
    return {
        **{name: min(1.0, count) for name, count in counts.items()},
        "tables-3+": float(tables >= 3),
        "select-3+": float(items >= 3),
        "group": float(tree.find(exp.Group) is not None),
        "limit": float(tree.find(exp.Limit) is not None),
        "distinct": float(select is not None and select.args.get("distinct") is not None),
        "set": float(isinstance(tree, exp.SetOperation)),
        "arithmetic": float(tree.find(exp.Div, exp.Mul, exp.Sub, exp.Case) is not None),
        "evidence": float(bool(query.evidence.strip())),
        "least-asked": 1.0 - min(query.asked, default=1.0),
    }
