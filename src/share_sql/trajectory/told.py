"""The diff of two trajectories as it is told to a person.

The extended dialect writes a join only where the foreign keys cannot give it back. So a table that both
queries read may be written as `from(…)` in one trajectory and be left out of the other: that is no change to
tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import Change, diff

_BY_KEY = "join({0}) by the declared key"


def told_changes(before: n.Trajectory, after: n.Trajectory) -> tuple[Change, ...]:
    """What changed, action by action, without joins that are only written otherwise.

    Args:
        before: e.g. the draft's.
        after: e.g. the correction's.

    Returns:
        The changes of `diff`, in its order. A join whose condition became the declared key, or was it, is
        told as changed; a table in another one's place, too.
    """
    read = _tables(before), _tables(after)
    return tuple(told for change in diff(before, after) if (told := _told(change, *read)) is not None)


def _told(change: Change, before: Mapping[str, str], after: Mapping[str, str]) -> Change | None:
    """A change as it is told; None where it is none."""
    old, new = change.nodes
    node = old if old is not None else new
    if change.kind == "changed" or not isinstance(node, n.Join):
        return change
    table = _source(node)
    here, there = (before, after) if change.kind == "removed" else (after, before)
    if not table:
        return change
    if table.lower() in there:
        if node.on is None:
            return None
        key = _BY_KEY.format(table)
        return replace(change, kind="changed", before=change.before or key, after=change.after or key)
    lost, gained = set(here) - set(there), set(there) - set(here)
    if node.kind != "from" or len(lost) != 1 or len(gained) != 1:
        return change
    other = f"from({there[gained.pop()]})"
    return replace(change, kind="changed", before=change.before or other, after=change.after or other)


def _tables(trajectory: n.Trajectory) -> dict[str, str]:
    """The tables that a trajectory reads as it spells them, by name in lower case."""
    return {name.lower(): name for step in trajectory.steps for name in _names(step.value)}


def _names(value: n.Node) -> Iterator[str]:
    for node in value.walk():
        if isinstance(node, n.ColumnRef) and node.table:
            yield node.table
        elif isinstance(node, n.Join) and (table := _source(node)):
            yield table


def _source(join: n.Join) -> str:
    """The table that a join brings in; empty where it is no table."""
    return join.source.name if isinstance(join.source, n.ColumnRef) and not join.source.table else ""
