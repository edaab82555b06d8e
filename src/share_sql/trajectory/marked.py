"""Two trajectories side by side: each step's actions, with what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import Change, diff, plain_actions
from share_sql.trajectory.write import Writer

Mark: TypeAlias = OneOf["same", "added", "removed", "changed"]


@dataclass(frozen=True)
class MarkedAction:
    """One action of a step."""

    text: str
    """As the extended dialect prints it."""
    mark: Mark
    """What became of it: removed stands before only, added after only."""


@dataclass(frozen=True)
class MarkedStep:
    """One step of a trajectory."""

    name: str
    source: MarkedAction | None
    """The frame that it goes on from; None where its value is no frame."""
    actions: tuple[MarkedAction, ...]
    """Its actions in order, conjunctions taken apart; its value alone, where that is no frame."""


def marked(
    before: n.Trajectory, after: n.Trajectory
) -> tuple[tuple[MarkedStep, ...], tuple[MarkedStep, ...], tuple[Change, ...]]:
    """Mark what differs between two trajectories, action by action.

    Args:
        before: e.g. the draft's.
        after: e.g. the correction's.

    Returns:
        The steps before, the steps after, and the changes that the marks stand for, as `diff` gives them.
    """
    changes = diff(before, after)
    return _steps(before, changes, 0), _steps(after, changes, 1), changes


def steps(trajectory: n.Trajectory) -> tuple[MarkedStep, ...]:
    """The steps of a trajectory that is compared with none: all of its actions are the same."""
    return _steps(trajectory, (), 0)


def _steps(trajectory: n.Trajectory, changes: Sequence[Change], side: int) -> tuple[MarkedStep, ...]:
    marks: dict[tuple[str | None, n.Node | None], list[Mark]] = {}
    for change in changes:
        marks.setdefault((change.steps[side], change.nodes[side]), []).append(change.kind)
    # `diff` takes the last of several like actions for those that differ.
    left = Counter((step.name, node) for step in trajectory.steps for node in _nodes(step))
    writer = Writer(trajectory, "extended")
    writer.steps.update({step.name.lower(): step for step in trajectory.steps})

    def action(step: n.Step, node: n.Node, text: str) -> MarkedAction:
        key = (step.name, node)
        ours = marks.get(key, [])
        differs = left[key] <= len(ours)
        left[key] -= 1
        return MarkedAction(text, ours.pop(0) if differs and ours else "same")

    found = []
    for step in trajectory.steps:
        value = step.value
        if isinstance(value, n.Frame):
            source = action(step, n.Frame(value.source), value.source)
            actions = [action(step, each, writer.action(each)) for each in plain_actions(value.actions)]
            found.append(MarkedStep(step.name, source, tuple(actions)))
        else:
            found.append(MarkedStep(step.name, None, (action(step, value, writer.item(value)),)))
    return tuple(found)


def _nodes(step: n.Step) -> list[n.Node]:
    if isinstance(step.value, n.Frame):
        return [n.Frame(step.value.source), *plain_actions(step.value.actions)]
    return [step.value]
