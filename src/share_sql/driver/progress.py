"""What a caller is told while a case is under way: each stage as it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from share_sql.case import StepNote
    from share_sql.stages.state import State


@dataclass(frozen=True)
class StageEnd:
    """One stage that has ended."""

    stage: str
    """Its name, as in `assistant.STAGES`."""
    state: State
    """All that is known of the case after it."""
    seconds: float
    """Wall-clock time that it took."""
    notes: tuple[StepNote, ...] = ()
    """What it said of itself; none where it had nothing to do."""


Progress: TypeAlias = Callable[[StageEnd], None]
"""Called after each stage. Of a case whose database changed on the way the stages come a second time."""
