"""The writer, by itself and against the reader."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.trajectory import nodes as n
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write
from tests.trajectory.answer_pairs import Pair, pairs
from tests.trajectory.trees import trajectories


@given(trajectories)
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_what_is_written_is_read_back(tree: n.Trajectory) -> None:
    text = write(tree)
    assert len(text.split("\n")) == len(tree.steps)
    assert read(text).trajectory == tree


@given(trajectories)
@settings(max_examples=50, suppress_health_check=list(HealthCheck))
def test_the_papers_dialect_has_no_joins(tree: n.Trajectory) -> None:
    text = write(tree, "paper")
    assert len(text.split("\n")) == len(tree.steps)
    assert not any(isinstance(node, n.Join) for node in read(text).trajectory.walk())


@pytest.mark.parametrize("pair", pairs("paper.txt"), ids=lambda pair: pair.title)
def test_golden_paper(pair: Pair) -> None:
    tree = read(pair.given).trajectory
    assert tree.is_typed
    assert write(tree, "paper") == pair.expected
    assert read(pair.expected).trajectory.is_typed


def test_names_of_steps_that_cannot_be_written_are_replaced() -> None:
    first = n.Step("my step", n.Frame("df", (n.Aggregate("count"),)))
    last = n.Step("res", n.Frame("df", (n.Select((n.FrameColumn("my step", n.ColumnRef(None, "x")),)),)))
    assert write(n.Trajectory((first, last))) == "my_step = df.count()\nres = df.select(my_step.x)"


def test_an_empty_trajectory_is_an_empty_text() -> None:
    assert write(n.Trajectory(())) == ""
