"""The writer, by itself and against the reader."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.trajectory import nodes as n
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write
from tests.trajectory.trees import trajectories


@given(trajectories)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_written_is_read_back(tree: n.Trajectory) -> None:
    text = write(tree)
    assert len(text.split("\n")) == len(tree.steps)
    assert read(text).trajectory == tree
