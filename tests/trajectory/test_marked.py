"""Two trajectories side by side, each action with what became of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.trajectory.marked import MarkedStep, marked, steps
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.read import read
from tests.trajectory.trees import trajectories


def told(text: str) -> Trajectory:
    return read(text, []).trajectory


def shown(side: Iterable[MarkedStep]) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-", "changed": "~"}
    lines = []
    for step in side:
        parts = [*([step.source] if step.source is not None else []), *step.actions]
        lines += [f"{step.name} {signs[each.mark]}{each.text}" for each in parts]
    return lines


BEFORE = "df1 = df.where(element = t.a, filter = 'X')\nres = df1.select(t.b).limit(3)"
AFTER = "df1 = df.where(element = t.a, filter = 'x')\nres = df1.select(t.b).orderby(by = t.b, desc)"


def test_actions_are_marked_on_both_sides() -> None:
    before, after, changes = marked(told(BEFORE), told(AFTER))
    assert shown(before) == [
        "df1  df",
        "df1 ~where(element = t.a, filter = 'X')",
        "res  df1",
        "res  select(t.b)",
        "res -limit(3)",
    ]
    assert shown(after) == [
        "df1  df",
        "df1 ~where(element = t.a, filter = 'x')",
        "res  df1",
        "res  select(t.b)",
        "res +orderby(by = t.b, desc)",
    ]
    assert [change.kind for change in changes] == ["changed", "removed", "added"]


def test_of_like_actions_the_last_differs_as_in_the_diff() -> None:
    before, after, changes = marked(
        told("res = df.where(element = t.a, filter = 1).where(element = t.a, filter = 1).count()"),
        told("res = df.where(element = t.a, filter = 1).count()"),
    )
    assert [change.kind for change in changes] == ["removed"]
    assert [line[4] for line in shown(before)] == [" ", " ", "-", " "]
    assert [line[4] for line in shown(after)] == [" ", " ", " "]


def test_values_that_are_no_frames_are_marked_too() -> None:
    before, after, _ = marked(
        told("a = df.count()\nres = divide(a, 2)"), told("a = df.count()\nres = divide(a, 3)")
    )
    assert shown(before)[-1] == "res ~divide(a, 2)"
    assert shown(after)[-1] == "res ~divide(a, 3)"


@pytest.mark.parametrize("text", [BEFORE, AFTER])
def test_alone_everything_is_the_same(text: str) -> None:
    assert {line[4] for line in shown(steps(told(text)))} == {" "}
    assert shown(steps(told(text))) == shown(marked(told(text), told(text))[0])


@given(trajectories, trajectories)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_change_is_marked_once_on_each_of_its_sides(before: Trajectory, after: Trajectory) -> None:
    old, new, changes = marked(before, after)
    for side, others in ((old, "added"), (new, "removed")):
        marks = [
            each.mark
            for step in side
            for each in (*([step.source] if step.source is not None else []), *step.actions)
            if each.mark != "same"
        ]
        assert sorted(marks) == sorted(change.kind for change in changes if change.kind != others)
