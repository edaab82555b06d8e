"""Which joins a trajectory can leave out: those that the foreign keys give back.

`from_sql` leaves joins out where `to_sql`, which sees only the rest of the frame, would find exactly the
same tables and conditions again. Both ask `joins.join_path`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from share_sql.dialects import dialect_of
from share_sql.errors import JoinPathError
from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.join_tree import JoinTree
from share_sql.trajectory.joins import join_path, shortest_trees
from share_sql.trajectory.lower import rewrite
from share_sql.trajectory.usage import columns_used, conjuncts, names_used, tables_used

COUNT_ROWS = n.Call("count", (n.Star(),))
"""`count(*)`."""
_ALL = n.Star()


def without_joins(
    schema: Schema,
    joins: Sequence[n.Join],
    conditions: list[n.Expr],
    tail: Sequence[n.Action],
    items: tuple[n.Expr, ...],
) -> tuple[list[n.Expr], tuple[n.Action, ...], tuple[n.Expr, ...]] | None:
    """The frame's conditions, later actions and output without its joins.

    Args:
        schema: whose keys give joins back.
        joins: the SELECT's FROM.
        conditions: the parts of its WHERE.
        tail: its grouping, ordering and limit.
        items: its output.

    Returns:
        Conditions, tail and items that say which tables are used; None where the joins must stay.
    """
    names: list[str] = []
    for join in joins:
        table, odd = join.source, join.alias or join.using or join.natural
        if not isinstance(table, n.ColumnRef) or schema.table(table.name) is None or odd:
            return None
        if join.kind not in ("from", "inner", "cross"):
            return None
        names.append(table.name)
    if not names:
        return None
    if any(type(item) is n.Star for item in items):
        stars = tuple(n.Star(name) for name in names)
        items = tuple(new for item in items for new in (stars if item == _ALL else (item,)))
    pool = [part for join in joins if join.on is not None for part in conjuncts(join.on)]
    pool += conditions
    kept = pool
    doubt: JoinTree | None = None
    if len(names) > 1:
        edges = [_equality(part) for part in pool]
        try:
            tree, *others = shortest_trees(schema, names)
            if others:
                tree = doubt = join_path(schema, names, columns_used([*pool, *tail, *items]))
        except JoinPathError:
            return None
        if len(tree.tables) != len(names) or not tree.conditions <= set(edges):
            return None
        kept = [part for part, edge in zip(pool, edges, strict=True) if edge not in tree.conditions]
    if _gives_back(schema, names, [*kept, *tail, *items], doubt):
        return kept, tuple(tail), items
    # A table that only multiplies rows is named by what is counted: count(table.*) is COUNT(*).
    used = {name.lower() for name in tables_used([*kept, *tail, *items])}
    for name in names:
        if name.lower() not in used:
            counted = n.Call("count", (n.Star(name),))
            new = tuple(_replace(item, counted) for item in items)
            ends = tuple(_replace(action, counted) for action in tail)
            if _gives_back(schema, names, [*kept, *ends, *new], doubt):
                return kept, ends, new
    return None


def _gives_back(schema: Schema, names: list[str], body: list[Any], doubt: JoinTree | None) -> bool:
    """Whether compiling these expressions would join exactly these tables in this way.

    `doubt` is the way where the keys offer several.
    """
    used, columns = names_used(body)
    if {name.lower() for name in names} != {name.lower() for name in used}:
        return False
    row_ids = dialect_of(schema.dialect).row_ids
    if any(schema.column(table, name) is None and name not in row_ids for table, name in columns):
        return False
    if doubt is None:
        return True
    try:
        return join_path(schema, used, columns).conditions == doubt.conditions
    except JoinPathError:
        return False


def _equality(part: n.Expr) -> frozenset[tuple[str, str]] | None:
    """`a.x = b.y` as a pair of columns; None for any other condition."""
    if isinstance(part, n.Binary) and part.op == "=":
        left, right = part.left, part.right
        if isinstance(left, n.ColumnRef) and isinstance(right, n.ColumnRef) and left.table and right.table:
            return frozenset(
                ((left.table.lower(), left.name.lower()), (right.table.lower(), right.name.lower()))
            )
    return None


def _replace(tree: Any, counted: n.Expr) -> Any:
    return rewrite(tree, lambda node: counted if node == COUNT_ROWS else None)
