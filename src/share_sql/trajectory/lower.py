"""From a chain of actions to the clauses of one SELECT (or a nest of them).

A chain says what is done in order; a SELECT has fixed clauses. As long as an action fits the clauses
that are still free, it fills them; where it would change the meaning (a condition on what a LIMIT kept,
an aggregate over aggregates), what came before becomes a derived table (`Block.inner`).

Rules for what the paper's dialect leaves open, used the same on every database:

- `where` before and after `groupby` filters rows, unless its condition holds an aggregate: then groups.
- `select` of a frame that has selected already replaces the list; names given before are replaced by
  what they stand for.
- `.count()` counts rows; after `.select(x)` it counts x, after `.select(x).distinct()` distinct x; on
  groups or on what a limit kept it counts those, through a derived table.
- a set operation of frames that have not selected yet takes the `select` that follows into each side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from share_sql.errors import CompileError
from share_sql.trajectory import nodes as n
from share_sql.trajectory.usage import columns_used, own_nodes

AGGREGATES = frozenset((
    "count", "sum", "avg", "min", "max", "total", "group_concat", "string_agg", "json_group_array",
    "json_group_object", "median",
    # not SQLite's
    "any_value", "approx_count_distinct", "approx_quantile", "arg_max", "arg_min", "array_agg", "bit_and",
    "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count_if", "count_star", "covar_pop", "covar_samp",
    "every", "first", "grouping", "histogram", "json_agg", "json_arrayagg", "json_object_agg",
    "json_objectagg", "jsonb_agg", "jsonb_object_agg", "kurtosis", "last", "list", "listagg", "logical_and",
    "logical_or", "mad", "max_by", "min_by", "mode", "percentile_cont", "percentile_disc", "product",
    "quantile", "quantile_cont", "quantile_disc", "regr_slope", "regr_intercept", "regr_r2", "skewness",
    "std", "stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance", "xmlagg",
))  # fmt: skip
"""Aggregate functions of all dialects; min and max only with one argument."""


def is_aggregate(node: n.Node) -> bool:
    """Whether this node itself is an aggregate call."""
    if isinstance(node, n.Sql):
        names = _CALLED.findall(node.text) if _OVER.search(node.text) is None else ()
        return any(name.lower() in AGGREGATES for name in names)
    return (
        isinstance(node, n.Call)
        and node.name in AGGREGATES
        and node.over is None
        and (len(node.args) < 2 or node.name not in ("min", "max"))
    )


def aggregates_in(nodes: Iterable[n.Node]) -> bool:
    """Whether any of the expressions holds an aggregate, nested frames left out."""
    return any(is_aggregate(node) for node in own_nodes(nodes))


_CALLED = re.compile(r"\b(\w+) ?\(")
_OVER = re.compile(r"\) OVER\b")


@dataclass(slots=True)
class Block:
    """The clauses of one SELECT."""

    joins: list[n.Join] = field(default_factory=list)
    inner: Block | None = None
    """A derived table in place of joins."""
    where: n.Expr | None = None
    group: tuple[n.Expr, ...] | None = None
    having: n.Expr | None = None
    aggs: tuple[n.Expr, ...] = ()
    items: tuple[n.Expr, ...] | None = None
    distinct: bool = False
    on: tuple[n.Expr, ...] = ()
    """DISTINCT ON."""
    qualify: n.Expr | None = None
    order: tuple[n.OrderKey, ...] = ()
    limit: n.Limit | None = None
    combines: list[tuple[str, Block]] = field(default_factory=list)
    """Set operations with this block as the left side; ORDER BY and LIMIT then belong to the whole."""
    values: tuple[tuple[n.Expr, ...], ...] | None = None
    columns: tuple[str, ...] = ()
    """Names for the output columns."""
    sorted: tuple[tuple[n.OrderKey, ...], n.Limit | None] | None = None
    """For combined blocks: the left side's own ORDER BY and LIMIT."""

    @property
    def body(self) -> list[n.Node]:
        """Every expression of this SELECT, in clause order (its joins left out)."""
        parts = (
            self.where, *(self.group or ()), self.having, self.qualify, *self.on, *self.order,
            *(self.items or ()),
        )  # fmt: skip
        return [part for part in parts if part is not None]

    @property
    def is_open(self) -> bool:
        """Nothing but joins and conditions so far."""
        return not (
            self.items is not None or self.group is not None or self.distinct or self.order or self.limit
            or self.combines or self.values is not None or self.aggs or self.having is not None
        )  # fmt: skip

    @property
    def aggregated(self) -> bool:
        """One row whatever the data: aggregates without groups."""
        return self.group is None and self.items is not None and aggregates_in(self.items)


def lower(actions: Iterable[n.Action], flatten: Callable[[n.Expr], list[n.Action] | None]) -> Block:
    """Fill a block with the actions in order.

    Args:
        actions: the whole chain from `df` on.
        flatten: gives the chain behind a frame, None for what is no frame.

    Raises:
        CompileError: an action that no SQL can be made of.
    """
    block = Block()
    for action in actions:
        apply = _RULES.get(type(action))
        if apply is None:
            text = action.text if isinstance(action, n.RawAction) else type(action).__name__
            raise CompileError(f"the action cannot be compiled: {' '.join(text.split())[:80]}")
        block = apply(block, action, flatten)
    return block


def conjoin(left: n.Expr | None, right: n.Expr, op: str = "and") -> n.Expr:
    """`left and right`, or `right` alone."""
    return right if left is None else n.Binary(op, left, right)


def rewrite(tree: Any, change: Callable[[n.Node], n.Node | None]) -> Any:
    """A copy in which `change` replaced nodes from the top down; None means: look below. Nested frames
    are not entered."""

    def below(part: n.Node) -> n.Node:
        changed = change(part)
        if changed is not None:
            return changed
        return part if isinstance(part, n.Frame) else part.rebuilt(below)

    return n.mapped(tree, below)


# ----------------------------------------------------------------------- rules


_Flatten = Callable[[n.Expr], "list[n.Action] | None"]


def _join(block: Block, action: n.Join, flatten: _Flatten) -> Block:
    if not block.is_open or block.inner is not None:
        raise CompileError("a join must come before grouping, selecting and limiting")
    block.joins.append(action)
    return block


def _where(block: Block, action: n.Where, flatten: _Flatten) -> Block:
    if block.combines and all(side.items is None for _, side in block.combines) and block.items is None:
        for _, side in block.combines:
            _where(side, action, flatten)
    elif block.limit is not None or block.combines:
        block = Block(inner=block)
    condition = _stands_for(block, action.condition)
    if block.group is not None and aggregates_in([condition]):
        block.having = conjoin(block.having, condition, action.connective)
    elif block.aggregated or (block.distinct and block.items is not None and aggregates_in([condition])):
        block = Block(inner=block, where=action.condition)
    else:
        block.where = conjoin(block.where, condition, action.connective)
    return block


def _group(block: Block, action: n.GroupBy, flatten: _Flatten) -> Block:
    if block.group is not None or block.limit is not None or block.combines:
        if block.group == action.keys and block.limit is None:
            return block
        block = Block(inner=block)
    block.group = tuple(_stands_for(block, key) for key in action.keys)
    return block


def _having(block: Block, action: n.Having, flatten: _Flatten) -> Block:
    if block.limit is not None or block.combines:
        block = Block(inner=block)
    block.having = conjoin(block.having, _stands_for(block, action.condition), action.connective)
    return block


def _agg(block: Block, action: n.Agg, flatten: _Flatten) -> Block:
    if block.limit is not None or block.combines or block.distinct:
        block = Block(inner=block)
    block.aggs += action.items
    return block


def _select(block: Block, action: n.Select, flatten: _Flatten) -> Block:
    items = action.items
    if block.combines:
        if block.items is None and all(side.items is None for _, side in block.combines):
            block.items = items
            for _, side in block.combines:
                side.items = items
            return block
        block = Block(inner=block)
    elif _needs_wrap(block, items):
        block = Block(inner=block)
    block.items = tuple(_stands_for(block, item) for item in items)
    block.distinct = block.distinct or action.distinct
    block.on = tuple(_stands_for(block, key) for key in action.on)
    return block


def _qualify(block: Block, action: n.Qualify, flatten: _Flatten) -> Block:
    if block.limit is not None or block.combines or block.distinct:
        block = Block(inner=block)
    block.qualify = conjoin(block.qualify, _stands_for(block, action.condition))
    return block


def _needs_wrap(block: Block, items: tuple[n.Expr, ...]) -> bool:
    """Whether a list of items speaks of the rows that the block gives, not of those it takes."""
    if block.values is not None:
        return True
    outer = aggregates_in(items)
    if block.distinct and block.items is not None:
        return outer or items != block.items
    if outer and block.limit is not None and (block.group is None or block.items is not None):
        return True
    if block.group is not None or block.aggs:
        named = [item.name for item in block.aggs + (block.items or ()) if isinstance(item, n.Alias)]
        for node in own_nodes(items):
            if isinstance(node, n.Call) and is_aggregate(node):
                inside = own_nodes(node.args)
                if any(
                    is_aggregate(part) or (isinstance(part, n.ColumnRef) and part.name in named)
                    for part in inside
                ):
                    return True
    return False


def _distinct(block: Block, action: n.Distinct, flatten: _Flatten) -> Block:
    if block.limit is not None and block.items is not None and not block.distinct:
        block = Block(inner=block, items=(n.Star(),))
    if action.items and block.items is None:
        block.items = action.items
    block.distinct = True
    return block


def _order(block: Block, action: n.OrderBy, flatten: _Flatten) -> Block:
    if block.limit is not None:
        block = Block(inner=block, items=None)
    keys = tuple(
        n.OrderKey(_stands_for(block, key.key), key.descending, key.nulls)
        if not block.combines and isinstance(key.key, n.ColumnRef)
        else key
        for key in action.keys
    )
    block.order += keys
    return block


def _limit(block: Block, action: n.Limit, flatten: _Flatten) -> Block:
    if block.limit is not None:
        block = Block(inner=block, items=None)
    block.limit = action
    return block


def _combine(block: Block, action: n.Combine, flatten: _Flatten) -> Block:
    actions = flatten(action.other)
    if actions is None:
        raise CompileError(f"{action.kind} needs a frame on its right side")
    other = lower(actions, flatten)
    if block.order or block.limit is not None:
        if block.combines:
            block = Block(inner=block, items=(n.Star(),))
        else:
            block.sorted = (block.order, block.limit)
            block.order, block.limit = (), None
    block.combines.append((action.kind, other))
    return block


def _aggregate(block: Block, action: n.Aggregate, flatten: _Flatten) -> Block:
    function, args, distinct = action.function, action.args, action.distinct
    if block.combines and block.items is None and not block.group:
        merged = _merged(block)
        block = merged if merged is not None else block
    in_groups = block.group is not None and block.items is None and block.limit is None
    if in_groups and (args or (function == "count" and block.having is None and not block.aggs)):
        # `groupby(k).count()` is a column of the groups; groups that were chosen are counted themselves.
        block.aggs += (n.Alias(n.Call(function, args or (n.Star(),), distinct), function),)
        return block
    if in_groups and function != "count" and len(block.aggs) == 1:
        # `groupby(k).agg(sum(x)).max()`: over the groups' sums.
        return Block(inner=block, items=(n.Call(function, (n.unnamed(block.aggs[0]),)),))
    counts_rows = function == "count" and not args
    if block.combines or block.limit is not None or (block.group is not None and not args):
        selected = block.items
        block = Block(inner=block)
        if not args and selected is not None and len(selected) == 1 and not counts_rows:
            args = (n.unnamed(selected[0]),)
    elif block.items is not None and not args:
        if len(block.items) == 1 and not isinstance(block.items[0], n.Star):
            args, distinct = (n.unnamed(block.items[0]),), distinct or block.distinct
            if aggregates_in(args):
                block = Block(inner=block)
        elif block.distinct:
            block = Block(inner=block)
        block.distinct = False
    elif block.distinct:
        block = Block(inner=block)
    if function == "count" and not args:
        args = (n.Star(),)
    if not args:
        raise CompileError(f".{function}() needs a column: select one before it")
    block.items = (n.Call(function, args, distinct),)
    return block


def _merged(block: Block) -> Block | None:
    """A set operation of row filters over the same rows is one filter; None where it is not that."""
    sides = [side for _, side in block.combines]
    if block.joins or block.inner or not all(side.is_open and not side.joins for side in sides):
        return None
    where = block.where
    for kind, side in block.combines:
        if where is None or side.where is None:
            return None
        if kind in ("union", "union all"):
            where = n.Binary("or", where, side.where)
        elif kind == "intersect" and not columns_used([where]) & columns_used([side.where]):
            # On the same column both would have to hold for one value; that is no row filter.
            where = n.Binary("and", where, side.where)
        else:
            return None
    return Block(where=where)


def _values(block: Block, action: n.Values, flatten: _Flatten) -> Block:
    block.values = action.rows
    return block


def _named(block: Block, action: n.Named, flatten: _Flatten) -> Block:
    block.columns = action.columns
    return block


def _stands_for(block: Block, expression: n.Expr) -> n.Expr:
    """The expression with names given by this block's own select and agg replaced by their meaning."""
    meanings = {
        item.name.lower(): item.value
        for item in (block.items or ()) + block.aggs
        if isinstance(item, n.Alias)
    }
    if not meanings:
        return expression

    def change(node: n.Node) -> n.Node | None:
        if isinstance(node, n.ColumnRef) and node.table is None:
            return meanings.get(node.name.lower())
        return None

    return rewrite(expression, change)  # type: ignore[no-any-return]


_RULES: dict[type, Callable[[Block, Any, _Flatten], Block]] = {
    n.Join: _join, n.Where: _where, n.GroupBy: _group, n.Having: _having, n.Agg: _agg, n.Select: _select,
    n.Distinct: _distinct, n.OrderBy: _order, n.Limit: _limit, n.Combine: _combine,
    n.Aggregate: _aggregate, n.Values: _values, n.Named: _named,
    n.Qualify: _qualify,
}  # fmt: skip
