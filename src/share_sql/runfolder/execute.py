"""Run many cases into a folder: resume, journal as they finish, files at the end."""

from __future__ import annotations

import hashlib
import logging
import platform
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql import __version__
from share_sql.errors import (
    AnswerEmpty,
    AnswerUnreadable,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
    RunFolderError,
    RunStopped,
)
from share_sql.runfolder.counts import RunCounts
from share_sql.runfolder.databases import reopen_changed
from share_sql.runfolder.folder import open_run_folder
from share_sql.runfolder.ledger import CALLS, Ledger
from share_sql.runfolder.record import EndedCase, Recorder, failed_row, fingerprint
from share_sql.runfolder.together import together

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.case import Case, ModelFailure
    from share_sql.catalog import Catalog
    from share_sql.prompts.library import PromptSet
    from share_sql.stages.state import State


log = logging.getLogger("share_sql")

OUTAGES = frozenset(
    each.cause
    for each in (
        ModelUnavailable,
        ModelUnreachable,
        ModelLimited,
        ModelTimeout,
        ModelRefused,
        AnswerUnreadable,
        AnswerEmpty,
    )
)
"""Causes that may hold for a whole run."""


@dataclass(frozen=True)
class RunSettings:
    """What determines a run's outcome beside its cases. A resumed run must have the same."""

    policy: str
    models: Mapping[str, str]
    """The model's name by role."""
    prompts: PromptSet
    conventions: str = "none"
    """Whether kinds of change that follow a benchmark's conventions act."""
    without: Sequence[str] = ()
    """Kinds of change that may not act."""
    only: Sequence[str] = ()
    """Kinds of change that alone may act; empty for all."""
    min_confidence: float = 0.0
    """A change of less confidence is not made, 0 to 1."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of further inputs, by what they are (tables, meanings)."""

    def comparable(self) -> dict[str, Any]:
        """As flat JSON, for the journal."""
        return {
            "version": __version__,
            "policy": self.policy,
            "conventions": self.conventions,
            "without": ",".join(sorted(self.without)),
            "only": ",".join(sorted(self.only)),
            "min confidence": self.min_confidence,
            "prompts": f"{self.prompts.name} {self.prompts.fingerprint}",
            **{f"model for {role}": name for role, name in sorted(self.models.items())},
            **{f"{what} file": print_ for what, print_ in sorted(self.inputs.items())},
        }


class Outage:
    """Notices a model that fails alike in case after case, so that a run need not fail in all of them."""

    FIRST = 8
    """Cases in a row that end a run in which the model has never answered."""
    LATER = 16
    """The same, where it has answered before: so many at least, and 8 more than are under way at once, since
    those that wait in vain end together, behind those that were answered. The run pauses once, after half as
    many: a server that starts again takes a while."""
    PAUSE_SECONDS = 20.0
    """How long."""

    def __init__(self, at_once: int = 1) -> None:
        """`at_once` is how many cases may be under way at once."""
        self._later = max(self.LATER, self.LATER // 2 + at_once)
        self.length = 0
        """Cases in a row, for the model that was noticed."""
        self._rows: dict[str, tuple[tuple[str, str], int]] = {}
        self._answered: set[str] = set()

    def seen(self, ended: EndedCase | State) -> ModelFailure | None:
        """Take a finished case into account; the failure that should end the run, if there is one."""
        failed = {each.role: each for each in ended.failures}
        for role in ended.usage.keys() - failed.keys():
            self._answered.add(role)
            self._rows.pop(role, None)
        for role, failure in failed.items():
            if failure.cause not in OUTAGES:
                continue
            # A refusal may be of the one request (a prompt too long, say): then its words differ.
            kind = (failure.cause, failure.message if failure.cause == ModelRefused.cause else "")
            before, length = self._rows.get(role, (kind, 0))
            length = length + 1 if before == kind else 1
            self._rows[role] = (kind, length)
            if length == self._later // 2 and role in self._answered:
                log.warning(
                    "%s has not answered in %d cases in a row (%s); going on in %.0f s",
                    *(role, length, failure.message, self.PAUSE_SECONDS),
                )
                time.sleep(self.PAUSE_SECONDS)
            if length >= (self._later if role in self._answered else self.FIRST):
                self.length = length
                return failure
        return None


def file_fingerprint(path: Path) -> str:
    """A short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def run_cases(
    assistant: Assistant,
    cases: Collection[LabelledCase],
    out: Path,
    settings: RunSettings,
    *,
    catalog: Catalog | None = None,
    answered_as: Callable[[], Mapping[str, Sequence[str]]] = dict,
    ledger: Ledger | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RunCounts:
    """Correct every case and write the run folder.

    Args:
        assistant: corrects; closed by the caller.
        cases: in the order of the files to write; gone through twice, and not kept, so that `CaseFile` is as
            good as a list. They begin in an order of their own (`together.py`). Cases with a `problem` are
            kept as they are, with it as the reason.
        out: the run folder.
        settings: written to run.json; compared on resuming.
        catalog: the assistant's; where the run is resumed, its databases are looked at. None: they are not.
        answered_as: asked at the end for run.json: by role, names of models that answered in place of the one
            that was asked.
        ledger: writes down the calls of the assistant's models, which are its `models`; None: they are not
            written down, and are made again where a case is done again.
        resume: go on with an unfinished run. Finished cases whose database has changed since are done again;
            the log tells it.
        progress: called with the number of finished cases and of all, at the start and after each case.

    Returns:
        How the cases ended. Cases that failed have their lines in the files, with the error; `resume` does
        again those that lost a model or their database.

    Raises:
        RunFolderError: the folder cannot be used; see `open_run_folder`.
        RunStopped: a model failed alike in case after case (see `Outage`). No file but the journal is
            written; `resume` goes on.
    """
    # The clock may be set meanwhile: what a run took is measured by another.
    started, began = datetime.now(UTC), time.monotonic()
    ledger = Ledger({}) if ledger is None else ledger
    with open_run_folder(out, settings.comparable(), _Prints(cases), resume=resume) as folder, ledger:
        journal = folder.journal
        if resume and catalog is not None:
            reopen_changed(journal, catalog)
        ledger.open(out / CALLS, journal.head["run"], journal.unfinished)
        before = ledger.paid.values()
        assistant.already_spent(
            sum(paid.usage.tokens for paid in before), sum(paid.cost or 0 for paid in before)
        )
        done = resumed = len(journal)
        under_way: dict[int, int] = {}
        """Positions of the cases that are being corrected, by their place among these."""
        outage = Outage(assistant.at_once)
        failed: list[dict[str, str]] = []

        def show_progress() -> None:
            if progress:
                progress(done, len(cases))

        def good() -> Iterator[Case]:
            """The cases to correct; those that cannot be are written down on the way."""
            nonlocal done
            count = 0
            for position, labelled in together(enumerate(cases)):
                if position in journal:
                    continue
                case = labelled.case
                if not journal.holds(position, case.id):
                    raise RunFolderError("the file of cases changed while it was read; run again")
                if labelled.problem:
                    row = failed_row(case, labelled.problem, duplicate=labelled.duplicate)
                    journal.append(position, row)
                    done += 1
                    show_progress()
                    continue
                ledger.begin(position, case.id)
                under_way[count] = position
                count += 1
                yield case

        show_progress()
        with closing(assistant.correct_as(good(), Recorder(settings.prompts))) as ends:
            for place, case in ends:
                position = under_way.pop(place)
                ledger.end(position, case.line.id)
                journal.add(position, case.line)
                if case.line.failed:
                    failed.append({"id": case.line.id, "error": case.error or "", "cause": case.cause or ""})
                done += 1
                show_progress()
                if (failure := outage.seen(case)) and done < len(cases):
                    raise RunStopped(
                        f"stopped with {len(cases) - done} of {len(cases)} cases not tried: {failure.role} "
                        f"did not answer in {outage.length} cases in a row ({failure.message}); mend that "
                        "and go on with --resume",
                        done,
                        failed,
                    )
        ended, seconds = datetime.now(UTC), time.monotonic() - began
        return folder.finish(
            {
                "settings": settings.comparable(),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "started": started.isoformat(timespec="seconds"),
                "ended": ended.isoformat(timespec="seconds"),
                "seconds": round(seconds, 3),
                "resumed": resumed,
                "answered_as": {role: list(names) for role, names in sorted(answered_as().items()) if names},
            },
            ledger.paid,
        )


class _Prints(Collection[tuple[str, str]]):
    """Id and fingerprint of each case, made as they are gone through."""

    def __init__(self, cases: Collection[LabelledCase]) -> None:
        self._cases = cases

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((labelled.case.id, fingerprint(labelled.case)) for labelled in self._cases)

    def __contains__(self, pair: object) -> bool:
        return any(pair == each for each in self)
