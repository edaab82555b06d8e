"""Name the kinds by which a wrong query differs from a right one, in the words of the changes that mend it.

A wrong query that lacks a condition is named `condition-add`. Beside the kind stands what was done to the
right query as the paper says it (arXiv 2506.00391): an action was added, deleted or substituted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from share_sql.edits.misspelt import NEAR
from share_sql.edits.spelling import likeness
from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import diff
from share_sql.trajectory.likeness import plain, same_trajectory
from share_sql.trajectory.lower import is_aggregate

_PARTS: Mapping[type[n.Node], tuple[str, str]] = {
    n.Where: ("where", "condition"),
    n.Having: ("having", "condition"),
    n.Select: ("select", "step"),
    n.Agg: ("select", "step"),
    n.Aggregate: ("select", "step"),
    n.GroupBy: ("groupby", "group"),
    n.OrderBy: ("orderby", "order"),
    n.Limit: ("limit", "limit"),
    n.Distinct: ("distinct", "distinct"),
    n.Join: ("join", "join"),
    n.Combine: ("combine", "set"),
}
"""The paper's name of an action, and the start of the kinds that add or drop it. A whole select more or less
is one of a subquery."""


NAMED = frozenset(
    f"{part}-{change}" for _, part in _PARTS.values() for change in ("add", "drop")
) | {
    "and-or", "condition-column", "condition-literal", "condition-other", "literal-case", "literal-spelling",
    "like-equal", "null-comparison", "operator", "select-add", "select-drop", "select-column", "select-order",
    "select-other", "aggregate", "aggregate-add", "aggregate-drop", "count-different", "count-plain",
    "expression", "group-key", "order-column", "order-direction", "limit-count", "set-operation", "join-key",
    "join-left", "join-inner", "step-other",
}  # fmt: skip
"""Every kind of difference that can be named."""


@dataclass(frozen=True)
class Difference:
    """One way in which a wrong query differs from a right one."""

    kind: str
    """The change that mends it."""
    edit: Literal["add", "delete", "substitute"]
    """What was done to the right query (arXiv 2506.00391)."""
    part: str
    """The action it was done to: where, having, select, groupby, orderby, limit, distinct, join, combine,
    step."""

    @property
    def paper(self) -> str:
        """As the paper says it: `delete where`."""
        return f"{self.edit} {self.part}"


def differences(right: n.Trajectory, wrong: n.Trajectory) -> tuple[Difference, ...]:
    """Name what makes a wrong trajectory differ from a right one, one difference for each action.

    Args:
        right: e.g. gold's.
        wrong: e.g. the draft's.

    Returns:
        The differences; none where the two say the same. Joins count only where all other actions agree,
        and then as one: they mostly follow from the columns that are used.
    """
    if same_trajectory(right, wrong):
        return ()
    sides = (plain(side, joins=False).transform(_all_rows) for side in (right, wrong))
    changes = [change.nodes for change in diff(*sides)]  # type: ignore[arg-type]
    changes = [pair for pair in changes if not all(isinstance(node, n.Join | None) for node in pair)]
    if not changes:
        return (Difference(_join(right, wrong), "substitute", "join"),)
    conditions = [pair for pair in changes if isinstance(pair[0] or pair[1], n.Where | n.Having)]
    found: list[Difference] = []
    if _rejoined(conditions):
        found.append(Difference("and-or", "substitute", _part(conditions[0][0])[0]))
        changes = [pair for pair in changes if pair not in conditions]
    for before, after in changes:
        if before and after and _part(before) == _part(after):
            found.append(Difference(_substituted(before, after), "substitute", _part(before)[0]))
            continue
        if before:
            found.append(Difference(f"{_part(before)[1]}-add", "delete", _part(before)[0]))
        if after:
            found.append(Difference(f"{_part(after)[1]}-drop", "add", _part(after)[0]))
    return tuple(found)


def _all_rows(node: n.Node) -> n.Node:
    """A count of one table's rows as one of rows: which table it is, the joins say."""
    is_count = isinstance(node, n.Call) and node.args and isinstance(node.args[0], n.Star)
    return replace(node, args=(n.Star(),)) if is_count else node  # type: ignore[call-arg]


def _part(node: n.Node | None) -> tuple[str, str]:
    return _PARTS.get(type(node), ("step", "step")) if node else ("step", "step")


def _substituted(before: n.Node, after: n.Node) -> str:
    """The change that makes the action `before` out of `after`, both of one part."""
    match before, after:
        case (n.Where() | n.Having(), n.Where() | n.Having()):
            return _condition(before.condition, after.condition)
        case n.Select(), n.Select():
            return _select(before, after)
        case n.OrderBy(), n.OrderBy():
            same = [key.key for key in before.keys] == [key.key for key in after.keys]
            return "order-direction" if same else "order-column"
    others = {"groupby": "group-key", "limit": "limit-count", "combine": "set-operation"}
    return others.get(_part(before)[0], "step-other")


# ---------------------------------------------------------------------- conditions


def _is_null(node: n.Expr) -> bool:
    return isinstance(node, n.Literal) and node.value is None


def _condition(before: n.Expr, after: n.Expr) -> str:
    if not (isinstance(before, n.Binary) and isinstance(after, n.Binary)):
        return "condition-other"
    same = (before.left == after.left, before.op == after.op, before.right == after.right)
    if same == (False, True, True):
        return "condition-column"
    if same == (True, False, True):
        unequal = _is_null(after.right) and after.op in ("=", "!=")
        return "null-comparison" if unequal else "operator"
    if not (same[0] and isinstance(before.right, n.Literal) and isinstance(after.right, n.Literal)):
        return "condition-other"
    old, new = before.right.value, after.right.value
    if same[1]:
        return _literal(old, new)
    patterns = {before.op, after.op} == {"=", "like"}
    return "like-equal" if patterns and str(old).strip("%") == str(new).strip("%") else "condition-other"


def _literal(before: object, after: object) -> str:
    if isinstance(before, str) and isinstance(after, str):
        if before.lower() == after.lower():
            return "literal-case"
        if likeness(before, after) >= NEAR:
            return "literal-spelling"
    return "condition-literal"


def _rejoined(changes: list[tuple[n.Node | None, n.Node | None]]) -> bool:
    """Whether the same conditions stand on both sides, joined by AND on one and by OR on the other."""
    before, after = (Counter(part for pair in changes for part in _atoms(pair[side])) for side in (0, 1))
    return bool(before) and before == after


def _atoms(node: n.Node | None) -> Iterator[n.Node]:
    if isinstance(node, n.Where | n.Having):
        yield from _atoms(node.condition)
    elif isinstance(node, n.Binary) and node.op in ("and", "or"):
        yield from _atoms(node.left)
        yield from _atoms(node.right)
    elif node is not None:
        yield node


# -------------------------------------------------------------------- output columns


def _select(before: n.Select, after: n.Select) -> str:
    if before.items == after.items:
        return "distinct-add" if before.distinct else "distinct-drop"
    old, new = Counter(before.items), Counter(after.items)
    gone, come = list((old - new).elements()), list((new - old).elements())
    if not gone and not come:
        return "select-order"
    if not gone or not come:
        return "select-drop" if come else "select-add"
    return _item(gone[0], come[0]) if len(gone) == len(come) == 1 else "select-other"


def _item(before: n.Expr, after: n.Expr) -> str:
    before, after = (item.value if isinstance(item, n.Alias) else item for item in (before, after))
    if isinstance(before, n.ColumnRef) and isinstance(after, n.ColumnRef):
        return "select-column"
    if isinstance(before, n.Call) and isinstance(after, n.Call):
        if before.name != after.name:
            return "aggregate" if is_aggregate(before) and is_aggregate(after) else "expression"
        if before.distinct != after.distinct:
            return "count-different" if before.distinct else "count-plain"
        return "select-column"
    if is_aggregate(before) and isinstance(after, n.ColumnRef):
        return "aggregate-add"
    if is_aggregate(after) and isinstance(before, n.ColumnRef):
        return "aggregate-drop"
    return "expression"


# ------------------------------------------------------------------------------ joins


def _join(right: n.Trajectory, wrong: n.Trajectory) -> str:
    """The change that mends two trajectories that differ in their joins alone."""
    (tables, outer), (others, more) = _joined(right), _joined(wrong)
    if tables != others:
        return "join-drop" if tables < others else "join-add"
    return "join-key" if outer == more else "join-left" if outer > more else "join-inner"


def _joined(trajectory: n.Trajectory) -> tuple[set[str], int]:
    """The tables that a trajectory takes from, and how many of its joins are outer ones."""
    nodes = list(trajectory.walk())
    joins = [node for node in nodes if isinstance(node, n.Join)]
    named = {node.table for node in nodes if isinstance(node, n.ColumnRef | n.Star) and node.table}
    named |= {join.source.name for join in joins if isinstance(join.source, n.ColumnRef)}
    tables = {table.lower() for table in named} - {(join.alias or "").lower() for join in joins}
    return tables, sum(join.kind in ("left", "right", "full") for join in joins)
