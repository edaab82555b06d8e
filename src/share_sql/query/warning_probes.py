"""Warnings that the data prove: each asks the database a question or two, read-only and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.database.base import Limits
from share_sql.dialects import dialect_of
from share_sql.errors import QueryError
from share_sql.query.named import called, column_node, table_node
from share_sql.query.null_order import nulls_come_first
from share_sql.requests import Steps
from share_sql.requests import query as run

if TYPE_CHECKING:
    from share_sql.database.base import Row
    from share_sql.query.examined import Examined
    from share_sql.sql.scopes import Bound, Scope, Source

_LIMITS = Limits(seconds=3.0, rows=2_000, bytes=4 * 1024 * 1024)
"""What one probe may spend."""
_PAST_CUT = 20
"""Rows looked at beyond LIMIT."""
_MOST_ROWS = 1_000
"""A LIMIT beyond it is not looked at."""
_NUMBER = re.compile(r"\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*\Z")
_TEXT_TYPE = re.compile(r"char|clob|text", re.IGNORECASE)
_INTEGER_TYPE = re.compile(r"int", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """What was seen: in words, where, and what might stand there instead."""

    message: str
    node: exp.Expr | None = None
    """The node at fault; None where it is about the whole query."""
    instead: str = ""
    """SQL for the node's place; empty where nothing is suggested."""


Found = dict[str, Seen]
"""What a probe saw, by kind."""


# -- what LIMIT cuts ---------------------------------------------------------------------------------------


def _cuts(query: Examined) -> Steps[Found]:
    """What is odd about the rows that a LIMIT lets through: a tie at the cut, NULL first, no order at all."""
    found: Found = {}
    dialect = query.schema.dialect
    for select in _limited(query):
        order = select.args.get("order")
        count, skipped = _whole(select.args.get("limit")), _whole(select.args.get("offset")) or 0
        if count is None or not 0 < count <= _MOST_ROWS:
            continue
        if order is None:
            if "limit-unordered" not in found:
                more = yield from _rows(query, _refetched(select, [], count + 1, skipped))
                if len(set(more)) > 1 and len(more) > count:
                    message = f"LIMIT {count} without ORDER BY: which rows come is left to chance"
                    found["limit-unordered"] = Seen(message, select.args["limit"].expression)
            continue
        keys = [_key(select, ordered.this) for ordered in order.expressions]
        if select.args.get("distinct") and any(key not in select.expressions for key in keys):
            continue
        rows = yield from _rows(query, _refetched(select, keys, count + _PAST_CUT, skipped))
        width = len(keys)
        first, cut, past = rows[:1], rows[count - 1 : count], rows[count:]
        for kept in cut:
            tied = [row for row in past if row[-width:] == kept[-width:] and row[:-width] != kept[:-width]]
            if tied and "limit-tie" not in found:
                shown = ", ".join(query.text(ordered.this) for ordered in order.expressions)
                value = _value(kept[-width])
                message = f"LIMIT {count} cuts a tie: the row after it has the same {shown} ({value})"
                found["limit-tie"] = Seen(message, select.args["limit"].expression)
        ordered = order.expressions[0]
        for row in first:
            comes_first = nulls_come_first(ordered, dialect)
            if row[-width] is None and comes_first and "null-first" not in found:
                shown = query.text(ordered.this)
                message = f"NULL sorts first: the first row has no {shown}"
                may_say = isinstance(ordered.this, exp.Column) and dialect_of(dialect).nulls_placed
                way = " DESC" if ordered.args.get("desc") else ""
                last = f"{shown}{way} NULLS LAST" if may_say else ""
                whole = ordered if ordered.args.get("desc") else ordered.this
                found["null-first"] = Seen(message, whole, last)
    return found


def _limited(query: Examined) -> Iterator[exp.Select]:
    """The SELECTs with a LIMIT that can be run on their own."""
    for select in query.tree.find_all(exp.Select):
        if select.args.get("limit") is None:
            continue
        if select is query.tree or (
            query.tree.args.get("with_") is None and not query.binding.correlated(select)
        ):
            yield select


def _refetched(select: exp.Select, keys: Sequence[exp.Expr], count: int, skipped: int) -> exp.Select:
    """The SELECT with its sort keys as last output columns and another LIMIT."""
    copy = select.copy()
    copy.set("expressions", [*copy.expressions, *(key.copy() for key in keys)])
    copy.set("limit", exp.Limit(expression=exp.Literal.number(count)))
    copy.set("offset", exp.Offset(expression=exp.Literal.number(skipped)) if skipped else None)
    return copy


def _key(select: exp.Select, key: exp.Expr) -> exp.Expr:
    """A sort key as an expression: what it stands for where it is a place or an alias in the select list."""
    items = select.expressions
    if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(items):
        return _plain(items[int(key.this) - 1])
    if isinstance(key, exp.Column) and not key.table:
        named = [
            item for item in items if isinstance(item, exp.Alias) and item.alias.lower() == key.name.lower()
        ]
        if named:
            return _plain(named[0])
    return key


def _plain(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Alias) else item


def _whole(clause: exp.Expr | None) -> int | None:
    """The number in LIMIT or OFFSET; None where it is none."""
    value = clause.args.get("expression") if clause is not None else None
    return int(value.this) if isinstance(value, exp.Literal) and value.is_int else None


# -- numbers stored as text --------------------------------------------------------------------------------


def _text_numbers(query: Examined) -> Steps[Found]:
    """A column of text that holds numbers only is sorted, or compared, as text."""
    for bound in query.binding.names.values():
        use = _as_text(bound)
        if use is None or bound.key is None or bound.table is None:
            continue
        column = bound.table.column(bound.key[1])
        if column is None or not (_TEXT_TYPE.search(column.type) or not column.type):
            continue
        source = table_node(query.schema, bound.key[0])
        select = exp.select(column_node(bound.key[1])).distinct().from_(source).limit(1_000)
        rows = yield from _rows(query, select)
        values = [row[0] for row in rows if row[0] not in (None, "")]
        texts = [value for value in values if isinstance(value, str) and _NUMBER.match(value)]
        if len(texts) < 2 or len(texts) < len(values):
            continue
        if sorted(texts) != sorted(texts, key=float):
            shown = query.text(bound.node)
            message = f"{shown} holds numbers as text and is {use} as text: {_example(texts)}"
            return {
                "text-number": Seen(
                    message,
                    bound.node,
                    query.text(exp.cast(bound.node.copy(), dialect_of(query.schema.dialect).real)),
                )
            }
    return {}


def _as_text(bound: Bound) -> str | None:
    """How a column is used where text and numbers differ: sorted, compared; None elsewhere."""
    node, parent = bound.node, bound.node.parent
    if isinstance(parent, exp.Ordered):
        return "sorted"
    if isinstance(parent, exp.Max | exp.Min) and not parent.expressions:
        return "compared"
    if isinstance(parent, exp.GT | exp.GTE | exp.LT | exp.LTE):
        other = parent.expression if parent.this is node else parent.this
        return "compared" if isinstance(other, exp.Literal | exp.Neg) else None
    return "compared" if isinstance(parent, exp.Between) and parent.this is node else None


def _example(texts: Sequence[str]) -> str:
    """Two of the texts whose order as text is not that of the numbers."""
    by_number = sorted(texts, key=float)
    small, large = next((one, other) for one, other in pairwise(by_number) if one > other)
    return f"'{large}' comes before '{small}'"


# -- joins that multiply -----------------------------------------------------------------------------------


def _multiplied(query: Examined) -> Steps[Found]:
    """SUM or AVG of a table's column after a join that repeats its rows."""
    for scope in query.binding.scopes:
        select = scope.select
        if len(scope.sources) < 2 or not isinstance(select, exp.Select) or scope.correlated:
            continue
        if query.tree.args.get("with_") is not None and select is not query.tree:
            continue
        for node, source in _sums(query, scope):
            table = source.table
            if table is None or table.is_view or not table.primary_key:
                continue
            owner = called(source, query.schema.dialect)
            keys = [column_node(name, owner.copy()) for name in table.primary_key]
            copy = exp.select("1").from_(select.args["from_"].this.copy())
            copy.set("joins", [join.copy() for join in select.args.get("joins") or ()])
            copy.set("where", select.args["where"].copy() if select.args.get("where") else None)
            copy.set("with_", query.tree.args["with_"].copy() if query.tree.args.get("with_") else None)
            copy = copy.group_by(*keys).having("COUNT(*) > 1").limit(1)
            group = select.args.get("group")
            for key in group.expressions if group is not None else ():
                copy = copy.group_by(_key(select, key).copy())
            rows = yield from _rows(query, copy)
            if rows:
                shown = query.text(node)
                message = (
                    f"the join repeats rows of {source.name}, so {shown} counts some of them more than once"
                )
                return {"join-multiplies": Seen(message, node)}
    return {}


def _sums(query: Examined, scope: Scope) -> Iterator[tuple[exp.Expr, Source]]:
    """The aggregates of a SELECT that repeated rows change, each with the only source that it reads."""
    for node in scope.select.find_all(exp.Sum, exp.Avg):
        if isinstance(node.this, exp.Distinct) or node.find_ancestor(exp.Select) is not scope.select:
            continue
        bound = [query.binding.names.get(id(column)) for column in _summed(node)]
        sources = {id(each.source): each.source for each in bound if each is not None}
        if len(sources) != 1 or None in bound:
            continue
        source = next(iter(sources.values()))
        if source is None or source.table is None:
            continue
        yield node, source


def _summed(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns whose values an aggregate takes; those in the conditions of a CASE choose rows only."""
    for column in node.find_all(exp.Column):
        child: exp.Expr = column
        while child is not node and not (isinstance(child.parent, exp.If) and child.arg_key == "this"):
            child = child.parent or node
        if child is node:
            yield column


# -- conditions that the data decide -----------------------------------------------------------------------


def _not_in_null(query: Examined) -> Steps[Found]:
    """NOT IN over a subquery that gives a NULL is never true."""
    for node in query.tree.find_all(exp.In):
        inner = node.args.get("query")
        if inner is None or not isinstance(node.parent, exp.Not):
            continue
        select = inner.this if isinstance(inner, exp.Subquery) else inner
        if query.tree.args.get("with_") is not None or query.binding.correlated(select):
            continue
        rows = yield from _rows(query, select)
        if any(None in row for row in rows):
            message = f"the subquery of {query.text(node.this)} NOT IN gives a NULL, so no row passes"
            return {"not-in-null": Seen(message, node.this)}
    return {}


def _unstored(query: Examined) -> Steps[Found]:
    """A column is compared with a value that no row holds."""
    for bound in query.binding.names.values():
        if bound.key is None or bound.table is None:
            continue
        for literal in _equal_literals(bound.node):
            select = exp.select("1").from_(table_node(query.schema, bound.key[0])).limit(1)
            select = select.where(exp.EQ(this=column_node(bound.key[1]), expression=literal.copy()))
            outcome = yield from run(query.text(select), _LIMITS)
            if not isinstance(outcome, QueryError) and not outcome.rows:
                message = f"no row has {query.text(literal)} in {bound.key[0]}.{bound.key[1]}"
                return {"literal-unstored": Seen(message, literal)}
    return {}


def _equal_literals(node: exp.Column) -> list[exp.Literal]:
    parent = node.parent
    if isinstance(parent, exp.EQ):
        options = [parent.expression if parent.this is node else parent.this]
    elif isinstance(parent, exp.In) and parent.this is node:
        options = list(parent.expressions)
    else:
        return []
    return [each for each in options if isinstance(each, exp.Literal)]


def _ungrouped(query: Examined) -> Steps[Found]:
    """A column beside GROUP BY that differs within a group: that of any row is shown."""
    for scope in query.binding.scopes:
        select = scope.select
        group = select.args.get("group")
        if group is None or not isinstance(select, exp.Select) or scope.correlated:
            continue
        if query.tree.args.get("with_") is not None and select is not query.tree:
            continue
        aggregates = list(select.find_all(exp.Max, exp.Min))
        keys = [_key(select, key) for key in group.expressions]
        if aggregates and dialect_of(query.schema.dialect).bare_extremes:
            continue  # they come from the row with the extreme (sqlite.org/quirks.html)
        for item in select.expressions:
            value = _plain(item)
            if not isinstance(value, exp.Column) or value in keys or isinstance(value.this, exp.Star):
                continue
            bound = query.binding.names.get(id(value))
            if bound is None or bound.status != "bound" or _same_column(query, bound, keys):
                continue
            copy = select.copy()
            copy.set("expressions", [exp.Literal.number(1)])
            copy.set("having", None)
            copy.set("order", None)
            copy = copy.having(
                exp.GT(
                    this=exp.Count(this=exp.Distinct(expressions=[value.copy()])),
                    expression=exp.Literal.number(1),
                )
            ).limit(1)
            rows = yield from _rows(query, copy)
            if rows:
                shown = query.text(value)
                message = f"{shown} differs within a group of GROUP BY; the one shown is left to chance"
                return {"group-value": Seen(message, value)}
    return {}


def _same_column(query: Examined, bound: Bound, keys: Sequence[exp.Expr]) -> bool:
    """Whether GROUP BY names the column in another spelling."""
    for key in keys:
        other = query.binding.names.get(id(key))
        if (
            other is not None
            and other.source is bound.source
            and other.column.lower() == bound.column.lower()
        ):
            return True
    return False


def _truncated_ratio(query: Examined) -> Steps[Found]:
    """A division of two integers, where it is cut, that does not come out even."""
    if not dialect_of(query.schema.dialect).whole_division:
        return {}
    for node in query.tree.find_all(exp.Div):
        if not (_is_integer(query, node.this) and _is_integer(query, node.expression)):
            continue
        select = node.find_ancestor(exp.Select)
        if select is not query.tree or node.find_ancestor(exp.Where, exp.Having, exp.Order) is not None:
            continue
        copy = select.copy()
        rest = exp.Mod(this=exp.paren(node.this.copy()), expression=exp.paren(node.expression.copy()))
        copy.set("expressions", [exp.alias_(rest, "rest")])
        for clause in ("order", "limit", "offset", "distinct"):
            copy.set(clause, None)
        rows = yield from _rows(query, copy)
        if any(row[0] not in (None, 0) for row in rows):
            shown = query.text(node)
            message = f"{shown} divides integers: the fraction is cut off"
            return {"division-cut": Seen(message, node)}
    return {}


def _is_integer(query: Examined, node: exp.Expr) -> bool:
    if isinstance(node, exp.Paren | exp.Sum):
        return _is_integer(query, node.this)
    if isinstance(node, exp.Count):
        return True
    if isinstance(node, exp.Literal):
        return node.is_int
    if isinstance(node, exp.Column):
        bound = query.binding.names.get(id(node))
        column = bound.table.column(bound.key[1]) if bound is not None and bound.table and bound.key else None
        return column is not None and bool(_INTEGER_TYPE.search(column.type))
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        return _is_integer(query, node.this) and _is_integer(query, node.expression)
    return False


# -- asking ------------------------------------------------------------------------------------------------


def _rows(query: Examined, select: exp.Expr) -> Steps[list[Row]]:
    """The rows of a probe; none where it fails."""
    outcome = yield from run(query.text(select), _LIMITS)
    return [] if isinstance(outcome, QueryError) else list(outcome.rows)


def _value(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"


PROBES: Mapping[tuple[str, ...], Callable[[Examined], Steps[Found]]] = MappingProxyType(
    {
        ("limit-tie", "null-first", "limit-unordered"): _cuts,
        ("text-number",): _text_numbers,
        ("join-multiplies",): _multiplied,
        ("not-in-null",): _not_in_null,
        ("literal-unstored",): _unstored,
        ("group-value",): _ungrouped,
        ("division-cut",): _truncated_ratio,
    }
)
"""By the kinds that each may see."""
