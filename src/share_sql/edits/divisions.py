"""Divisions of whole numbers where a ratio is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, plain_item, put
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Bound

_RATIO = re.compile(
    r"\b(?:percent(?:age)?s?|ratios?|rates?|proportion|average|fraction|shares?|per|divide|%)\b|%"
)
_WHOLE = re.compile(
    r"\b(?:whole|integers?|rounded? down|truncate[ds]?|floor|completed|full (?:years?|weeks?|days?|hours?))\b"
)
_INTEGER = re.compile(r"^(?!interval|point)(?:.*int.*|bool.*)$", re.IGNORECASE)
_LONG = re.compile(r"big|int8|numeric|decimal", re.IGNORECASE)
_DEEPEST = 8
"""Derived tables inside each other that a name is followed through."""
_FIRST = (
    exp.Paren,
    exp.Alias,
    exp.Sum,
    exp.Max,
    exp.Min,
    exp.Filter,
    exp.Window,
    exp.Abs,
    exp.Neg,
    exp.Nullif,
)
"""What is whole where the first thing in it is."""


def divisions(draft: Examined) -> Iterator[Edit]:
    """`COUNT(a) / COUNT(b)` truncates where whole numbers divide so; the dividend is cast to a real one."""
    facts = dialect_of(draft.schema.dialect)
    if not facts.whole_division:
        return
    asked = f"{draft.question} {draft.evidence}".lower()
    if not _RATIO.search(asked) or _WHOLE.search(asked):
        return
    for node in draft.tree.find_all(exp.Div):
        if _is_meant(node) or not (_is_integer(draft, node.this) and _is_integer(draft, node.expression)):
            continue
        real = exp.Cast(this=node.this.copy(), to=exp.DataType.build(facts.real))
        message = f"{draft.text(node)} divides integers and truncates; cast to {facts.real}"
        yield Edit("integer-division", message, put(draft, node.this, real))


def _is_meant(node: exp.Div) -> bool:
    """Whether a whole quotient is on purpose: the key of a group, as `year / 10 * 10`, or cast to one."""
    if node.find_ancestor(exp.Group) is not None:
        return True
    cast = node.find_ancestor(exp.Cast, exp.Select)
    if isinstance(cast, exp.Cast) and _INTEGER.match(cast.to.sql()):
        return True
    select = node.find_ancestor(exp.Select)
    group = select.args.get("group") if select is not None else None
    if select is None or group is None:
        return False
    keys = {key.sql().lower() for key in group.expressions}
    for at, item in enumerate(select.expressions):
        value = plain_item(item)
        if {value.sql().lower(), item.alias.lower(), str(at + 1)} & keys and node in value.find_all(exp.Div):
            return True
    return any(
        isinstance(ancestor, exp.Expr) and ancestor.sql().lower() in keys for ancestor in _around(node)
    )


def _around(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None and not isinstance(node, exp.Select):
        yield node
        node = node.parent


def _is_integer(draft: Examined, node: exp.Expr | None, depth: int = 0) -> bool:
    """Whether an expression is certain to be an integer."""
    if (
        isinstance(node, exp.Sum)
        and not dialect_of(draft.schema.dialect).long_sums
        and _is_long(draft, node.this)
    ):
        return False
    if isinstance(node, _FIRST):
        return _is_integer(draft, node.this, depth)
    if isinstance(node, exp.Count | exp.Length | exp.RowNumber | exp.Rank | exp.DenseRank):
        return True
    if isinstance(node, exp.Literal):
        return node.is_int
    if isinstance(node, exp.Distinct):
        return _is_integer(draft, node.expressions[0], depth)
    if isinstance(node, exp.Column):
        bound = draft.binding.names.get(id(node))
        return bound is not None and _is_whole_column(draft, bound, depth)
    if isinstance(node, exp.Cast):
        return bool(_INTEGER.match(node.to.sql()))
    if isinstance(node, exp.Coalesce):
        return all(_is_integer(draft, value, depth) for value in (node.this, *node.expressions))
    if isinstance(node, exp.Case):
        results = [branch.args["true"] for branch in node.args["ifs"]]
        default = node.args.get("default")
        results += [default] if default is not None else []
        values = [result for result in results if not isinstance(result, exp.Null)]
        return all(_is_integer(draft, value, depth) for value in values)
    if isinstance(node, exp.If):
        branches = [node.args.get("true"), node.args.get("false")]
        return all(branch is not None and _is_integer(draft, branch, depth) for branch in branches)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _is_integer(draft, node.this, depth) and _is_integer(draft, node.expression, depth)
    if isinstance(node, exp.Subquery):
        query = node.this
        return (
            isinstance(query, exp.Select)
            and len(query.expressions) == 1
            and _is_integer(draft, query.expressions[0], depth)
        )
    return isinstance(node, exp.Predicate | exp.And | exp.Or | exp.Not)


def _is_long(draft: Examined, node: exp.Expr) -> bool:
    """Whether an expression may be one of the longest whole numbers, whose sum is none."""
    if node.find(exp.Count, exp.Sum, exp.Subquery) is not None:
        return True
    for column in node.find_all(exp.Column):
        if (
            column.find_ancestor(exp.If, exp.Sum) is not None
            and column.find_ancestor(exp.Predicate) is not None
        ):
            continue  # in a condition it is no part of what is added
        bound = draft.binding.names.get(id(column))
        found = bound.table.column(column.name) if bound is not None and bound.table is not None else None
        if found is None or _LONG.search(found.type):
            return True
    return False


def _is_whole_column(draft: Examined, bound: Bound, depth: int) -> bool:
    if bound.table is not None:
        column = bound.table.column(bound.node.name)
        return column is not None and bool(column.type) and bool(_INTEGER.match(column.type))
    if depth >= _DEEPEST:
        return False
    if bound.result is not None and bound.result.item is not None:
        return _is_integer(draft, plain_item(bound.result.item), depth + 1)
    source = bound.source
    query = source.cte.node if source is not None and source.cte else source.node if source else None
    query = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(query, exp.Select):
        return False
    values = [
        plain_item(item)
        for item in query.expressions
        if item.alias_or_name.lower() == bound.node.name.lower()
    ]
    return len(values) == 1 and _is_integer(draft, values[0], depth + 1)
