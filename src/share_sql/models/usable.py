"""Whether an answer is worth keeping: it holds a trajectory, SQL, or yes or no, as its role is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from share_sql.errors import SqlError, TrajectoryError

_TRAJECTORY = frozenset({"bam", "mask", "sam", "lom"})
_FEWEST_WORDS = 3
"""A text of fewer is no prose; what it says is left to the stage that asked."""


def is_usable(role: str, texts: Sequence[str]) -> bool:
    """Whether one of a model's answers may be of use: it is neither blank nor prose.

    Args:
        role: who was asked. Of a role whose answers may be anything, each text may be of use.
        texts: its answers.
    """
    return any(text.strip() and not _is_prose(role, text) for text in texts)


def _is_prose(role: str, text: str) -> bool:
    """Whether a text of some words holds nothing of what the role is asked for."""
    if len(text.split()) < _FEWEST_WORDS:
        return False
    if role == "scorer":
        return not text.strip().lower().startswith(("yes", "no"))
    if role in _TRAJECTORY:
        from share_sql.trajectory.read import read

        if text.lstrip().startswith(("[", "{")):
            return False  # sam may list columns, or fill masks as JSON
        try:
            return not read(text).trajectory.steps
        except TrajectoryError:
            return True
    if role == "generator":
        from share_sql.sql.text import extract_sql

        try:
            extract_sql(text)
        except SqlError:
            return True
    return False
