"""Batches of texts of about one length, bounded by tokens."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

_STEP = 16
"""Texts are padded to a multiple of this."""


def batches_by_length(lengths: NDArray[np.generic], tokens: int) -> list[list[int]]:
    """Positions in batches, the shortest texts first.

    Args:
        lengths: tokens of each text.
        tokens: of a batch at most, padding included; a text longer than that is a batch of its own.
    """
    found: list[list[int]] = []
    for i in np.argsort(lengths, kind="stable").tolist():
        longest = -(-int(lengths[i]) // _STEP) * _STEP
        if not found or longest * (len(found[-1]) + 1) > tokens:
            found.append([])
        found[-1].append(i)
    return found


def shuffled_batches(lengths: NDArray[np.generic], tokens: int, rng: random.Random) -> list[list[int]]:
    """The same in random order, and drawn by lot among texts of about one length."""
    found = batches_by_length(lengths + np.array([rng.uniform(0, 8) for _ in lengths]), tokens)
    rng.shuffle(found)
    return found
