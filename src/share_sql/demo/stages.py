"""What each stage made of a draft, for people: trajectories, candidates with their scores, the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.stages.state import Candidate, State
    from share_sql.trajectory.nodes import Trajectory

SHOWN = ("shop-03", "shop-25")
"""The cases whose stages the terminal shows: a column of another table, and a missing group."""

ASKED = ("sam", "lom", "scorer")
"""The roles that do nothing without a model."""

HOW = "sam, lom and scorer were not asked: `share models pull` fetches them, then `share demo` asks them."
"""How to see the rest, where no model answered."""

_MOST = 6
"""Candidates shown."""
_ORIGINS = {"repair": "repaired", "compile": "compiled", "generator": "generated", "edit": "edited"}


@dataclass(frozen=True)
class StageShown:
    """One stage's part."""

    name: str
    """As in `assistant.STAGES`, `draft` for what they start from, `candidates` for what they end with."""
    lines: tuple[str, ...]
    """What it made; where it failed, why."""


def stages_shown(state: State) -> tuple[StageShown, ...]:
    """What each stage made in a case, in their order.

    Args:
        state: the case's final state.

    Returns:
        The draft, the trajectories that there are, the candidates beside the draft, and the verdict. Stages
        that were left out for want of a model are not among them.
    """
    correction = state.correction
    assert correction is not None, "the judge always leaves a correction"
    failed = {each.role: each.message for each in state.failures}
    found = [StageShown("draft", _query(state.sql or state.case.draft))]
    made = {"bam": state.trajectory, "mask": state.masked, "sam": state.filled, "lom": state.final}
    for role, trajectory in made.items():
        if trajectory is not None:
            found.append(StageShown(role, _steps(trajectory)))
        elif role in failed:
            found.append(StageShown(role, (f"nothing of use: {failed[role]}",)))
    others = [each for each in state.candidates if each is not state.draft]
    if others:
        told = [line for each in others[:_MOST] for line in _candidate(each, state)]
        more = [f"and {len(others) - _MOST} more"] if len(others) > _MOST else []
        found.append(StageShown("candidates", (*told, *more)))
    sure = "" if correction.confidence is None else f", confidence {correction.confidence:.2f}"
    found.append(StageShown("judge", (f"{correction.verdict}{sure}: {' '.join(correction.reason.split())}",)))
    return tuple(found)


def asked_models(shown: Iterable[StageShown]) -> bool:
    """Whether a model made any of it."""
    return any(each.name in ASKED for each in shown)


def stage_lines(shown: Sequence[StageShown], width: int) -> Iterator[tuple[str, str]]:
    """Yield lines for a terminal: a stage's name, padded and only before its first line, and the text.

    Args:
        shown: as `stages_shown` gives it.
        width: characters of a line; longer ones go on, indented.
    """
    label = max(len(each.name) for each in shown) + 4
    for each in shown:
        name = f"  {each.name}"
        for line in each.lines:
            room = max(width - label, 20)
            for part in textwrap.wrap(line, room, subsequent_indent="    ", break_on_hyphens=False) or [""]:
                yield name.ljust(label), part
                name = ""


def _query(sql: str) -> tuple[str, ...]:
    """A query on one line: the layout is shown elsewhere."""
    return (" ".join(sql.split()),)


def _steps(trajectory: Trajectory) -> tuple[str, ...]:
    from share_sql.trajectory.write import write

    return tuple(write(trajectory, "paper").splitlines()) or ("no step",)


def _candidate(candidate: Candidate, state: State) -> tuple[str, ...]:
    """The query behind where it comes from, and what is known of it."""
    query = candidate.query
    known = []
    if candidate.score is not None:
        known.append(f"score {candidate.score:+.1f}")
    elif candidate.forth is not None:
        known.append(f"score one way {candidate.forth:+.1f}")
    if not query.runs:
        known.append("does not run")
    elif state.draft is not None and state.draft.query.runs and query.rows == state.draft.query.rows:
        known.append("the draft's rows")
    elif candidate.origin != "repair" and state.repaired and query.rows == state.repaired.query.rows:
        known.append("the repair's rows")
    said = f" ({', '.join(known)})" if known else ""
    origin = _ORIGINS.get(candidate.origin, candidate.origin)
    return (f"{origin}{said}: {' '.join(candidate.sql.split())}",)
