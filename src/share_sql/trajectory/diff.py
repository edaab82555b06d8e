"""What changed between two trajectories, action by action: the explanation a person reads.

Steps are cut into threads first: a chain of steps in which each only goes on from the one before is one
thread, however it is cut into steps and whatever these are called. Threads of the two sides are matched
by what they have in common, the answers' with each other; then the actions within them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal as OneOf

from share_sql.trajectory import nodes as n
from share_sql.trajectory.usage import conjuncts
from share_sql.trajectory.write import Writer

_MOST_PAIRS = 20_000
"""Threads, or actions, that are compared with each other at most; of more only those in like places are."""


@dataclass(frozen=True)
class Change:
    """One action that is not the same on both sides."""

    kind: OneOf["added", "removed", "changed"]
    before: str | None
    """The action before, as the extended dialect prints it; None where it was added."""
    after: str | None
    """The action after; None where it was removed."""
    step: str
    """Name of the step it stands in, after the change; before it, where it was removed."""
    nodes: tuple[n.Node | None, n.Node | None] = field(default=(None, None), repr=False, compare=False)
    """The action before and after, as trees."""
    steps: tuple[str | None, str | None] = field(default=(None, None), repr=False, compare=False)
    """Name of the step that it stands in, before and after."""

    def __str__(self) -> str:
        """One line for people."""
        if self.kind == "added":
            return f"{self.step}: added {self.after}"
        if self.kind == "removed":
            return f"{self.step}: removed {self.before}"
        return f"{self.step}: changed {self.before} to {self.after}"


@dataclass(frozen=True)
class _Unit:
    """An action, or a value that is no frame, with where it stood."""

    node: n.Node
    text: str
    step: str


@dataclass(frozen=True)
class _Thread:
    """Actions of one thread, under the name of its last step."""

    name: str
    units: tuple[_Unit, ...]


def diff(before: n.Trajectory, after: n.Trajectory) -> tuple[Change, ...]:
    """Compare two trajectories.

    The names of steps, how a chain is cut into steps, the order of conditions, the case of names, and
    whether conditions are joined by `and` or stand in a row make no difference.

    Args:
        before: e.g. the draft's.
        after: e.g. the correction's.

    Returns:
        The changes, in the order of the trajectory before, what is new last; empty where the two say
        the same.
    """
    if before == after:
        return ()
    old, new = _threads(before), _threads(after)
    pairs = _match(old, new, before, after)
    names_old = {thread.name.lower(): f"#{i}" for i, (thread, _) in enumerate(pairs) if thread}
    names_new = {thread.name.lower(): f"#{i}" for i, (_, thread) in enumerate(pairs) if thread}
    changes: list[Change] = []
    for left, right in pairs:
        changes += _compare(left, right, names_old, names_new)
    return tuple(changes)


# --------------------------------------------------------------------------- threads


def _threads(trajectory: n.Trajectory) -> list[_Thread]:
    """Cut a trajectory into threads."""
    steps = {step.name.lower(): step for step in trajectory.steps}
    extended: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for step in trajectory.steps:
        own = _source(step, steps)
        if own:
            extended[own] += 1
        for node in step.value.walk():
            if isinstance(node, n.Frame | n.FrameColumn):
                used[(node.source if isinstance(node, n.Frame) else node.frame).lower()] += 1
    writer = Writer(trajectory, "extended")
    writer.steps.update(steps)
    merged = {name for name in steps if extended[name] == 1 and used[name] == 1}
    units: dict[str, list[_Unit]] = {}
    threads: list[_Thread] = []
    for step in trajectory.steps:
        name = step.name.lower()
        own = _source(step, steps)
        chain = list(units.get(own, ())) if own in merged else []
        if own and own not in merged:
            chain.append(_Unit(n.Frame(own), f"from({own})", step.name))
        chain += _units(step, writer)
        units[name] = chain
        if name not in merged:
            threads.append(_Thread(step.name, tuple(chain)))
    return threads


def _source(step: n.Step, steps: dict[str, n.Step]) -> str:
    """Lower-case name of the step that a step goes on from; empty where it starts from the database."""
    if not isinstance(step.value, n.Frame):
        return ""
    name = step.value.source.lower()
    return name if name in steps and name != step.name.lower() else ""


def _units(step: n.Step, writer: Writer) -> list[_Unit]:
    """The units of one step."""
    if not isinstance(step.value, n.Frame):
        return [_Unit(step.value, writer.item(step.value), step.name)]
    return [_Unit(action, writer.action(action), step.name) for action in plain_actions(step.value.actions)]


def plain_actions(actions: tuple[n.Action, ...]) -> list[n.Action]:
    """Actions with conjunctions taken apart and `select(…).distinct()` as one."""
    plain: list[n.Action] = []
    for action in actions:
        previous = plain[-1] if plain else None
        if isinstance(action, n.Where | n.Having) and action.connective == "and":
            plain += [type(action)(part) for part in conjuncts(action.condition)]
        elif isinstance(action, n.Distinct) and not action.items and isinstance(previous, n.Select):
            plain[-1] = n.Select(previous.items, True)
        else:
            plain.append(action)
    return plain


# -------------------------------------------------------------------------- matching


def _match(
    old: list[_Thread], new: list[_Thread], before: n.Trajectory, after: n.Trajectory
) -> list[tuple[_Thread | None, _Thread | None]]:
    """Pair the threads: the answers with each other, the others by what they have in common."""
    answers = (before.result.name if before.result else "", after.result.name if after.result else "")
    keys_old = [Counter(_lowered(unit.node, _no_name) for unit in thread.units) for thread in old]
    keys_new = [Counter(_lowered(unit.node, _no_name) for unit in thread.units) for thread in new]
    scores: list[tuple[float, int, int]] = []
    last = [j for j, right in enumerate(new) if right.name == answers[1]]
    for i, left in enumerate(old):
        near = _near(i, len(old), len(new))
        for j in near if left.name != answers[0] else [*near, *(j for j in last if j not in near)]:
            right = new[j]
            if left.name == answers[0] and right.name == answers[1]:
                score = float("inf")
            elif answers[0] == left.name or answers[1] == right.name:
                continue
            else:
                common = sum((keys_old[i] & keys_new[j]).values())
                size = max(len(left.units), len(right.units), 1)
                score = common / size - abs(i - j) / 1000
            scores.append((-score, i, j))
    # Threads with nothing in common are paired only where nothing better is left, in order.
    partner = _partners(scores)
    pairs: list[tuple[_Thread | None, _Thread | None]] = [
        (left, new[partner[i]] if i in partner else None) for i, left in enumerate(old)
    ]
    taken = set(partner.values())
    return pairs + [(None, right) for j, right in enumerate(new) if j not in taken]


def _near(place: int, count: int, others: int) -> range:
    """The places of the other side that one place is compared with."""
    reach = max(10, _MOST_PAIRS // max(count, 1) // 2)
    return range(max(0, place - reach), min(others, place + reach + 1))


def _partners(scores: list[tuple[float, int, int]]) -> dict[int, int]:
    """Pairs of (cost, left, right), the cheapest first, each left and right in one at most."""
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scores):
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    return partner


def _no_name(step: str) -> str:
    return n.DATABASE_FRAME


def _lowered(unit: n.Node, rename: Callable[[str], str]) -> n.Node:
    """A unit with the steps renamed and all names of columns in lower case."""

    def change(node: n.Node) -> n.Node:
        if isinstance(node, n.ColumnRef):
            return n.ColumnRef(node.table.lower() if node.table else None, node.name.lower())
        if isinstance(node, n.Frame):
            return n.Frame(rename(node.source), node.actions)
        if isinstance(node, n.FrameColumn):
            return n.FrameColumn(rename(node.frame), node.column)
        return node

    return unit.transform(change)


def _compare(
    left: _Thread | None, right: _Thread | None, names_old: dict[str, str], names_new: dict[str, str]
) -> list[Change]:
    """The changes within one pair of threads."""
    old = [(unit, _key(unit.node, names_old)) for unit in left.units] if left else []
    new = [(unit, _key(unit.node, names_new)) for unit in right.units] if right else []
    spare = Counter(key for _, key in new)
    lost: list[tuple[_Unit, n.Node]] = []
    for unit, key in old:
        if spare[key]:
            spare[key] -= 1
        else:
            lost.append((unit, key))
    gained: list[tuple[_Unit, n.Node]] = []
    for unit, key in reversed(new):  # what is spare is the last of its kind
        if spare[key]:
            spare[key] -= 1
            gained.append((unit, key))
    gained.reverse()
    alike = [
        (-_likeness(a, gained[j][1]), i, j)
        for i, (_, a) in enumerate(lost)
        for j in _near(i, len(lost), len(gained))
    ]
    partner = _partners([pair for pair in alike if pair[0] < 0])
    changes = []
    for i, (unit, _) in enumerate(lost):
        if i in partner:
            other = gained[partner[i]][0]
            nodes, steps = (unit.node, other.node), (unit.step, other.step)
            changes.append(Change("changed", unit.text, other.text, other.step, nodes, steps))
        else:
            changes.append(
                Change("removed", unit.text, None, unit.step, (unit.node, None), (unit.step, None))
            )
    taken = set(partner.values())
    changes += [
        Change("added", None, u.text, u.step, (None, u.node), (None, u.step))
        for j, (u, _) in enumerate(gained)
        if j not in taken
    ]
    return changes


def _key(node: n.Node, names: dict[str, str]) -> n.Node:
    return _lowered(node, lambda name: names.get(name.lower(), name.lower()))


def _likeness(left: n.Node, right: n.Node) -> int:
    """How much two actions look like one that was changed; 0: not at all."""
    if isinstance(left, n.Where | n.Having) and isinstance(right, n.Where | n.Having):
        same = 4 if type(left) is type(right) else 2
        a, b = left.condition, right.condition
        if a == b:
            return same + 4
        parts_a, parts_b = list(a.children()), list(b.children())
        if type(a) is type(b) and parts_a and parts_b:
            if parts_a[0] == parts_b[0]:
                return same + 2
            if parts_a[1:] == parts_b[1:]:
                return same
        if parts_a and parts_b and parts_a[0] == parts_b[0]:
            return same
        return 0
    if isinstance(left, n.Join) and isinstance(right, n.Join):
        return 4 if left.source == right.source else 0
    if isinstance(left, n.Select | n.Agg | n.Aggregate) and isinstance(right, n.Select | n.Agg | n.Aggregate):
        return 3 if type(left) is type(right) else 1
    if type(left) is type(right) and isinstance(
        left, n.GroupBy | n.OrderBy | n.Limit | n.Combine | n.Distinct
    ):
        return 3
    return 0 if isinstance(left, n.Action) or isinstance(right, n.Action) else 2
