"""First rows that are not what was asked for: no value, numbers sorted as texts, a LIMIT too many.

Where NULL comes first differs by dialect (sqlglot notes it with each sort key); text is sorted by its
characters in all. Each kind is proved by running a query beside the draft.
"""

from __future__ import annotations

import re

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, changed, edited, plain_item, put
from share_sql.edits.stored import ANY_DIGIT, LATE_MINUS, OTHER_SIGN, POINT, TWO_POINTS, is_text, matches
from share_sql.errors import QueryError
from share_sql.query.asked import words
from share_sql.query.examined import Examined
from share_sql.query.named import column_node, table_node
from share_sql.query.null_order import nulls_come_first
from share_sql.requests import Steps, query
from share_sql.sql.scopes import Bound

_LOWEST = (
    r"lowest|least|smallest|fewest|shortest|youngest|oldest|earliest|cheapest|lightest|slowest|fastest|quickest|"
    r"minimum|min|worst|best|nearest|closest|narrowest|thinnest|weakest|poorest|newest|latest|tiniest|leanest"
)
_LOW = re.compile(rf"\b(?:{_LOWEST})\b", re.IGNORECASE)
"""What asks for the row with the extreme; "the first three" only asks for the beginning of an order."""
_HIGHEST = (
    r"most|highest|largest|greatest|biggest|longest|heaviest|tallest|dearest|priciest|top|"
    r"maximum|max|deepest|widest|strongest|hottest|coldest|richest"
)
_HIGH = re.compile(rf"\b(?:{_LOWEST}|{_HIGHEST})\b", re.IGNORECASE)
_SUPERLATIVE = _HIGH
_NO_AMOUNT = words("version release build code zip postcode phone number")
"""Columns whose texts are no amounts though they look like numbers: version 1.10 comes after 1.9."""
_TEXT = re.compile(r"char|text|clob|string|^$", re.IGNORECASE)
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
    asked = _HIGH if key.args.get("desc") else _LOW
    if (
        not nulls_come_first(key, draft.schema.dialect)
        or not asked.search(draft.question)
        or _NO_VALUE.search(draft.question)
    ):
        return []
    value = key.this
    probe = changed(tree, expressions=[_written_out(draft, value)], limit=limit)
    outcome = yield from query(draft.text(probe))
    if isinstance(outcome, QueryError) or not any(row[0] is None for row in outcome.rows):
        return []
    shown = draft.text(value)
    extreme = "highest" if key.args.get("desc") else "lowest"
    message = f"the first rows have no {shown}, which is not the {extreme}; rows without it are left out"
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
        facts = dialect_of(draft.schema.dialect)
        others = yield from query(_some_row(draft, bound.key, _is_no_number(bound.key[1], facts.name)))
        if isinstance(others, QueryError) or others.rows:
            continue
        has_point = matches(column_node(bound.key[1]), POINT, facts.name)
        parts = yield from query(_some_row(draft, bound.key, has_point))
        whole = not isinstance(parts, QueryError) and not parts.rows
        number = exp.Cast(this=place.copy(), to=exp.DataType.build(facts.whole if whole else facts.real))
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


def _some_row(draft: Examined, key: tuple[str, str], condition: exp.Expr) -> str:
    """SQL that gives a row of a table that meets a condition."""
    rows = exp.select(exp.Literal.number(1)).from_(table_node(draft.schema, key[0]))
    return draft.text(rows.where(condition).limit(1))


def _is_no_number(column: str, dialect: str) -> exp.Expr:
    """That a column has a value that is no number written as text."""
    known = is_text(column_node(column), dialect)
    other = [
        *([exp.Not(this=known)] if known is not None else ()),
        *(matches(column_node(column), form, dialect) for form in (OTHER_SIGN, LATE_MINUS, TWO_POINTS)),
        exp.Not(this=matches(column_node(column), ANY_DIGIT, dialect)),
    ]
    given = exp.Not(this=exp.Is(this=column_node(column), expression=exp.Null()))
    return exp.and_(given, exp.or_(*other))


def _as_number(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row with its texts as numbers where they are some: 7.0 and '7' are one value."""
    found: list[object] = []
    for value in row:
        try:
            found.append(float(value) if isinstance(value, str | int | float) else value)
        except ValueError:
            found.append(value)
    return tuple(found)
