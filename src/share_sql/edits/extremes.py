"""First rows that are not what was asked for: no value, numbers sorted as texts, a LIMIT too many.

SQLite sorts NULL before any value and text by its characters (sqlite.org/datatype3.html#sort_order). Each
kind is proved by running a query beside the draft.
"""

from __future__ import annotations

import re

from sqlglot import exp

from share_sql.edits.edit import Edit, changed, edited, plain_item, put
from share_sql.errors import QueryError
from share_sql.query.asked import words
from share_sql.query.examined import Examined
from share_sql.requests import Steps, query
from share_sql.sql.scopes import Bound
from share_sql.sql.text import parse_select

_LOWEST = (
    r"lowest|least|smallest|fewest|shortest|youngest|oldest|earliest|cheapest|lightest|slowest|fastest|quickest|"
    r"minimum|min|worst|best|nearest|closest|narrowest|thinnest|weakest|poorest|newest|latest|tiniest|leanest"
)
_LOW = re.compile(rf"\b(?:{_LOWEST})\b", re.IGNORECASE)
"""What asks for the row with the extreme; "the first three" only asks for the beginning of an order."""
_SUPERLATIVE = re.compile(
    rf"\b(?:{_LOWEST}|most|highest|largest|greatest|biggest|longest|heaviest|tallest|dearest|priciest|top|"
    r"maximum|max|deepest|widest|strongest|hottest|coldest|richest)\b",
    re.IGNORECASE,
)
_NO_AMOUNT = words("version release build code zip postcode phone number")
"""Columns whose texts are no amounts though they look like numbers: version 1.10 comes after 1.9."""
_TEXT = re.compile(r"char|text|clob|string|^$", re.IGNORECASE)
_NO_NUMBER = """SELECT 1 FROM t WHERE NOT x IS NULL AND (TYPEOF(x) <> 'text' OR x GLOB '*[^0-9.-]*'
    OR x GLOB '?*-*' OR x GLOB '*.*.*' OR NOT x GLOB '*[0-9]*') LIMIT 1"""
_FRACTION = "SELECT 1 FROM t WHERE x GLOB '*.*' LIMIT 1"
_NO_VALUE = re.compile(r"\b(?:unknown|missing|null|empty|undefined|blank|without|no value)\b", re.IGNORECASE)
"""Words that speak of rows without a value: these may be asked for."""
_ALL = re.compile(r"\b(?:all|every|each|complete list|full list|everything|any)\b", re.IGNORECASE)
_SOME = re.compile(
    r"\b(?:top|first|last|some|samples?|examples?|few|several|couple|limit(?:ed)?|at most|up to|only|one|"
    r"a single|random(?:ly)?|preview|any|most|least|\w{3,}est|best|worst|two|three|four|five|six|seven|eight|"
    r"nine|ten|dozen|twenty|fifty|hundred)\b",
    re.IGNORECASE,
)


def null_extremes(draft: Examined) -> Steps[list[Edit]]:
    """`ORDER BY x LIMIT 1` gives a row without x: it is not the lowest one."""
    tree, found = draft.tree, _first_key(draft)
    if found is None or not isinstance(tree, exp.Select) or tree.args.get("distinct") is not None:
        return []
    key, limit = found
    if key.args.get("desc") or not _LOW.search(draft.question) or _NO_VALUE.search(draft.question):
        return []
    value = key.this
    probe = changed(tree, expressions=[_written_out(draft, value)], limit=limit)
    outcome = yield from query(draft.text(probe))
    if isinstance(outcome, QueryError) or not any(row[0] is None for row in outcome.rows):
        return []
    shown = draft.text(value)
    message = f"the first rows have no {shown}, which is not the lowest; rows without it are left out"
    bound = draft.binding.names.get(id(value))
    if bound is not None and bound.key is not None:
        new: exp.Query = tree.where(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
    else:
        new = edited(draft, key, lambda old: old.set("nulls_first", False))
    return [Edit("null-extreme", message, new)]


def text_numbers(draft: Examined) -> Steps[list[Edit]]:
    """`ORDER BY x DESC LIMIT 1` or `MAX(x)` over texts that are all numbers: '98' comes before '204'."""
    if not _SUPERLATIVE.search(draft.question):
        return []
    found = _first_key(draft)
    places = [found[0].this] if found is not None else []
    places += [function.this for function in draft.tree.find_all(exp.Max, exp.Min)]
    edits = []
    for place in places:
        bound = draft.binding.names.get(id(place))
        if bound is None or bound.key is None or not _is_text(bound) or words(bound.node.name) & _NO_AMOUNT:
            continue
        others = yield from query(_one_like(_NO_NUMBER, bound.key, draft.schema.dialect))
        if isinstance(others, QueryError) or others.rows:
            continue
        parts = yield from query(_one_like(_FRACTION, bound.key, draft.schema.dialect))
        whole = not isinstance(parts, QueryError) and not parts.rows
        number = exp.Cast(this=place.copy(), to=exp.DataType.build("INTEGER" if whole else "REAL"))
        new = put(draft, place, number)
        after = yield from query(draft.text(new))
        if isinstance(after, QueryError) or after.rows == draft.rows:
            continue
        if all(
            _as_number(one) == _as_number(other)
            for one, other in zip(after.rows, draft.rows or (), strict=False)
        ):
            continue
        message = f"{draft.text(place)} holds numbers written as text; they are compared as numbers"
        edits.append(Edit("text-number", message, new))
    return edits


def unasked_limits(draft: Examined) -> Steps[list[Edit]]:
    """A LIMIT without an order where all rows are asked for, and no number of them."""
    tree = draft.tree
    limit = tree.args.get("limit")
    if limit is None or tree.args.get("order") is not None or tree.args.get("offset") is not None:
        return []
    count = limit.expression
    if not isinstance(tree, exp.Select) or not isinstance(count, exp.Literal) or not count.is_int:
        return []
    asked = f"{draft.question} {draft.evidence}"
    rest = _ALL.sub(" ", asked)
    if not _ALL.search(draft.question) or _SOME.search(rest) or re.search(rf"\b{count.this}\b", asked):
        return []
    new = put(draft, limit, None)
    outcome = yield from query(draft.text(new))
    if isinstance(outcome, QueryError) or len(outcome.rows) <= len(draft.rows or ()):
        return []
    message = f"all are asked for; LIMIT {count.this} leaves out {len(outcome.rows) - len(draft.rows or ())}"
    return [Edit("limit-unasked", message, new)]


def _first_key(draft: Examined) -> tuple[exp.Expr, exp.Expr] | None:
    """First sort key and LIMIT of a query that gives its first rows."""
    order, limit = draft.tree.args.get("order"), draft.tree.args.get("limit")
    if order is None or limit is None or not draft.runs or draft.tree.args.get("offset") is not None:
        return None
    return order.expressions[0], limit


def _written_out(draft: Examined, value: exp.Expr) -> exp.Expr:
    """A sort key as it can be selected: the result column that a name stands for."""
    bound = draft.binding.names.get(id(value))
    if bound is not None and bound.result is not None and bound.result.item is not None:
        return plain_item(bound.result.item)
    if isinstance(value, exp.Literal) and value.is_int and 0 < int(value.this) <= len(draft.tree.expressions):
        return plain_item(draft.tree.expressions[int(value.this) - 1])
    return value


def _is_text(bound: Bound) -> bool:
    column = bound.table.column(bound.node.name) if bound.table is not None else None
    return column is not None and bool(_TEXT.search(column.type))


def _one_like(sql: str, key: tuple[str, str], dialect: str) -> str:
    """The SQL with a table and column in the place of t and x."""
    select = parse_select(sql, dialect)
    for column in list(select.find_all(exp.Column)):
        column.set("this", exp.to_identifier(key[1], quoted=True))
    select.args["from_"].set("this", exp.Table(this=exp.to_identifier(key[0], quoted=True)))
    return select.sql(dialect=dialect)


def _as_number(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row with its texts as numbers where they are some: 7.0 and '7' are one value."""
    found: list[object] = []
    for value in row:
        try:
            found.append(float(value) if isinstance(value, str | int | float) else value)
        except ValueError:
            found.append(value)
    return tuple(found)
