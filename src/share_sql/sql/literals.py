"""Comparisons of columns with constants, read off a resolved query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import Bound

_OPERATORS: Final[dict[type, str]] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "is",
    exp.NullSafeNEQ: "is not",
    exp.Is: "is",
}
_PATTERNS: Final[dict[type, str]] = {exp.Like: "like", exp.ILike: "ilike", exp.Glob: "glob"}
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

_COMPARISONS: Final = frozenset({*_OPERATORS, *_PATTERNS, exp.In, exp.Between, exp.Case})


@dataclass(frozen=True)
class LiteralUse:
    """A comparison of a schema column with a constant."""

    table: str
    """The column's own table, through aliases and derived tables, as the schema spells it."""
    column: str
    op: str
    """`=`, `!=`, `<`, `<=`, `>`, `>=`, `is`, `is not`, `[not] like`, `[not] glob`, `[not] in`,
    `[not] between`; read from the column's side (`5 < x` is `>`). IN and BETWEEN give one use a constant."""
    value: str | int | float
    """The constant; text without its quotes."""
    node: exp.Expr | None = field(default=None, repr=False, compare=False)
    """The constant's place in the tree, for repairs."""


def literal_uses(resolution: Resolution) -> tuple[LiteralUse, ...]:
    """Find the constants that schema columns are compared with.

    Args:
        resolution: of the query.

    Returns:
        One use a constant, in reading order. A column inside a function or a sum is not the column:
        its constants are left out.
    """
    names = resolution.names

    def use(left: exp.Expr, op: str, right: exp.Expr) -> Iterator[LiteralUse]:
        name, constant = names.get(id(_bare(left))), _bare(right)
        value = _constant(constant, names)
        if name is not None and name.origin is not None and value is not None:
            yield LiteralUse(name.origin.table, name.origin.column, op, value, constant)

    def uses(node: exp.Expr, negated: bool) -> Iterator[LiteralUse]:
        kind = type(node)
        if kind is exp.Case:
            for branch in node.args["ifs"] if node.this is not None else ():
                yield from use(node.this, "=", branch.this)
            return
        if kind not in _OPERATORS:
            op, constants = _PATTERNS.get(kind, ""), [node.expression]
            if kind is exp.In:
                op, constants = "in", node.expressions
            elif kind is exp.Between:
                op, constants = "between", [node.args["low"], node.args["high"]]
            for constant in constants:
                yield from use(node.this, f"not {op}" if negated or node.args.get("negate") else op, constant)
            return
        op = _OPERATORS[kind]
        if kind is exp.Is and (negated or node.args.get("negate")):
            op = "is not"
        left, right = _bare(node.this), _bare(node.expression)
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = list(zip(left.expressions, right.expressions, strict=False))
        else:
            pairs = [(left, right)]
        for one, other in pairs:
            yield from use(one, op, other)
            yield from use(other, _FLIPPED.get(op, op), one)

    nodes = resolution.tree.dfs() if resolution.tree is not None else ()
    return tuple(
        found
        for node in nodes
        if type(node) in _COMPARISONS
        for found in uses(node, type(node.parent) is exp.Not)
    )


def _bare(node: exp.Expr) -> exp.Expr:
    """Without parentheses and COLLATE."""
    while isinstance(node, exp.Paren | exp.Collate):
        node = node.this
    return node


def _constant(node: exp.Expr, names: Mapping[int, Bound]) -> str | int | float | None:
    """The value of a constant; None where the node is none, or is NULL."""
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else _number(node.name)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        number = _number(node.this.name)
        return -number if number is not None else None
    if isinstance(node, exp.Boolean):
        return int(node.this)
    name = names.get(id(node))
    return name.column if name is not None and name.status == "text" else None


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        # `1_000`, `1.` and the like never come here; a dialect's own notation is no number to us.
        return None
