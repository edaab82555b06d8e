"""A case (what is asked) and its correction (what came of it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from share_sql.models.base import Usage

Verdict: TypeAlias = Literal["kept", "corrected", "abstained"]
"""kept: the draft is handed back; nothing better was found. corrected: other SQL is handed back.
abstained: the draft runs and there is evidence against it, yet no candidate is good enough to replace
it; the draft is handed back. A draft that cannot be run at all is kept, and the reason says why."""


@dataclass(frozen=True)
class Case:
    """One draft to correct. Holds no gold: labels live with evaluation."""

    id: str
    """Unique in its file; for BIRD the question_id, for Spider the position, as text."""
    question: str
    database: str
    """Name from the settings, a path or a URL."""
    draft: str
    """The SQL to correct, as a model wrote it (may hold prose or fences)."""
    evidence: str = ""
    """BIRD's outside knowledge; empty where there is none."""


@dataclass(frozen=True)
class ModelFailure:
    """A model that a stage asked and that gave nothing of use."""

    role: str
    """Who was asked: a name in `models.roles.ROLES`."""
    cause: str
    """`unreachable`, `limited`, `timeout`, `unavailable`, `refused`, `unreadable`, `empty`, `unusable`,
    `missing`, … (`errors.ModelError.cause`)."""
    message: str
    """One line: what happened, and what to do."""
    loses: bool = True
    """Whether asking again may give an answer; the case counts as failed then."""


def failures_in_words(failures: Sequence[ModelFailure]) -> str:
    """One line about models that failed: each kind once, with its first message; empty for none."""
    by_cause: dict[str, list[ModelFailure]] = {}
    for each in failures:
        by_cause.setdefault(each.cause, []).append(each)
    told = []
    for first, *others in by_cause.values():
        also = " and ".join(dict.fromkeys(each.role for each in others))
        if first.loses:
            what = f"{first.role} did not answer ({first.message})"
            told.append(f"{what}, nor did {also}" if also else what)
        else:
            what = f"{first.role} gave nothing of use ({first.message})"
            told.append(f"{what}, nor did {also}" if also else what)
    return "; ".join(told)


@dataclass(frozen=True)
class StepNote:
    """What one stage did, for people to read."""

    stage: str
    """The stage's name, as in `assistant.STAGES`; `database` where the database could not be opened."""
    text: str
    """One line."""
    seconds: float = 0.0
    error: str | None = None
    """The named error's message where the stage failed; the case went on without its result."""


@dataclass(frozen=True)
class WeighedFinding:
    """One piece of evidence against a draft (or a candidate), named, with what it weighs."""

    kind: str
    """Short stable name, e.g. `unknown-column`, `literal-spelling`, `empty-result`."""
    message: str
    """One line: what was seen, with the names and values at fault."""
    weight: float = 0.0
    """Log-odds that this kind of evidence adds to "the draft is wrong"; for what a repair found, the
    log-odds that repairs of its kind mend rather than break. From the calibrated weights."""


@dataclass(frozen=True)
class Correction:
    """The end of a case: always a verdict, a reason and SQL."""

    id: str
    sql: str
    """The corrected SQL, or the draft."""
    verdict: Verdict
    reason: str
    """Why, in a sentence or two; names each piece of evidence."""
    confidence: float | None
    """Calibrated probability that `sql` answers the question, 0 to 1; None where nothing can be said, as
    without a question. 0 for what does not run."""
    draft: str = ""
    findings: tuple[WeighedFinding, ...] = ()
    steps: tuple[StepNote, ...] = ()
    changes: tuple[str, ...] = ()
    """The trajectory's diff from draft to correction, one line an action."""
    usage: dict[str, Usage] = field(default_factory=dict)
    """Tokens by stage."""
    runs: bool | None = None
    """Whether `sql` runs, False also where it is no query; None where nothing could be run."""
    failures: tuple[ModelFailure, ...] = ()
    """Models that were asked and gave nothing of use, in the order of the stages."""

    @property
    def lost(self) -> tuple[ModelFailure, ...]:
        """The failures of models that should have answered: what came of the case may differ from what it
        would be with them."""
        return tuple(each for each in self.failures if each.loses)
