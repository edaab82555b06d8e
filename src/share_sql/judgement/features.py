"""A candidate beside the draft, as numbers: what the candidate mends and what it makes worse.

Scoring the difference between two queries for one question is easier than scoring either alone: what both
share cancels out. A logistic model over these features, fitted by `share calibrate` on labelled pairs of
real queries, gives the probability that the candidate is right and the draft wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sqlglot import exp

from share_sql.query.asked import words
from share_sql.query.examined import Examined, Ran
from share_sql.schema.model import Schema

_KINDS = (
    "fails", "empty-result", "null-result", "zero-result", "unknown-column", "ambiguous-column",
    "ungrouped-column", "join-no-key", "idle-table", "number-unused",
)  # fmt: skip
_PROPERTIES = (
    "least-asked", "question-words", "evidence-words", "evidence-literals", "question-literals", "tables",
    "select-items", "conditions", "subqueries", "limit", "distinct", "group", "nested-extreme", "length",
)  # fmt: skip
_CONDITIONS = (exp.EQ, exp.LT, exp.GT, exp.LTE, exp.GTE, exp.Like, exp.In)
COMPARED = (
    "bias",
    "same-rows",
    "select-differs",
    *(f"mends:{kind}" for kind in _KINDS),
    *(f"adds:{kind}" for kind in _KINDS),
    *(f"more:{name}" for name in _PROPERTIES),
    *(f"less:{name}" for name in _PROPERTIES),
)
"""Features of a candidate that no scorer weighed, in the order of the weights."""

SCORED = ("bias", "score", "least", "mends")
"""Features of a rewritten candidate that the scorer weighed. Few: with what else `COMPARED` has, or with how
likely its answer was, it was no better on databases that were left out."""

GUESSED = ("bias", "score", "least", "drops", "score-drops")
"""The same for a guessed change."""

BLAMES = frozenset({"ungrouped-column", "unasked-column", "number-unused"})
"""Findings that speak strongly against a query: they are rare on right ones. `idle-table` is on 8% of Spider
train's gold and `join-no-key` on 24% of BIRD train's: these are habits of writing. Some questions have no
answer (3.6% of Spider train's gold gives no row), and a rewrite with one answers another question."""


def compared_features(draft: Examined, candidate: Examined) -> list[float]:
    """Describe what a candidate changes.

    Args:
        draft: the draft, or its repair.
        candidate: what may replace it.

    Returns:
        One number a feature, in the order of COMPARED.
    """
    ours, theirs = draft.kinds, candidate.kinds
    before, after = _properties(draft), _properties(candidate)
    values = {
        "bias": 1.0,
        "same-rows": float(draft.rows is not None and draft.row_set == candidate.row_set),
        "select-differs": float(before["select-items"] != after["select-items"]),
    }
    for kind in _KINDS:
        values[f"mends:{kind}"] = float(kind in ours and kind not in theirs)
        values[f"adds:{kind}"] = float(kind in theirs and kind not in ours)
    for name in _PROPERTIES:
        change = after[name] - before[name]
        values[f"more:{name}"] = max(0.0, min(1.0, change))
        values[f"less:{name}"] = max(0.0, min(1.0, -change))
    return [values[name] for name in COMPARED]


def scored_features(draft: Ran, candidate: Ran, score: float, forth: float) -> list[float]:
    """Describe a rewritten candidate that the scorer weighed.

    Args:
        draft: the draft, or its repair.
        candidate: what may replace it.
        score: the scorer's log-odds of the change less those of the way back.
        forth: its log-odds of the change alone.

    Returns:
        One number a feature, in the order of SCORED.
    """
    mends = bool((draft.kinds - candidate.kinds) & BLAMES)
    return [1.0, score, min(forth, score - forth), float(mends)]


def guessed_features(score: float, *, forth: float, drops: bool) -> list[float]:
    """Describe a guessed change that the scorer weighed.

    Args:
        score: as for `scored_features`.
        forth: as for `scored_features`.
        drops: whether the change drops output columns; of strong generators' faults this is the most frequent
            and the surest to tell.

    Returns:
        One number a feature, in the order of GUESSED.
    """
    return [1.0, score, min(forth, score - forth), float(drops), score if drops else 0.0]


def loses_constants(draft: Examined, candidate: Examined) -> bool:
    """Whether a candidate lacks a constant of the draft's that the question or the evidence spells out: a
    quoted text or a number. Such a candidate answers another question."""
    spelled = _quoted(draft.question) | _quoted(draft.evidence)
    return bool(spelled & (literals(draft) - literals(candidate)))


def is_loose(query: Examined) -> bool:
    """Whether it uses a column whose value is any of a group's: in HAVING, as the order of one row, or in one
    output column with an aggregate, `price / COUNT(*)`."""
    select = _first(query)
    if select is None:
        return False
    group, having, order = (select.args.get(name) for name in ("group", "having", "order"))
    keys = {column.name.lower() for column in group.find_all(exp.Column)} if group is not None else set()
    names = {item.alias.lower() for item in select.expressions if item.alias}

    def is_any(part: exp.Expr | None) -> bool:
        return part is not None and any(
            column.name.lower() not in keys | names
            and column.find_ancestor(exp.AggFunc) is None
            and column.find_ancestor(exp.Select) is select
            for column in part.find_all(exp.Column)
        )

    def aggregates(item: exp.Expr) -> bool:
        return any(
            each.find_ancestor(exp.Select) is select and each.find_ancestor(exp.Window) is None
            for each in item.find_all(exp.AggFunc)
        )

    alone = group is None and any(map(aggregates, select.expressions))
    mixed = any(aggregates(item) and is_any(item) for item in select.expressions)
    return mixed or is_any(having) or (alone and is_any(order))


def _first(query: Examined) -> exp.Select | None:
    """The first SELECT of a query."""
    tree = query.tree
    return tree if isinstance(tree, exp.Select) else tree.find(exp.Select)


def literals(query: Examined) -> set[str]:
    """A query's constants, lower case."""
    return {str(literal.this).lower() for literal in query.tree.find_all(exp.Literal)}


def _properties(query: Examined) -> dict[str, float]:
    tree = query.tree
    names = {bound.node.name.lower() for bound in query.binding.names.values() if bound.key is not None}
    named = set().union(*(words(name) for name in names)) if names else set()
    own = literals(query)
    select = _first(query)
    columns, schema_words = _schema_names(query.schema)
    evidence = query.evidence.lower()
    named_there = (
        {name for name in columns if re.search(rf"\b{re.escape(name)}\b", evidence)} if evidence else set()
    )
    return {
        "least-asked": min(query.asked, default=1.0),
        "question-words": _share(words(query.question) & schema_words, named),
        "evidence-words": _share(named_there, names),
        "evidence-literals": _share(_quoted(query.evidence), own),
        "question-literals": _share(_quoted(query.question), own),
        "tables": float(sum(1 for scope in query.binding.scopes for _ in scope.sources)),
        "select-items": float(len(select.expressions) if select is not None else 0),
        "conditions": float(sum(1 for _ in tree.find_all(*_CONDITIONS))),
        "subqueries": float(len(query.binding.scopes) - 1),
        "limit": float(tree.find(exp.Limit) is not None),
        "distinct": float(select is not None and select.args.get("distinct") is not None),
        "group": float(tree.find(exp.Group) is not None),
        "nested-extreme": float(_nested_extreme(tree)),
        "length": len(query.text(tree)) / 200.0,
    }


def _schema_names(schema: Schema) -> tuple[frozenset[str], frozenset[str]]:
    """A schema's column names, lower case, and the words in them."""
    columns = frozenset(column.name.lower() for _, column in schema.columns() if len(column.name) > 1)
    return columns, frozenset().union(*(words(name) for name in columns))


@lru_cache(maxsize=1024)
def _quoted(text: str) -> frozenset[str]:
    """Values that a text quotes, and its numbers, lower case."""
    quoted = re.findall(r"['\"\u2018\u201c]([^'\"\u2019\u201d]{1,60})['\"\u2019\u201d]", text)
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", text)
    return frozenset((*(value.lower() for value in quoted), *numbers))


def _share(wanted: set[str] | frozenset[str], have: set[str]) -> float:
    return sum(name in have for name in wanted) / len(wanted) if wanted else 1.0


def _nested_extreme(tree: exp.Query) -> bool:
    """`x = (SELECT MAX(x) …)`, as opposed to ORDER BY … LIMIT 1."""
    return any(
        isinstance(node.parent, exp.Select) and isinstance(node.parent.parent, exp.Subquery)
        for node in tree.find_all(exp.Max, exp.Min)
    )
