"""Edits that make a trajectory wrong: add, delete or substitute one action (arXiv 2506.00391).

Each is named by the kind that `error_kinds` counts it as, and gives None where the trajectory has nothing
for it to hold on to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from share_sql.schema.model import ColumnName, Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.columns import columns

Literals: TypeAlias = Mapping[ColumnName, Sequence["str | int | float"]]
"""Constants that queries compare each column with, to draw others from."""


@dataclass(frozen=True)
class Place:
    """An action's place in a trajectory."""

    step: int
    at: int
    action: n.Action


@dataclass(frozen=True)
class Hand:
    """What an edit works with."""

    trajectory: n.Trajectory
    schema: Schema
    rng: random.Random
    literals: Literals

    def places(self, *kinds: type[n.Node]) -> list[Place]:
        """Where actions of these kinds stand."""
        return [place for place in _places(self.trajectory) if isinstance(place.action, kinds)]

    def pick(self, places: list[Place]) -> Place | None:
        """One of them; None where there is none."""
        return self.rng.choice(places) if places else None

    def put(self, place: Place, *actions: n.Action) -> n.Trajectory:
        """The trajectory with other actions in an action's place."""
        step = self.trajectory.steps[place.step]
        assert isinstance(step.value, n.Frame)
        new = (*step.value.actions[: place.at], *actions, *step.value.actions[place.at + 1 :])
        return _with_step(self.trajectory, place.step, n.Frame(step.value.source, new))

    def other_column(self, node: n.Node) -> n.ColumnRef | None:
        """Another column of the same table and, where types are known, of the same type."""
        if not isinstance(node, n.ColumnRef) or node.table is None:
            return None
        table = self.schema.table(node.table)
        own = table.column(node.name) if table else None
        if table is None or own is None:
            return None
        others = [c.name for c in table.columns if c.name != own.name and c.type == own.type]
        return n.ColumnRef(table.name, self.rng.choice(others)) if others else None

    def other_literal(self, column: n.Node, value: object) -> n.Literal | None:
        """Another constant that the column is compared with; a near number where there is none."""
        known: Sequence[str | int | float] = ()
        if isinstance(column, n.ColumnRef) and column.table is not None:
            known = self.literals.get(ColumnName(column.table, column.name), ())
        others = [other for other in known if other != value and isinstance(other, type(value))]
        if others:
            return n.Literal(self.rng.choice(others))
        if isinstance(value, int) and not isinstance(value, bool):
            return n.Literal(value + self.rng.choice((-1, 1, 10)))
        if isinstance(value, str) and value:
            forms = sorted({value.lower(), value.upper(), value.title(), value + "s"} - {value})
            return n.Literal(self.rng.choice(forms)) if forms else None
        return None


Edit: TypeAlias = Callable[[Hand], "n.Trajectory | None"]


def _places(trajectory: n.Trajectory) -> Iterator[Place]:
    for number, step in enumerate(trajectory.steps):
        if isinstance(step.value, n.Frame):
            for at, action in enumerate(step.value.actions):
                yield Place(number, at, action)


def _with_step(trajectory: n.Trajectory, number: int, value: n.Frame) -> n.Trajectory:
    """The trajectory with another value for a step; a step that does nothing any more is taken out."""
    steps = list(trajectory.steps)
    old = steps[number]
    if value.actions or old is trajectory.result:
        steps[number] = n.Step(old.name, value)
        return n.Trajectory(tuple(steps))

    def onward(node: n.Node) -> n.Node:
        if isinstance(node, n.Frame) and node.source.lower() == old.name.lower():
            return n.Frame(value.source, node.actions)
        return node

    return n.Trajectory(
        tuple(
            n.Step(step.name, step.value.transform(onward))  # type: ignore[arg-type]
            for step in steps
            if step is not old
        )
    )


# ---------------------------------------------------------------------- conditions


def _comparison(place: Place) -> n.Binary | None:
    action = place.action
    if isinstance(action, n.Where | n.Having) and isinstance(action.condition, n.Binary):
        return action.condition
    return None


def _delete(*kinds: type[n.Node]) -> Edit:
    def edit(hand: Hand) -> n.Trajectory | None:
        place = hand.pick(hand.places(*kinds))
        return hand.put(place) if place else None

    return edit


def _add_where(hand: Hand) -> n.Trajectory | None:
    used = {name.table for name in columns(hand.trajectory, hand.schema)}
    known = [name for name in sorted(hand.literals) if name.table in used and hand.literals[name]]
    starts = list(hand.places(n.Where, n.Select, n.Aggregate, n.GroupBy, n.OrderBy))
    first = {place.step: place for place in reversed(starts)}
    place = hand.pick(list(first.values()))
    if place is None:
        return None
    condition: n.Expr
    if known and hand.rng.random() < 0.7:
        name = hand.rng.choice(known)
        value = n.Literal(hand.rng.choice(hand.literals[name]))
        condition = n.Binary("=", n.ColumnRef(name.table, name.column), value)
    else:
        own = [c for c in place.action.walk() if isinstance(c, n.ColumnRef) and c.table is not None]
        if not own:
            return None
        condition = n.Binary("is not", hand.rng.choice(own), n.Literal(None))
    return hand.put(place, n.Where(condition), place.action)


def _condition(action: n.Where | n.Having, condition: n.Expr) -> n.Action:
    return replace(action, condition=condition)


def _where(change: Callable[[Hand, n.Binary], n.Expr | None], kind: type[n.Node] = n.Where) -> Edit:
    def edit(hand: Hand) -> n.Trajectory | None:
        places = hand.places(kind)
        hand.rng.shuffle(places)
        for place in places:
            condition = _comparison(place)
            changed = change(hand, condition) if condition else None
            if changed is not None and isinstance(place.action, n.Where | n.Having):
                return hand.put(place, _condition(place.action, changed))
        return None

    return edit


def _literal(hand: Hand, condition: n.Binary) -> n.Expr | None:
    if not isinstance(condition.right, n.Literal):
        return None
    other = hand.other_literal(condition.left, condition.right.value)
    return replace(condition, right=other) if other else None


def _column(hand: Hand, condition: n.Binary) -> n.Expr | None:
    other = hand.other_column(condition.left)
    return replace(condition, left=other) if other else None


_OPERATORS = {
    ">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">="), "=": ("!=", "like"),
    "!=": ("=",), "is": ("is not",), "is not": ("is",), "like": ("=",), "not like": ("like",),
}  # fmt: skip


def _operator(hand: Hand, condition: n.Binary) -> n.Expr | None:
    others = _OPERATORS.get(condition.op)
    if not others or (condition.op == "=" and not isinstance(condition.right, n.Literal)):
        return None
    return replace(condition, op=hand.rng.choice(others))


def _pattern(hand: Hand, condition: n.Binary) -> n.Expr | None:
    """`= 'x'` becomes `like '%x%'`."""
    right = condition.right
    if condition.op != "=" or not isinstance(right, n.Literal) or not isinstance(right.value, str):
        return None
    return n.Binary("like", condition.left, n.Literal(f"%{right.value}%"))


# -------------------------------------------------------------------------- select


def _select(change: Callable[[Hand, n.Select], n.Select | None]) -> Edit:
    def edit(hand: Hand) -> n.Trajectory | None:
        places = hand.places(n.Select)
        hand.rng.shuffle(places)
        for place in places:
            assert isinstance(place.action, n.Select)
            changed = change(hand, place.action)
            if changed is not None:
                return hand.put(place, changed)
        return None

    return edit


def _items(change: Callable[[Hand, n.Expr], n.Expr | None]) -> Edit:
    """Change one item of a select list."""

    def one(hand: Hand, action: n.Select) -> n.Select | None:
        order = list(range(len(action.items)))
        hand.rng.shuffle(order)
        for at in order:
            item = action.items[at]
            value = item.value if isinstance(item, n.Alias) else item
            changed = change(hand, value)
            if changed is not None:
                changed = n.Alias(changed, item.name) if isinstance(item, n.Alias) else changed
                return replace(action, items=(*action.items[:at], changed, *action.items[at + 1 :]))
        return None

    return _select(one)


def _selected_column(hand: Hand, value: n.Expr) -> n.Expr | None:
    return hand.other_column(value)


def _argument(hand: Hand, value: n.Expr) -> n.Expr | None:
    if not isinstance(value, n.Call) or len(value.args) != 1:
        return None
    other = hand.other_column(value.args[0])
    return replace(value, args=(other,)) if other else None


_AGGREGATES = {"max": ("min",), "min": ("max",), "sum": ("count", "avg"), "avg": ("sum",), "count": ("sum",)}


def _aggregate(hand: Hand, value: n.Expr) -> n.Expr | None:
    if isinstance(value, n.Call) and value.name in _AGGREGATES and value.over is None:
        if len(value.args) == 1 and isinstance(value.args[0], n.ColumnRef):
            bare = hand.rng.random() < 0.3
            other = hand.rng.choice(_AGGREGATES[value.name])
            return value.args[0] if bare else replace(value, name=other, distinct=False)
        return None
    if isinstance(value, n.ColumnRef) and value.table is not None:
        return n.Call(hand.rng.choice(("count", "max")), (value,))
    return None


def _count_distinct(hand: Hand, value: n.Expr) -> n.Expr | None:
    if not isinstance(value, n.Call) or value.name != "count" or not value.args:
        return None
    return replace(value, distinct=not value.distinct) if isinstance(value.args[0], n.ColumnRef) else None


def _expression(hand: Hand, value: n.Expr) -> n.Expr | None:
    """A percentage becomes a ratio, a real division one of whole numbers."""
    casts = [node for node in value.walk() if isinstance(node, n.Cast)]
    hundreds = [
        node for node in value.walk()
        if isinstance(node, n.Binary) and node.op == "*" and _is_hundred(node.right)
    ]  # fmt: skip
    target: n.Node | None = hand.rng.choice([*casts, *hundreds]) if casts or hundreds else None
    if target is None:
        if isinstance(value, n.Binary) and value.op == "/":
            return n.Binary("/", n.Binary("*", value.left, n.Literal(100)), value.right)
        return None
    inner = target.operand if isinstance(target, n.Cast) else target.left  # type: ignore[attr-defined]
    return value.transform(lambda node: inner if node == target else node)  # type: ignore[return-value]


def _is_hundred(node: n.Node) -> bool:
    return isinstance(node, n.Literal) and node.value in (100, 100.0)


def _distinct(hand: Hand, action: n.Select) -> n.Select | None:
    return replace(action, distinct=not action.distinct)


def _more(hand: Hand, action: n.Select) -> n.Select | None:
    found = [c for c in hand.trajectory.walk() if isinstance(c, n.ColumnRef) and c.table is not None]
    others = [c for c in dict.fromkeys(found) if c not in action.items]
    return replace(action, items=(*action.items, hand.rng.choice(others))) if others else None


def _fewer(hand: Hand, action: n.Select) -> n.Select | None:
    if len(action.items) < 2:
        return None
    at = hand.rng.randrange(len(action.items))
    return replace(action, items=(*action.items[:at], *action.items[at + 1 :]))


def _order(hand: Hand, action: n.Select) -> n.Select | None:
    if len(action.items) < 2:
        return None
    return replace(action, items=(*action.items[1:], action.items[0]))


# ------------------------------------------------------- grouping, order, limit, sets


def _before_select(
    hand: Hand, make: Callable[[n.ColumnRef], n.Action], hidden: type[n.Node]
) -> n.Trajectory | None:
    """Put an action over a selected column in front of its select, where none of its kind is."""
    places = hand.places(n.Select)
    hand.rng.shuffle(places)
    for place in places:
        step = hand.trajectory.steps[place.step].value
        assert isinstance(step, n.Frame)
        own = [c for c in place.action.walk() if isinstance(c, n.ColumnRef) and c.table is not None]
        if own and not any(isinstance(action, hidden) for action in step.actions):
            return hand.put(place, make(hand.rng.choice(own)), place.action)
    return None


def _add_groupby(hand: Hand) -> n.Trajectory | None:
    return _before_select(hand, lambda column: n.GroupBy((column,)), n.GroupBy)


def _add_orderby(hand: Hand) -> n.Trajectory | None:
    down = hand.rng.random() < 0.5
    return _before_select(hand, lambda column: n.OrderBy((n.OrderKey(column, down),)), n.OrderBy)


def _add_limit(hand: Hand) -> n.Trajectory | None:
    return _before_select(hand, lambda column: n.Limit(n.Literal(1)), n.Limit)


def _other_key(hand: Hand) -> n.Trajectory | None:
    for place in hand.places(n.OrderBy):
        assert isinstance(place.action, n.OrderBy)
        first, *rest = place.action.keys
        changed = _in_key(hand, first.key)
        if changed is not None:
            return hand.put(place, n.OrderBy((replace(first, key=changed), *rest)))
    return None


def _in_key(hand: Hand, key: n.Expr) -> n.Expr | None:
    return hand.other_column(key) or _argument(hand, key)


def _direction(hand: Hand) -> n.Trajectory | None:
    place = hand.pick(hand.places(n.OrderBy))
    if place is None or not isinstance(place.action, n.OrderBy):
        return None
    first, *rest = place.action.keys
    return hand.put(place, n.OrderBy((replace(first, descending=not first.descending), *rest)))


def _other_group(hand: Hand) -> n.Trajectory | None:
    for place in hand.places(n.GroupBy):
        assert isinstance(place.action, n.GroupBy)
        other = hand.other_column(place.action.keys[0])
        if other is not None:
            return hand.put(place, n.GroupBy((other, *place.action.keys[1:])))
    return None


def _other_limit(hand: Hand) -> n.Trajectory | None:
    for place in hand.places(n.Limit):
        assert isinstance(place.action, n.Limit)
        count = place.action.count
        if isinstance(count, n.Literal) and isinstance(count.value, int):
            return hand.put(place, replace(place.action, count=n.Literal(count.value + 1)))
    return None


def _other_set(hand: Hand) -> n.Trajectory | None:
    place = hand.pick(hand.places(n.Combine))
    if place is None or not isinstance(place.action, n.Combine):
        return None
    others = [kind for kind in ("union", "intersect", "except") if kind != place.action.kind]
    return hand.put(place, replace(place.action, kind=hand.rng.choice(others)))  # type: ignore[arg-type]


def _other_join(hand: Hand) -> n.Trajectory | None:
    for place in hand.places(n.Join):
        on = place.action.on if isinstance(place.action, n.Join) else None
        if isinstance(on, n.Binary) and isinstance(place.action, n.Join):
            other = hand.other_column(on.left)
            if other is not None:
                return hand.put(place, replace(place.action, on=replace(on, left=other)))
    return None


EDITS: Mapping[str, Edit] = {
    "add where": _add_where,
    "delete where": _delete(n.Where),
    "substitute where literal": _where(_literal),
    "substitute where column": _where(_column),
    "substitute where operator": _where(_operator),
    "substitute where condition": _where(_pattern),
    "delete having": _delete(n.Having),
    "substitute having literal": _where(_literal, n.Having),
    "substitute having operator": _where(_operator, n.Having),
    "substitute select column": _items(_selected_column),
    "substitute select argument": _items(_argument),
    "substitute select aggregate": _items(_aggregate),
    "substitute select count distinct": _items(_count_distinct),
    "substitute select expression": _items(_expression),
    "substitute select distinct": _select(_distinct),
    "substitute select more": _select(_more),
    "substitute select fewer": _select(_fewer),
    "substitute select order": _select(_order),
    "add groupby": _add_groupby,
    "delete groupby": _delete(n.GroupBy),
    "substitute groupby": _other_group,
    "add orderby": _add_orderby,
    "delete orderby": _delete(n.OrderBy),
    "substitute orderby key": _other_key,
    "substitute orderby direction": _direction,
    "add limit": _add_limit,
    "delete limit": _delete(n.Limit),
    "substitute limit": _other_limit,
    "substitute combine": _other_set,
    "substitute join": _other_join,
}
"""By kind; the kinds are those of `error_kinds`."""
