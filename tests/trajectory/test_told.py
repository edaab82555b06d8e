"""What is told of a change: no join that is only written otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given

from share_sql.trajectory.diff import diff
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.read import read
from share_sql.trajectory.told import told_changes
from tests.trajectory.trees import trajectories


def lines(before: str, after: str) -> list[str]:
    return [str(change) for change in told_changes(read(before).trajectory, read(after).trajectory)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "res = df.from(orders).select(orders.name)",
            "res = df.where(element = orders.status, filter = 'Open').select(customers.name)",
            [
                "res: changed select(orders.name) to select(customers.name)",
                "res: added where(element = orders.status, filter = 'Open')",
            ],
        ),
        (
            "res = df.from(orders).join(customers, on = orders.id = customers.id)"
            ".where(element = orders.day, filter = 1).select(customers.name)",
            "res = df.where(element = orders.day, filter = 1).select(customers.name)",
            [
                "res: changed join(customers, on = orders.id = customers.id) to "
                "join(customers) by the declared key"
            ],
        ),
        (
            "res = df.where(element = orders.day, filter = 1).select(customers.name)",
            "res = df.from(orders).join(customers, on = orders.id = customers.id)"
            ".where(element = orders.day, filter = 1).select(customers.name)",
            [
                "res: changed join(customers) by the declared key to "
                "join(customers, on = orders.id = customers.id)"
            ],
        ),
        (
            "res = df.from(visit).select(visit.day)",
            "res = df.select(orders.day)",
            [
                "res: changed from(visit) to from(orders)",
                "res: changed select(visit.day) to select(orders.day)",
            ],
        ),
        (
            "res = df.from(orders).join(shops, on = orders.shop = shops.id).select(orders.day)",
            "res = df.select(orders.day)",
            ["res: removed join(shops, on = orders.shop = shops.id)"],
        ),
    ],
)
def test_joins_are_told_where_they_change(before: str, after: str, told: list[str]) -> None:
    assert sorted(lines(before, after)) == sorted(told)


@given(trajectories, trajectories)
def test_nothing_is_told_that_is_no_difference(before: Trajectory, after: Trajectory) -> None:
    told, found = told_changes(before, after), diff(before, after)
    assert len(told) <= len(found)
    assert {change.nodes for change in told} <= {change.nodes for change in found}
