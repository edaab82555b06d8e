"""An answer of the drafter beside the current query, as numbers: is it better?

How many answers agree says how likely the answer is to be right. That alone is not enough: a small model's
favourite mistakes are as sure as its right answers. So what else tells the two apart is weighed too: what
either names of the question, what is found against either, and whether the answer had to be mended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

from sqlglot import exp

from share_sql.judgement.agreement import Answers
from share_sql.judgement.features import BLAMES, literals, loses_constants
from share_sql.judgement.logistic import logit
from share_sql.query.asked import words
from share_sql.query.examined import Examined

AGREED = (
    "bias", "share", "most",
    "adds-blame", "mends-blame", "abnormal", "own-abnormal", "confidence", "own-confidence",
    "mended", "gains-constant", "one-row",
    "loses-table", "gains-table", "more-tables", "less-tables", "output-words", "other-output-words",
    "words", "other-words", "loose", "more-items", "less-items",
    "outputs-differ", "aggregates-differ", "literals-differ", "distinct", "limit", "group", "set", "subquery",
)  # fmt: skip
"""Features, in the order of the weights. A difference is the answer's less the current query's."""
MOST = 0.75
"""Share of the answers that counts as nearly all."""


def may_act(answers: Answers, current: Examined, other: Examined) -> bool:
    """Whether an answer may replace the current query at all: it gives rows, and other ones; it keeps the
    constants that the question and the evidence spell out, as any rewrite must; and no answer gives the
    current query's rows, which speaks for that one.

    Arguments as `agreed_features`.
    """
    if not current.runs or not other.rows or other.row_set == current.row_set:
        return False
    return not loses_constants(current, other) and not answers.share(current)


def agreed_features(
    answers: Answers,
    current: Examined,
    other: Examined,
    confidences: tuple[float, float],
    mended: Collection[str] = (),
) -> list[float]:
    """Describe an answer that may replace the current query.

    Args:
        answers: all of them.
        current: the draft, or its repair.
        other: the answer.
        confidences: of the current query and of the answer, as they would be without answers, 0 to 1.
        mended: what the answer's repairs are about.

    Returns:
        One number a feature, in the order of AGREED, each from -1 to 1 but for the log-odds.
    """
    share = answers.share(other)
    own_odds, odds = (logit(min(max(each, 0.01), 0.99)) for each in confidences)
    asked = words(current.question) | words(current.evidence)
    lost = set(current.binding.tables) - set(other.binding.tables)
    gained = set(other.binding.tables) - set(current.binding.tables)
    before, after = _outputs(current), _outputs(other)
    named, unnamed = _told(after - before, before - after, asked, 2)
    columns = [{each.column for each in query.binding.columns} for query in (current, other)]
    more, less = _told(columns[1] - columns[0], columns[0] - columns[1], asked, 3)
    items, own_items = len(other.tree.selects), len(current.tree.selects)
    shape, own_shape = _shape(other), _shape(current)
    values = {
        "bias": 1.0,
        "share": share,
        "most": float(share >= MOST),
        "adds-blame": float(bool((other.kinds - current.kinds) & BLAMES)),
        "mends-blame": float(bool((current.kinds - other.kinds) & BLAMES)),
        "abnormal": float(other.is_abnormal),
        "own-abnormal": float(current.is_abnormal),
        "confidence": odds - own_odds,
        "own-confidence": own_odds,
        "mended": float(bool(mended)),
        "gains-constant": float(loses_constants(other, current)),
        "one-row": float(len(other.rows or ()) == 1) - float(len(current.rows or ()) == 1),
        "loses-table": float(any(_is_named(table, asked) for table in lost)),
        "gains-table": float(any(_is_named(table, asked) for table in gained)),
        "more-tables": float(len(gained) > len(lost)),
        "less-tables": float(len(gained) < len(lost)),
        "output-words": named,
        "other-output-words": unnamed,
        "words": more,
        "other-words": less,
        "loose": float(_is_loose(other)) - float(_is_loose(current)),
        "more-items": float(items > own_items),
        "less-items": float(items < own_items),
        "outputs-differ": float(before != after),
        "aggregates-differ": float(_aggregates(current) != _aggregates(other)),
        "literals-differ": float(literals(current) != literals(other)),
        **{name: max(-1.0, min(1.0, shape[name] - own_shape[name])) for name in shape},
    }
    return [values[name] for name in AGREED]


def _told(new: Iterable[str], old: Iterable[str], asked: frozenset[str], scale: int) -> tuple[float, float]:
    """How many more words of the question, and how many more others, new names have than old ones; both
    divided by `scale`, and from -1 to 1."""
    gained, lost = (frozenset(chain.from_iterable(map(words, names))) for names in (new, old))
    hits = len(gained & asked) - len(lost & asked)
    others = len(gained - asked) - len(lost - asked)
    return max(-1.0, min(1.0, hits / scale)), max(-1.0, min(1.0, others / scale))


def _is_named(name: str, asked: frozenset[str]) -> bool:
    """Whether all words of a table's name are the question's."""
    own = words(name)
    return bool(own) and own <= asked


def _outputs(query: Examined) -> set[str]:
    """Names of the columns that stand in the outermost select list."""
    return {column.name.lower() for item in query.tree.selects for column in item.find_all(exp.Column)}


def _aggregates(query: Examined) -> list[str]:
    return sorted(type(each).__name__ for each in query.tree.find_all(exp.AggFunc))


def _shape(query: Examined) -> dict[str, float]:
    select = _first(query)
    args = select.args if select is not None else {}
    return {
        "distinct": float(args.get("distinct") is not None),
        "limit": float(query.tree.args.get("limit") is not None),
        "group": float(args.get("group") is not None),
        "set": float(isinstance(query.tree, exp.SetOperation)),
        "subquery": float(sum(1 for _ in query.tree.find_all(exp.Select)) - 1),
    }


def _is_loose(query: Examined) -> bool:
    """Whether it uses a column whose value is any of a group's: beside HAVING, or as the order of one row."""
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

    alone = group is None and any(item.find(exp.AggFunc) for item in select.expressions)
    return is_any(having) or (alone and is_any(order))


def _first(query: Examined) -> exp.Select | None:
    """The first SELECT of a query."""
    tree = query.tree
    return tree if isinstance(tree, exp.Select) else tree.find(exp.Select)
