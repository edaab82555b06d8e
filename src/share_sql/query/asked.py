"""Which of a query's output columns does the question ask for?

Generators often select the sort key or a count along with what was asked ("which team has the most
players" → `name, COUNT(*)`). Each output column is described by the features below; a logistic model over
them, fitted by `share calibrate` on real drafts against gold, gives the probability that it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sqlglot import exp

from share_sql.sql.written import plain_sql

_WORD = re.compile(r"[A-Za-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_STOP = frozenset((
    "the", "a", "an", "of", "in", "on", "at", "to", "for", "and", "or", "is", "are", "was", "were",
    "be", "been", "with", "by", "from", "as", "that", "which", "who", "whom", "whose", "what",
    "when", "where", "how", "many", "much", "do", "does", "did", "have", "has", "had", "their",
    "its", "his", "her", "it", "they", "all", "each", "every", "any", "there", "this", "those",
    "these", "list", "give", "show", "tell", "find", "please", "state", "refers",
))  # fmt: skip

_COUNT = re.compile(
    r"\b(?:how many|number|numbers|count|counts|how much|total|amount|times|frequency|occurrences?)\b"
)
_MOST_NUMBER = re.compile(
    r"\b(?:most|least|highest|lowest|largest|smallest|greatest|fewest|maximum|minimum|max|min|top|biggest)\s+"
    r"(?:\w+\s+)?(?:number|amount|count|total|numbers)\b"
)
_AGG_WORDS: Mapping[str, re.Pattern[str]] = {
    "sum": re.compile(r"\b(?:total|sum|overall|altogether|combined|how much|how many|amount)\b"),
    "avg": re.compile(r"\b(?:average|mean|avg|averaged?)\b"),
    "max": re.compile(
        r"\b(?:maximum|max|highest|largest|most|greatest|biggest|latest|oldest|longest|best|top)\b"
    ),
    "min": re.compile(
        r"\b(?:minimum|min|lowest|smallest|least|fewest|earliest|youngest|shortest|cheapest)\b"
    ),
    "count": _COUNT,
}
_LEADING_ASK = re.compile(
    r"\b(?:how many|how much|what (?:is|are|was|were) (?:the|their|its)|along with|as well as|together with|"
    r"and (?:the|their|its|how)|with (?:the|their|its)|including|indicate|state|calculate|provide|"
    r"for each|for every)\b"
)

_MORE = re.compile(
    r"\b(?:also|too|as well|along with|together with|include[sd]?|including|besides?|next to|in addition"
    r"|additionally|plus|alongside|accompanied|how often|how frequently|how many times|columns?"
    r"|calculate|compute|(?:with|and|give|show|list|return) (?:the |its |their |his |her |that )?"
    r"(?:number|count|total|amount|how|frequency))\b",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"[.?!]\s+(?:and |also |then |please )?(?:what|which|who|whose|how|when|where|why|list|give"
    r"|show|state|provide|indicate|find|tell|name|return|describe|calculate|identify|mention|is|are|was|were|do|does|did)\b",
    re.IGNORECASE,
)

FEATURES = (
    "bias", "aggregate", "count", "sort-key", "sort-key-limit", "first", "last", "items-3+", "named",
    "named-part", "unnamed", "evidence-named", "agg-word", "agg-no-word", "count-only-superlative",
    "superlative-limit", "id", "group-key", "each", "how-many", "and", "how-many-agg", "filter-key",
    "other-named", "alias-named", "expression",
)  # fmt: skip
"""Names of the features, in the order of the weights."""


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A crude English stem: enough to match `cities` with `city` and `named` with `name`."""
    word = word.lower()
    for ending, new in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + new
            break
    return word.rstrip("e") or word


@lru_cache(maxsize=16_384)
def words(text: str) -> frozenset[str]:
    """Stems of a text's content words; identifiers are split at underscores and capitals."""
    found = _WORD.findall(_CAMEL.sub(" ", text.replace("_", " ")))
    return frozenset(stem(word) for word in found if word.lower() not in _STOP)


def asks_for_more(question: str) -> bool:
    """Whether a question has words that ask for something beside what it names first, as "also" or "and the
    number of". Such a question is not known well enough to take a column away."""
    return _MORE.search(question) is not None


def asks_twice(question: str) -> bool:
    """Whether a question has several sentences that ask: each may be for a column of its own."""
    return _AGAIN.search(question) is not None


def select_features(tree: exp.Select, question: str, evidence: str) -> list[list[float]]:
    """Describe each output column of the outermost SELECT.

    Args:
        tree: the SELECT.
        question: the question.
        evidence: outside knowledge; may be empty.

    Returns:
        For each item of the select list a row of len(FEATURES) numbers.
    """
    lower = question.lower()
    asked = words(question)
    evidence_words = words(evidence)
    order = tree.args.get("order")
    sort_keys = {_text(key.this) for key in order.expressions} if order is not None else set()
    group = tree.args.get("group")
    group_keys = {_text(key) for key in group.expressions} if group is not None else set()
    where = tree.args.get("where")
    filter_keys = (
        {column.name.lower() for column in where.find_all(exp.Column)} if where is not None else set()
    )
    limited = tree.args.get("limit") is not None
    items = list(tree.expressions)
    named = [_named(_value(item), asked) for item in items]
    rows = []
    for at, item in enumerate(items):
        value = _value(item)
        aggregate = value.find(exp.AggFunc)
        kind = type(aggregate).__name__.lower() if aggregate is not None else ""
        is_count = kind == "count"
        sort_key = bool(
            {_text(value), item.alias.lower() if isinstance(item, exp.Alias) else "\0"} & sort_keys
        )
        sort_key = sort_key or str(at + 1) in sort_keys
        share = named[at]
        pattern = _AGG_WORDS.get(kind)
        heard = bool(pattern and pattern.search(_MOST_NUMBER.sub(" ", lower) if is_count else lower))
        column = value.name.lower() if isinstance(value, exp.Column) else ""
        features = {
            "bias": 1.0,
            "aggregate": bool(kind),
            "count": is_count,
            "sort-key": sort_key,
            "sort-key-limit": sort_key and limited,
            "first": at == 0,
            "last": at == len(items) - 1,
            "items-3+": len(items) >= 3,
            "named": share >= 0.99,
            "named-part": 0 < share < 0.99,
            "unnamed": share == 0 and not is_count,
            "evidence-named": bool(evidence) and _named(value, evidence_words) >= 0.99,
            "agg-word": bool(kind) and heard,
            "agg-no-word": bool(kind) and not heard,
            "count-only-superlative": is_count and bool(_MOST_NUMBER.search(lower)) and not heard,
            "superlative-limit": sort_key and limited and bool(kind),
            "id": bool(column) and (column == "id" or column.endswith(("_id", "id", "code"))),
            "group-key": _text(value) in group_keys,
            "each": bool(re.search(r"\b(?:each|every|per|by)\b", lower)),
            "how-many": bool(re.search(r"\bhow (?:many|much)\b", lower)),
            "and": bool(_LEADING_ASK.search(lower)),
            "how-many-agg": bool(kind) and bool(re.match(r"\W*how (?:many|much)\b", lower)),
            "filter-key": bool(column) and column in filter_keys,
            "other-named": max((n for i, n in enumerate(named) if i != at), default=0.0) >= 0.99,
            "alias-named": isinstance(item, exp.Alias)
            and bool(words(item.alias) and words(item.alias) <= asked),
            "expression": not isinstance(value, exp.Column) and not kind,
        }
        rows.append([float(features[name]) for name in FEATURES])
    return rows


def _value(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Alias) else item


def _text(node: exp.Expr) -> str:
    """Text that equal expressions share, whatever their qualifiers and case."""
    if isinstance(node, exp.Column):
        return str(node.name).lower()
    return re.sub(r"\b\w+\.", "", plain_sql(node)).lower().replace('"', "").replace("`", "")


def _named(value: exp.Expr, asked: frozenset[str]) -> float:
    """Share of the words in the expression's column names that the text has, 0 to 1."""
    names: set[str] = set()
    for column in value.find_all(exp.Column):
        names |= words(column.name)
    if not names:
        return 0.0
    return sum(name in asked for name in names) / len(names)
