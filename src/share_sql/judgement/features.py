"""A candidate beside the draft, as numbers: what the candidate mends and what it makes worse.

Scoring the difference between two queries for one question is easier than scoring either alone: what both
share cancels out. A logistic model over these features, fitted by `share calibrate` on labelled pairs of
real queries, gives the probability that the candidate is right and the draft wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.errors import QueryError
from share_sql.query.asked import select_features, words
from share_sql.query.findings import findings

if TYPE_CHECKING:
    from share_sql.query.examined import BoundQuery

_KINDS = (
    "fails", "empty-result", "null-result", "zero-result", "unknown-column", "ambiguous-column",
    "ungrouped-column", "join-no-key", "idle-table", "number-unused",
)  # fmt: skip
_PROPERTIES = (
    "least-asked", "question-words", "evidence-words", "evidence-literals", "question-literals", "tables",
    "select-items", "conditions", "subqueries", "limit", "distinct", "group", "nested-extreme", "length",
)  # fmt: skip
_CONDITIONS = (exp.EQ, exp.LT, exp.GT, exp.LTE, exp.GTE, exp.Like, exp.In)
FEATURES = (
    "bias",
    "same-rows",
    "rows-agree",
    "select-differs",
    *(f"mends:{kind}" for kind in _KINDS),
    *(f"adds:{kind}" for kind in _KINDS),
    *(f"more:{name}" for name in _PROPERTIES),
    *(f"less:{name}" for name in _PROPERTIES),
)
"""Names of the features, in the order of the weights."""

SCORED = ("bias", "score", "least", "mends")
"""Features of a rewritten candidate that the scorer weighed, in the order of the weights. Few: with what else
`FEATURES` has, or with how likely its answer was, it was no better on databases that were left out."""

EDITED = ("bias", "score", "least", "drops", "score-drops")
"""The same for the draft with a single edit."""

BLAMES = frozenset({"ungrouped-column", "unasked-column", "number-unused"})
"""Findings that speak strongly against a query: they are rare on right ones. `idle-table` is on 8% of Spider
train's gold and `join-no-key` on 24% of BIRD train's: these are habits of writing. Some questions have no
answer (3.6% of Spider train's gold gives no row), and a rewrite with one answers another question."""


def compare_features(draft: BoundQuery, candidate: BoundQuery, agreeing: int = 0) -> list[float]:
    """Describe what a candidate changes.

    Args:
        draft: what stands.
        candidate: what may replace it.
        agreeing: how many candidates of other origin give the candidate's rows.

    Returns:
        One number a feature, in the order of FEATURES.
    """
    assert draft.weights is not None
    ours = {finding.kind for finding in findings(draft, draft.outcome, draft.weights)}
    theirs = {finding.kind for finding in findings(candidate, candidate.outcome, draft.weights)}
    before, after = _properties(draft), _properties(candidate)
    values: dict[str, float] = {
        "bias": 1.0,
        "same-rows": float(_rows(draft) is not None and _rows(draft) == _rows(candidate)),
        "rows-agree": float(agreeing > 0),
        "select-differs": float(before["select-items"] != after["select-items"]),
    }
    for kind in _KINDS:
        values[f"mends:{kind}"] = float(kind in ours and kind not in theirs)
        values[f"adds:{kind}"] = float(kind in theirs and kind not in ours)
    for name in _PROPERTIES:
        change = after[name] - before[name]
        values[f"more:{name}"] = max(0.0, min(1.0, change))
        values[f"less:{name}"] = max(0.0, min(1.0, -change))
    return [values[name] for name in FEATURES]


def loses_constants(draft: BoundQuery, candidate: BoundQuery) -> bool:
    """Whether a candidate lacks a constant of the draft's that the question or the evidence spells out: a
    quoted text or a number. Such a candidate answers another question."""

    def held(query: BoundQuery) -> set[str]:
        return {str(literal.this).lower() for literal in query.tree.find_all(exp.Literal)}

    told = _quoted(draft.question) | _quoted(draft.evidence)
    return bool(told & (held(draft) - held(candidate)))


def scored_features(score: float, *, forth: float, mends: bool) -> list[float]:
    """Describe a rewritten candidate that the scorer weighed.

    Args:
        score: the scorer's log-odds of the change less those of the way back.
        forth: its log-odds of the change alone.
        mends: whether it takes away a finding that blames what stands (BLAMES).

    Returns:
        One number a feature, in the order of SCORED.
    """
    values = {"bias": 1.0, "score": score, "least": min(forth, score - forth), "mends": float(mends)}
    return [values[name] for name in SCORED]


def edited_features(score: float, *, forth: float, drops: bool) -> list[float]:
    """Describe the draft with a single edit that the scorer weighed.

    Args:
        score: as for `scored_features`.
        forth: as for `scored_features`.
        drops: whether the edit drops output columns; of strong generators' faults this is the most frequent
            and the surest to tell.

    Returns:
        One number a feature, in the order of EDITED.
    """
    values = {
        "bias": 1.0,
        "score": score,
        "least": min(forth, score - forth),
        "drops": float(drops),
        "score-drops": score if drops else 0.0,
    }
    return [values[name] for name in EDITED]


def _rows(query: BoundQuery) -> frozenset[object] | None:
    if query.outcome is None or isinstance(query.outcome, QueryError):
        return None
    return frozenset(query.outcome.rows)


def _properties(query: BoundQuery) -> dict[str, float]:
    tree, weights = query.tree, query.weights
    assert weights is not None
    names = {bound.node.name.lower() for bound in query.binding.names.values() if bound.key is not None}
    named = set().union(*(words(name) for name in names)) if names else set()
    literals = {str(literal.this).lower() for literal in tree.find_all(exp.Literal)}
    select = tree if isinstance(tree, exp.Select) else tree.find(exp.Select)
    items = list(select.expressions) if select is not None else []
    asked = 1.0
    if isinstance(tree, exp.Select) and len(items) > 1 and weights.asked_features:
        asked = min(weights.asked(row) for row in select_features(tree, query.question, query.evidence))
    question = words(query.question)
    told = _quoted(query.evidence)
    spoken = _quoted(query.question)
    return {
        "least-asked": asked,
        "question-words": _share(question & _schema_words(query), named),
        "evidence-words": _share(_told_columns(query), names),
        "evidence-literals": _share(told, literals),
        "question-literals": _share(spoken, literals),
        "tables": float(sum(1 for scope in query.binding.scopes for _ in scope.sources)),
        "select-items": float(len(items)),
        "conditions": float(sum(1 for _ in tree.find_all(*_CONDITIONS))),
        "subqueries": float(len(query.binding.scopes) - 1),
        "limit": float(tree.find(exp.Limit) is not None),
        "distinct": float(select is not None and select.args.get("distinct") is not None),
        "group": float(tree.find(exp.Group) is not None),
        "nested-extreme": float(_nested_extreme(tree)),
        "length": len(tree.sql(dialect="sqlite")) / 200.0,
    }  # fmt: skip


def _told_columns(query: BoundQuery) -> set[str]:
    """Schema columns that the evidence names."""
    told = query.evidence.lower()
    if not told:
        return set()
    return {name for name in _schema_columns(query) if re.search(rf"\b{re.escape(name)}\b", told)}


def _schema_columns(query: BoundQuery) -> set[str]:
    return {column.name.lower() for _, column in query.schema.columns() if len(column.name) > 1}


def _schema_words(query: BoundQuery) -> frozenset[str]:
    found: set[str] = set()
    for name in _schema_columns(query):
        found |= words(name)
    return frozenset(found)


def _quoted(text: str) -> set[str]:
    """Values that a text quotes, and its numbers, lower case."""
    found = {
        match.lower()
        for match in re.findall(r"['\"\u2018\u201c]([^'\"\u2019\u201d]{1,60})['\"\u2019\u201d]", text)
    }
    return found | set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", text))


def _share(wanted: set[str] | frozenset[str], have: set[str]) -> float:
    return sum(name in have for name in wanted) / len(wanted) if wanted else 1.0


def _nested_extreme(tree: exp.Query) -> bool:
    """`x = (SELECT MAX(x) …)`, as opposed to ORDER BY … LIMIT 1."""
    return any(
        isinstance(node.parent, exp.Select) and isinstance(node.parent.parent, exp.Subquery)
        for node in tree.find_all(exp.Max, exp.Min)
    )
