"""Differences between trajectories."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import Change, diff
from share_sql.trajectory.read import read
from tests.limited import limited
from tests.trajectory.trees import trajectories

BEFORE = (
    "df1 = df.where(element = t.a, filter = 5).where(element = t.b, filter = 'x')\n"
    "res = df1.limit(1).select(t.c)"
)


def lines(before: str, after: str) -> list[str]:
    return [str(change) for change in diff(read(before).trajectory, read(after).trajectory)]


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        "res = df.where(element = t.b, filter = 'x').where(element = t.a, filter = 5).limit(1).select(t.c)",
        "x = df.where(T.A = 5 and T.b = 'x')\ny = x.limit(1)\nres = y.select(t.c)",
    ],
)
def test_the_cut_into_steps_makes_no_difference(after: str) -> None:
    assert lines(BEFORE, after) == []


def test_changes_are_paired() -> None:
    after = (
        "x = df.where(element = t.a, filter = 6)\ny = x.where(element = t.q, filter = 'is not null')\n"
        "res = y.limit(1).select(t.c).distinct()"
    )
    assert lines(BEFORE, after) == [
        "x: changed where(element = t.a, filter = 5) to where(element = t.a, filter = 6)",
        "df1: removed where(element = t.b, filter = 'x')",
        "res: changed select(t.c) to select_distinct(t.c)",
        "y: added where(element = t.q, filter = 'is not null')",
    ]


def test_a_change_in_an_inner_step_is_told_once() -> None:
    before = (
        "df1 = df.where(element = t.a, filter = 5).select(t.id)\n"
        "res = df.where(element = u.id, filter = 'in', value = df1)"
    )
    assert lines(before, before.replace("5", "6").replace("df1", "other")) == [
        "other: changed where(element = t.a, filter = 5) to where(element = t.a, filter = 6)"
    ]


def test_kinds() -> None:
    change = diff(read("res = df.count()").trajectory, read("res = df.count().limit(1)").trajectory)
    assert change == (Change("added", None, "limit(1)", "res"),)


@given(trajectories, trajectories)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_any_two_can_be_compared(left: n.Trajectory, right: n.Trajectory) -> None:
    assert diff(left, left) == ()
    assert all("\n" not in str(change) for change in diff(left, right))


LARGE = """
    from share_sql.trajectory import nodes as n
    from share_sql.trajectory.diff import diff

    def where(column, value):
        return n.Where(n.Binary("=", n.ColumnRef("t", column), n.Literal(value)))
"""


def test_many_steps_are_compared_with_few() -> None:
    said = limited(
        LARGE
        + """
    def steps(letter):
        named = ((f"{letter}{at}", n.Frame("df", (where(letter, at),))) for at in range(3_000))
        return n.Trajectory(tuple(n.Step(*each) for each in named))
    print(len(diff(steps("a"), steps("b"))))
    """,
        seconds=10,
        megabytes=800,
    )
    assert int(said) >= 3_000


def test_many_actions_are_compared_with_few() -> None:
    said = limited(
        LARGE
        + """
    def actions(first):
        conditions = tuple(where("a", first + at) for at in range(4_000))
        return n.Trajectory((n.Step("res", n.Frame("df", conditions)),))
    changes = diff(actions(0), actions(10_000))
    print(len(changes), changes[0].kind)
    """,
        seconds=5,
        megabytes=800,
    )
    assert said == "4000 changed\n"
