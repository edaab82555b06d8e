"""Make a right query wrong, in the proportions in which real drafts are wrong.

Which kind of error is drawn as often as it was measured; a kind that the query gives nothing to work on gives
way to another. All draws come from the generator passed in, so that a seed fixes everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from share_sql.edits.name import NAMED
from share_sql.edits.right import Literals
from share_sql.edits.spoil import SPOILS, spoil
from share_sql.query.examined import Examined, unrun
from share_sql.training.error_profile import ErrorProfile
from share_sql.trajectory.likeness import same_trajectory
from share_sql.trajectory.nodes import Trajectory

MAX_ERRORS = 3
"""Errors put into one query at most; the measured number counts as this where it is larger."""

MADE = tuple(kind for kind in SPOILS if kind in NAMED)
"""The kinds that are made: those by which real drafts are counted."""


@dataclass(frozen=True)
class Spoiled:
    """A query made wrong."""

    sql: str
    trajectory: Trajectory
    kinds: tuple[str, ...]
    """What was done, in order, named by the changes that mend it."""


def make_wrong(
    query: Examined, profile: ErrorProfile, rng: random.Random, literals: Literals, tries: int = 12
) -> Iterator[Spoiled]:
    """Yield wrong versions of a right query, each drawn anew.

    Args:
        query: the right one.
        profile: how often which kind of error is made; an empty one makes all kinds equally often.
        rng: draws.
        literals: constants by column.
        tries: versions tried by the profile; as many follow in which all kinds are equally often. Those
            whose trajectory says the same as the right one's are not given.

    Raises:
        SqlError, TrajectoryError: the right query cannot be written as a trajectory.
    """
    right, trajectory = query.text(query.tree), query.trajectory
    if not isinstance(trajectory, Trajectory):
        raise trajectory
    for attempt in range(2 * tries):
        if attempt == tries and profile.kinds:
            profile = ErrorProfile({}, {})  # what is usual here changes nothing; anything will do
        wrong, done, texts = query, [], {right}
        for _ in range(_number(profile, rng)):
            for kind in _kinds_in_order(profile, rng):
                changed = spoil(wrong, kind, rng, literals)
                if changed is not None and query.text(changed) not in texts:
                    wrong = unrun(query.text(changed), query.context)
                    texts.add(wrong.sql)
                    done.append(kind)
                    break
        found = wrong.trajectory
        if done and isinstance(found, Trajectory) and not same_trajectory(found, trajectory):
            yield Spoiled(wrong.sql, found, tuple(done))


def _number(profile: ErrorProfile, rng: random.Random) -> int:
    if not profile.sizes:
        return 1
    sizes = sorted(profile.sizes)
    return min(rng.choices(sizes, [profile.sizes[size] for size in sizes])[0], MAX_ERRORS)


def _kinds_in_order(profile: ErrorProfile, rng: random.Random) -> list[str]:
    """All kinds in a random order in which frequent ones come early (a draw without replacement).

    Kinds that were never measured come last, for queries that no other can be made in.
    """
    drawn = []
    for kind in MADE:
        weight = profile.kinds.get(kind, 0) if profile.kinds else 1
        # The key of Efraimidis and Spirakis' weighted sampling; below 0 it only orders what is left over.
        drawn.append((rng.random() ** (1 / weight) if weight else -rng.random(), kind))
    return [kind for _, kind in sorted(drawn, reverse=True)]
