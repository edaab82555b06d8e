"""Make a right trajectory wrong, in the proportions in which real drafts are wrong.

Which kind of error is drawn as often as it was measured; a kind with nothing to hold on to in the
trajectory gives way to another. All choices come from the generator passed in, so that a seed fixes
everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from share_sql.schema.model import Schema
from share_sql.training.edits import EDITS, Hand, Literals
from share_sql.training.error_kinds import ErrorProfile
from share_sql.training.likeness import same_trajectory
from share_sql.trajectory import nodes as n

MAX_ERRORS = 3
"""Errors put into one trajectory at most; the measured number counts as this where it is larger."""


@dataclass(frozen=True)
class Edited:
    """A trajectory made wrong."""

    trajectory: n.Trajectory
    kinds: tuple[str, ...]
    """What was done, in order."""


def make_wrong(
    trajectory: n.Trajectory,
    schema: Schema,
    profile: ErrorProfile,
    rng: random.Random,
    literals: Literals,
    tries: int = 12,
) -> Iterator[Edited]:
    """Yield wrong versions of a right trajectory, each drawn anew.

    Args:
        trajectory: the right one.
        schema: its schema.
        profile: how often which kind of error is made; an empty one makes all kinds equally often.
        rng: draws.
        literals: constants by column.
        tries: versions tried by the profile; as many follow in which all kinds are equally often. Those
            that came out the same as the right one are not given.
    """
    for attempt in range(2 * tries):
        if attempt == tries and profile.kinds:
            profile = ErrorProfile({}, {})  # what is usual here changes nothing; anything will do
        edited, done = trajectory, []
        for _ in range(_number(profile, rng)):
            for kind in _kinds_in_order(profile, rng):
                changed = EDITS[kind](Hand(edited, schema, rng, literals))
                if changed is not None and not same_trajectory(changed, edited):
                    edited = changed
                    done.append(kind)
                    break
        if done and not same_trajectory(edited, trajectory):
            yield Edited(edited, tuple(done))


def _number(profile: ErrorProfile, rng: random.Random) -> int:
    if not profile.sizes:
        return 1
    sizes = sorted(profile.sizes)
    return min(rng.choices(sizes, [profile.sizes[size] for size in sizes])[0], MAX_ERRORS)


def _kinds_in_order(profile: ErrorProfile, rng: random.Random) -> list[str]:
    """All kinds in a random order in which frequent ones come early (a draw without replacement).

    Kinds that were never measured come last, for trajectories that no other can be made in.
    """
    drawn = []
    for kind in EDITS:
        weight = profile.kinds.get(kind, 0) if profile.kinds else 1
        # The key of Efraimidis and Spirakis' weighted sampling; below 0 it only orders what is left over.
        drawn.append((rng.random() ** (1 / weight) if weight else -rng.random(), kind))
    return [kind for _, kind in sorted(drawn, reverse=True)]
