"""What a trajectory as models write it means, settled before it is compiled."""

from __future__ import annotations

from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n


def settle(trajectory: n.Trajectory, schema: Schema) -> n.Trajectory:
    """Give every step a name of its own, and every name its meaning."""
    return trajectory
