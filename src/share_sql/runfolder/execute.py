"""Run many cases into a folder: resume, journal as they finish, files at the end."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql import __version__
from share_sql.runfolder.folder import RunCounts, open_run_folder
from share_sql.runfolder.record import failed_row, fingerprint, state_row

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.prompts.library import PromptSet


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


def file_fingerprint(path: Path) -> str:
    """A short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def run_cases(
    assistant: Assistant,
    cases: Sequence[LabelledCase],
    out: Path,
    settings: RunSettings,
    *,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RunCounts:
    """Correct every case and write the run folder.

    Args:
        assistant: corrects; closed by the caller.
        cases: in the order of the files to write. Cases with a `problem` are kept as they are, with it as
            the reason.
        out: the run folder.
        settings: written to run.json; compared on resuming.
        resume: go on with an unfinished run.
        progress: called with the number of finished cases and of all, at the start and after each case.

    Returns:
        How the cases ended.

    Raises:
        RunFolderError: the folder cannot be used; see `open_run_folder`.
    """
    started = datetime.now(UTC)
    known = [(labelled.case.id, fingerprint(labelled.case)) for labelled in cases]
    with open_run_folder(out, settings.comparable(), known, resume=resume) as folder:
        pending = folder.pending
        resumed = len(cases) - len(pending)
        first = {labelled.case.id: position for position, labelled in reversed(list(enumerate(cases)))}

        def show_progress() -> None:
            if progress:
                progress(len(folder.journal), len(cases))

        show_progress()
        for position in pending:
            case, problem = cases[position].case, cases[position].problem
            if problem:
                duplicate = first[case.id] != position
                folder.journal.append(position, failed_row(case, problem, duplicate=duplicate))
        show_progress()
        good = [cases[position].case for position in pending if not cases[position].problem]
        for state in assistant.correct_states(good):
            folder.journal.append(first[state.case.id], state_row(state, settings.prompts))
            show_progress()
        ended = datetime.now(UTC)
        return folder.finish(
            {
                "settings": settings.comparable(),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "started": started.isoformat(timespec="seconds"),
                "ended": ended.isoformat(timespec="seconds"),
                "seconds": round((ended - started).total_seconds(), 3),
                "resumed": resumed,
            }
        )
