"""A case (what is asked) and its correction (what came of it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from share_sql.models.base import Usage

Verdict: TypeAlias = Literal["kept", "corrected", "abstained"]
"""kept: the draft is handed back; nothing better was found. corrected: other SQL is handed back.
abstained: the draft runs and there is evidence against it, yet no candidate is good enough to replace
it; the draft is handed back. A draft that cannot be run at all is kept, and the reason says why."""


@dataclass(frozen=True)
class Case:
    """One draft to correct. Holds no gold: labels live with evaluation.

    It needs a database and a draft; the reason of its correction says where one is missing.
    """

    id: str = ""
    """Given back in the correction. Unique in a file of cases; for BIRD the question_id, for Spider the
    position, as text."""
    question: str = ""
    """What the SQL should answer; without it no confidence is told, and what it would prove is not seen."""
    database: str = ""
    """Name from the settings or the catalog, a path or a URL."""
    draft: str = ""
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
    `missing`, `budget`, … (`errors.ModelError.cause`)."""
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
    """The stage's name, as in `assistant.STAGES`; `database` where the database could not be opened,
    `process` where the process that worked on the case died, `budget` where nothing was left to begin it
    with, and `end` where it was too much work to write down what came of it."""
    text: str
    """One line."""
    seconds: float = 0.0
    error: str | None = None
    """The named error's message where the stage failed; the case went on without its result."""
    cause: str | None = None
    """What failed, in one word, where it was not the stage's own matter: `database` (it could not be opened
    or read), `work` (too much of it for a case), `internal` (a fault of SHARE's own), `budget` (used up
    before the case began). Models' failures stand in `Correction.failures`."""


Place: TypeAlias = tuple[int, int]
"""Start and end in a text, in characters from 0; the end is exclusive."""


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
    place: Place | None = None
    """Where in the draft as given; None where it is about the whole query, or was found by a repair."""


@dataclass(frozen=True)
class TextChange:
    """A replacement in a text."""

    start: int
    """Where the replaced part begins, in characters."""
    end: int
    """Where it ends; equal to `start` where text is put in."""
    text: str
    """What stands there instead."""


@dataclass(frozen=True)
class QueryWarning:
    """What is risky in a draft that may well be right: told, never acted on."""

    kind: str
    """Stable name, a row of `edits.table`."""
    message: str
    """One line: what was seen, with the names and values."""
    place: Place | None = None
    """Where in the draft as given; None where it is about the whole query."""
    suggestion: TextChange | None = None
    """A change to the draft that takes the risk away; None where the right one depends on what is asked."""


@dataclass(frozen=True)
class Inspection:
    """What is told about a draft beside its correction, where that was asked for."""

    warnings: tuple[QueryWarning, ...] = ()
    """What is risky in the draft."""
    fingerprint: str = ""
    """The database's fingerprint; another one says that its content may have changed."""
    rows_before: str | None = None
    """Hash of the draft's rows (`query.outcome.rows_hash`); None where it does not run."""
    rows_after: str | None = None
    """Hash of the rows of the SQL handed back; None where it does not run."""


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
    without a question, or of what was not run to its end. 0 for what does not run."""
    draft: str = ""
    findings: tuple[WeighedFinding, ...] = ()
    steps: tuple[StepNote, ...] = ()
    changes: tuple[str, ...] = ()
    """The trajectory's diff from draft to correction, one line an action."""
    usage: dict[str, Usage] = field(default_factory=dict)
    """Tokens by stage."""
    inspection: Inspection | None = None
    """Warnings, and what a replay compares; None where it was not asked for."""
    runs: bool | None = None
    """Whether `sql` runs, False also where it is no query; None where nothing could be run, or not to
    its end: it is slow, or its result large."""
    failures: tuple[ModelFailure, ...] = ()
    """Models that were asked and gave nothing of use, in the order of the stages."""

    @property
    def lost(self) -> tuple[ModelFailure, ...]:
        """The failures of models that should have answered: what came of the case may differ from what it
        would be with them."""
        return tuple(each for each in self.failures if each.loses)

    def _repr_html_(self) -> str:
        """What a notebook shows: verdict, reason, the diff, findings and the trajectory's changes; every text
        escaped (see `display`)."""
        from share_sql import display
        from share_sql.sql.marks import mark_changes, signed_lines

        draft, sql = mark_changes(self.draft, self.sql)
        same = self.draft == self.sql
        warnings = self.inspection.warnings if self.inspection is not None else ()
        return display.frame(
            self.verdict,
            (display.sure(self.confidence), *(("does not run",) if self.runs is False else ())),
            display.paragraph(self.reason),
            display.sides(*([("Draft", draft)] if same else [("Draft", draft), ("Correction", sql)])),
            display.listed("Findings", ((each.kind, each.message) for each in self.findings)),
            display.listed("Warnings", ((each.kind, each.message) for each in warnings)),
            display.listed("Models that gave nothing", ((each.role, each.message) for each in self.failures)),
            display.changed_lines(
                "Changes of the trajectory", (line for each in self.changes for line in signed_lines(each))
            ),
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same in short, for IPython in a terminal."""
        from share_sql.display import plain, sure

        changes = "".join(f"\n  {each}" for each in self.changes)
        printer.text(plain(f"{self.verdict} ({sure(self.confidence)}): {self.reason}{changes}\n{self.sql}"))
