"""Changes of what a query gives: its output columns, DISTINCT, counts and aggregates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise

from sqlglot import exp

from share_sql.edits.edit import Edit, changed, plain_item, put, without_items
from share_sql.edits.likely import column_of, named_share, other_columns, scope_of
from share_sql.query.asked import asks_for_more, words
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Scope

_DIFFERENT = re.compile(
    r"\b(?:how many|number of|count(?: the)?)\s+(?:\w+\s+)?(?:different|distinct|unique)\b"
)
_COUNTED = re.compile(r"\b(?:how many|number|count|times|total)\b", re.IGNORECASE)
_ONE_TEXT = re.compile(
    r"\b(?:(?:as|in) one|one (?:column|field|text|string|value|line|name)|single|combin\w+|concat\w*|joined"
    r"|merge\w*|together|string|text|format\w*|separated|followed by|space|comma|hyphen|dash|including"
    r"|(?:pre|suf)fix\w*|column called|labell?ed)\b",
    re.IGNORECASE,
)
"""Words that ask for several things as one text."""
_FULL_NAME = re.compile(r"\bfull names?\b", re.IGNORECASE)
"""BIRD's gold selects the parts of a full name as columns of their own (its train part: 368 of 369)."""
_EXPRESSION = re.compile(r"\|\||\bconcat|\bcombin|\w\s*\+\s*\w|&|' '", re.IGNORECASE)
"""An expression that makes one text, as evidence spells it."""
_OTHERS: dict[type[exp.AggFunc], tuple[type[exp.AggFunc], ...]] = {
    exp.Max: (exp.Min,),
    exp.Min: (exp.Max,),
    exp.Sum: (exp.Avg, exp.Count),
    exp.Avg: (exp.Sum,),
    exp.Count: (exp.Sum,),
}


def concatenations(draft: Examined) -> Iterator[Edit]:
    """`first || ' ' || last` where the evidence or the question lists the columns one by one.

    One text stays one where the question or the evidence asks for it in any words.
    """
    tree = draft.tree
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") is not None:
        return
    if _ONE_TEXT.search(draft.question) or _EXPRESSION.search(draft.evidence):
        return
    for at, item in enumerate(tree.expressions):
        columns = _concatenated(plain_item(item))
        if len(columns) < 2:
            continue
        listed = _lists(draft.evidence, [column.name for column in columns])
        if not listed and not _FULL_NAME.search(draft.question) and not _named_apart(draft.question, columns):
            continue
        kind = "concatenation-listed" if listed else "concatenation"
        names = ", ".join(column.name for column in columns)
        items = tree.expressions
        new = changed(tree, expressions=[*items[:at], *columns, *items[at + 1 :]])
        why = "the evidence lists" if listed else "the question lists"
        yield Edit(kind, f"{why} {names}; they are selected as columns of their own", new)


def _concatenated(value: exp.Expr) -> list[exp.Column]:
    """The columns of a pure concatenation of columns and blanks or commas; empty for anything else."""
    if not isinstance(value, exp.DPipe | exp.Concat | exp.ConcatWs):
        return []
    parts = list(value.flatten()) if isinstance(value, exp.DPipe) else list(value.expressions)
    columns = []
    for part in parts:
        if isinstance(part, exp.Column):
            columns.append(part)
        elif not (isinstance(part, exp.Literal) and re.fullmatch(r"[\s,]*", str(part.this))):
            return []
    return columns


def _lists(text: str, names: list[str]) -> bool:
    """Whether a text has the names side by side, as a list has them."""
    between = r"[`\"')\]]*\s*(?:,|;|&|\band\b)[\s`\"'(\[]*(?:and\b[\s`\"'(\[]*)?(?:\w+\.)?[`\"'\[]*"
    return any(
        re.search(rf"(?<!\w){between.join(map(_spelled, order))}(?!\w)", text, re.IGNORECASE)
        for order in (names, names[::-1])
    )


def _spelled(name: str) -> str:
    """A pattern of a name, with blanks for its underscores too."""
    return re.escape(name).replace("_", "[_ ]")


def _named_apart(question: str, columns: list[exp.Column]) -> bool:
    """Whether a question names each column by words of its own, with a comma or "and" between."""
    named = [words(column.name) for column in columns]
    shared = frozenset.intersection(*named)
    places = []
    for own in named:
        at = [match for match in re.finditer(r"\w+", question) if words(match[0]) & (own - shared)]
        if not at:
            return False
        places.append((at[0].start(), at[0].end()))
    places.sort()
    gaps = (question[end:start] for (_, end), (start, _) in pairwise(places))
    return all(re.search(r",|&|\band\b", gap) for gap in gaps)


def unasked(draft: Examined) -> Iterator[Edit]:
    """Drop the output column that the question asks for least, where that is near certain.

    How likely a column is asked for, and the probability below which it is dropped, say the judge's weights.
    """
    tree, model = draft.tree, draft.context.asked
    if not isinstance(tree, exp.Select) or not draft.asked or model is None:
        return
    if asks_for_more(draft.question):
        return  # what was asked for in any words stays
    if any(item.find(exp.Star) and not item.find(exp.AggFunc) for item in tree.expressions):
        return
    if min(draft.asked) < model.threshold:
        worst = draft.asked.index(min(draft.asked))
        shown = draft.text(plain_item(tree.expressions[worst]))
        message = f"the question does not ask for {shown}; it is no longer selected"
        yield Edit("unasked-column", message, without_items(tree, [worst]))


def distinct_counts(draft: Examined) -> Iterator[Edit]:
    """ "How many different X": the one COUNT of a column becomes COUNT(DISTINCT …)."""
    tree = draft.tree
    if not _DIFFERENT.search(draft.question.lower()) or not isinstance(tree, exp.Select):
        return
    if tree.find(exp.Distinct) or tree.find(exp.Group):
        return
    counts = [count for count in tree.find_all(exp.Count) if isinstance(count.this, exp.Column)]
    if len(counts) == 1:
        message = f"the question counts different ones, so {draft.text(counts[0].this)} is counted distinct"
        new = put(draft, counts[0].this, exp.Distinct(expressions=[counts[0].this.copy()]))
        yield Edit("count-distinct", message, new)


def output_edits(draft: Examined) -> Iterator[Edit]:
    """Edits of the outermost SELECT's list, and of DISTINCT and aggregates anywhere."""
    tree = draft.tree
    if isinstance(tree, exp.Select):
        yield from _dropped(draft, tree)
        yield from _distinct(tree)
        yield from _replaced(draft, tree)
        yield from _added(draft, tree)
        if len(tree.expressions) == 2:
            turned = changed(tree, expressions=tree.expressions[::-1])
            yield Edit("select-order", "its two output columns change places", turned)
    yield from _counts(draft)
    yield from _aggregates(draft)


def _dropped(draft: Examined, tree: exp.Select) -> Iterator[Edit]:
    """One output column fewer, the one that is asked for least first; then two of the least asked for."""
    items = tree.expressions
    if len(items) < 2:
        return
    least = (
        sorted(range(len(items)), key=lambda at: draft.asked[at]) if draft.asked else list(range(len(items)))
    )
    dropped = [(at,) for at in least[:4]]
    pairs = combinations(least[:3], 2) if len(items) > 2 else ()
    for places in (*dropped, *pairs):
        shown = " and ".join(draft.text(items[at]) for at in places)
        message = f"{shown} {'is' if len(places) == 1 else 'are'} no longer selected"
        yield Edit("select-drop", message, without_items(tree, places))


def _distinct(tree: exp.Select) -> Iterator[Edit]:
    if tree.args.get("distinct") is not None:
        yield Edit("distinct-drop", "repeated rows are kept", changed(tree, distinct=None))
    elif tree.args.get("group") is None and not all(_is_total(item) for item in tree.expressions):
        yield Edit("distinct-add", "repeated rows are dropped", tree.distinct())


def _is_total(item: exp.Expr) -> bool:
    return item.find(exp.AggFunc) is not None


def _replaced(draft: Examined, tree: exp.Select) -> Iterator[Edit]:
    """Another column in an output column's place, but none that the same item computes with already."""
    scope = scope_of(draft, tree)
    if scope is None:
        return
    chosen = {item.sql().lower() for item in tree.expressions}
    columns = [(item, column) for item in tree.expressions for column in item.find_all(exp.Column)]
    for item, column in columns[:6]:
        bound = draft.binding.names.get(id(column))
        if bound is None or bound.key is None or bound.scope is not scope:
            continue
        inside = column.find_ancestor(exp.AggFunc) is not None
        named = named_share(column.name, draft.question, draft.evidence)
        like = bound.key if inside else None
        beside = {other.name.lower() for other in item.find_all(exp.Column) if other is not column}
        for other in other_columns(draft, scope, like=like, least=max(0.5, named), most=4):
            same = (other.name.lower(), other.table.lower()) == (column.name.lower(), column.table.lower())
            if same or other.sql().lower() in chosen or other.name.lower() in beside:
                continue
            new = put(draft, column, other)
            yield Edit("select-column", f"{other.sql()} is selected in place of {column.sql()}", new)


def _added(draft: Examined, tree: exp.Select) -> Iterator[Edit]:
    """One output column more: one that the question names, or a count where it asks for a number."""
    scope = scope_of(draft, tree)
    if scope is None or len(tree.expressions) > 4:
        return
    aggregated = any(_is_total(item) for item in tree.expressions)
    grouped = tree.args.get("group") is not None
    chosen = {column.name.lower() for item in tree.expressions for column in item.find_all(exp.Column)}
    if grouped and not aggregated and _COUNTED.search(draft.question):
        new = changed(tree, expressions=[*tree.expressions, exp.Count(this=exp.Star())])
        yield Edit("select-add", "COUNT(*) is selected too", new)
    if aggregated and not grouped:
        return
    for other in other_columns(draft, scope, least=0.99, most=4):
        if other.name.lower() in chosen or not words(other.name):
            continue
        for items in ([*tree.expressions, other], [other, *tree.expressions]):
            yield Edit("select-add", f"{other.sql()} is selected too", changed(tree, expressions=items))


def _counts(draft: Examined) -> Iterator[Edit]:
    """COUNT of rows, of values, of different values."""
    for count in list(draft.tree.find_all(exp.Count))[:2]:
        inner = count.this
        if isinstance(inner, exp.Distinct):
            new = put(draft, count, exp.Count(this=inner.expressions[0].copy()))
            yield Edit("count-plain", "it counts repeated values too", new)
        elif isinstance(inner, exp.Column):
            yield _different(draft, count, inner)
        elif isinstance(inner, exp.Star):
            scope = scope_of(draft, count.find_ancestor(exp.Select))
            keys = (
                [*_keys(scope, draft.schema.dialect), *other_columns(draft, scope, most=2)]
                if scope is not None
                else []
            )
            for key in keys[:4]:
                yield _different(draft, count, key)


def _different(draft: Examined, count: exp.Count, column: exp.Column) -> Edit:
    new = put(draft, count, exp.Count(this=exp.Distinct(expressions=[column.copy()])))
    return Edit("count-different", f"it counts different {column.sql()}", new)


def _keys(scope: Scope, dialect: str) -> list[exp.Column]:
    """The primary keys of a scope's tables, of one column each, where it has several tables."""
    if len(scope.sources) < 2:
        return []
    found = []
    for source in scope.sources:
        keys = [column.name for column in source.table.columns if column.primary_key] if source.table else []
        if len(keys) == 1:
            found.append(column_of(source, keys[0], dialect))
    return found


def _aggregates(draft: Examined) -> Iterator[Edit]:
    """Another aggregate."""
    for node in list(draft.tree.find_all(*_OTHERS))[:3]:
        if not isinstance(node.this, exp.Column):
            continue
        for other in _OTHERS[type(node)]:
            new = put(draft, node, other(this=node.this.copy()))
            yield Edit("aggregate", f"{other.sql_name()} in place of {node.sql_name()}", new)
