"""When do two trajectories say the same? Differences that change no rows are taken out first."""

from __future__ import annotations

from dataclasses import replace

from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import diff


def same_trajectory(one: n.Trajectory, other: n.Trajectory) -> bool:
    """Whether two trajectories say the same: equal up to step names, the order of conditions, names of
    output columns, the order of inner joins, and the two ways to write a count. Sufficient, not necessary:
    queries that differ here may still give the same rows."""
    return one == other or not diff(plain(one), plain(other))


def plain(trajectory: n.Trajectory, *, joins: bool = True) -> n.Trajectory:
    """The trajectory in the form that `same_trajectory` compares.

    Args:
        trajectory: any.
        joins: whether inner joins are put in order, their conditions behind them; False leaves them.
    """
    result = trajectory.result
    steps = []
    for step in trajectory.steps:
        value = step.value.transform(_plain_node)
        if joins:
            value = value.transform(_in_order)
        if step is result and isinstance(value, n.Frame):
            value = replace(value, actions=tuple(_without_names(action) for action in value.actions))
        steps.append(n.Step(step.name, value))  # type: ignore[arg-type]
    return n.Trajectory(tuple(steps))


def _plain_node(node: n.Node) -> n.Node:
    if isinstance(node, n.Binary) and node.op == "=" and _is_column(node.left) and _is_column(node.right):
        left, right = sorted((node.left, node.right), key=repr)
        return n.Binary("=", left, right)
    if isinstance(node, n.Aggregate) and node.function == "count" and not node.args and not node.distinct:
        return n.Select((n.Call("count", (n.Star(),)),))
    return node


def _in_order(node: n.Node) -> n.Node:
    return n.Frame(node.source, _plain_joins(node.actions)) if isinstance(node, n.Frame) else node


def _is_column(node: n.Expr) -> bool:
    return isinstance(node, n.ColumnRef) and node.table is not None


def _without_names(action: n.Action) -> n.Action:
    """A select of the answer without the names it gives to its columns."""
    if not isinstance(action, n.Select):
        return action
    return n.Select(tuple(map(n.unnamed, action.items)), action.distinct)


def _plain_joins(actions: tuple[n.Action, ...]) -> tuple[n.Action, ...]:
    """Inner joins in the order of their sources, their conditions behind them: which comes first, and
    at which join a condition stands, changes no rows."""
    joins = [action for action in actions if isinstance(action, n.Join)]
    if not joins or any(j.kind not in ("from", "inner", "cross") or j.using or j.natural for j in joins):
        return actions
    if any(isinstance(action, n.Where) and action.connective == "or" for action in actions):
        return actions  # what an `orwhere` goes on from must stay what it is
    bare = sorted((n.Join(j.source, j.alias, "cross") for j in joins), key=repr)
    conditions: list[n.Expr] = [j.on for j in joins if j.on is not None]
    rest = tuple(action for action in actions if not isinstance(action, n.Join))
    return (*bare, *(n.Where(condition) for condition in conditions), *rest)
