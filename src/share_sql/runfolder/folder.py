"""A run's folder: one run at a time, a journal while it goes, the final files at its end.

    journal.jsonl                 what is finished so far (see journal.py)
    original_traj.jsonl           bam's prompts and trajectories, as the reference writes them
    masked_traj.jsonl             mask's
    intermediate_traj.jsonl       sam's
    final_traj.jsonl              lom's
    augmented_schema.json         columns by case
    prompts_for_generator.jsonl   the generator's prompts
    final_sql.json                the SQL by case, with BIRD's tag
    corrections.jsonl             id, sql, verdict, reason, confidence, usage, findings, changes, runs,
                                  failures, error
    usage.json                    tokens by stage
    timings.jsonl                 id, seconds by stage, and their total
    run.json                      settings, versions, models, counts and times

All but the last two hold nothing that differs from one run to the next; all are in the input's order. They
are written beside their final place and moved there, so that a file is either whole or not there.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from share_sql.errors import AnswerUnusable, PromptTooLong, RunFolderError
from share_sql.models.base import Usage
from share_sql.models.run_files import (
    AUGMENTED,
    CORRECTIONS,
    FINAL_SQL,
    GENERATOR_PROMPTS,
    STEP_FILES,
    TIMINGS,
)
from share_sql.runfolder.journal import Journal
from share_sql.sql.tag import with_tag

JOURNAL = "journal.jsonl"
FINAL_FILES = (
    *STEP_FILES.values(),
    GENERATOR_PROMPTS,
    AUGMENTED,
    FINAL_SQL,
    CORRECTIONS,
    "usage.json",
    TIMINGS,
    "run.json",
)
VARYING_FILES = frozenset({TIMINGS, "run.json"})
"""Those of FINAL_FILES that hold times, so that no two runs write the same."""


OF_NO_USE = frozenset({AnswerUnusable.cause, PromptTooLong.cause})
"""Failures of models that would be the same if they were asked again."""
NO_MODEL = frozenset({"input", "database", "internal"})
"""Causes of failed cases that no model has to do with."""


@dataclass(frozen=True)
class Failed:
    """A case that could not be worked on, or that lost a model."""

    id: str
    error: str
    """One line."""
    cause: str
    """`input`, `database`, `internal`, or how a model failed (`errors.ModelError.cause`)."""


@dataclass(frozen=True)
class RunCounts:
    """How a run's cases ended."""

    cases: int
    verdicts: Mapping[str, int]
    """Cases by verdict."""
    failed: tuple[Failed, ...]
    """Cases that could not be worked on, or lost a model. Their drafts are kept, or proved repairs of them
    stand."""
    usage: Mapping[str, Usage]
    """Tokens by stage."""
    unusable: Mapping[str, int] = field(default_factory=dict)
    """By role, cases in which it gave nothing of use: no trajectory, no SQL, no yes or no, or the prompt was
    too long for it."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """By role, cases whose answers were of use."""
    not_running: int = 0
    """Cases whose SQL handed back does not run, or is no query."""

    @property
    def causes(self) -> Mapping[str, int]:
        """Failed cases by cause."""
        return dict(sorted(Counter(each.cause for each in self.failed).items()))

    @property
    def lost(self) -> int:
        """Cases that lost a model."""
        return sum(each.cause not in NO_MODEL for each in self.failed)

    def told(self) -> dict[str, Any]:
        """What failed, as run.json and `share run --json` have it."""
        return {
            "failed": [asdict(each) for each in self.failed],
            "causes": self.causes,
            "unusable": dict(self.unusable),
            "not_running": self.not_running,
        }

    @property
    def useless(self) -> tuple[str, ...]:
        """Roles none of whose answers was of use."""
        return tuple(role for role in self.unusable if not self.answered.get(role))


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, locked for this process. Made by `open_run_folder`."""

    path: Path
    journal: Journal
    positions: int
    """Number of the run's cases."""

    @property
    def pending(self) -> list[int]:
        """Positions of the cases that are not finished yet: not tried, or failed."""
        return [position for position in range(self.positions) if position not in self.journal]

    @property
    def untried(self) -> list[int]:
        """Positions of the cases that have no line in the journal."""
        return [position for position in range(self.positions) if not self.journal.has(position)]

    def finish(self, run: Mapping[str, Any]) -> RunCounts:
        """Make all final files from the journal.

        Args:
            run: what goes into run.json beside the counts.

        Returns:
            How the cases ended.

        Raises:
            RunFolderError: a case is missing from the journal, or a file cannot be written.
        """
        if untried := self.untried:
            raise RunFolderError(f"{self.path}: {len(untried)} cases are not finished; go on with --resume")
        self.journal.sync()
        verdicts: Counter[str] = Counter()
        failed: list[Failed] = []
        unusable: Counter[str] = Counter()
        answered: Counter[str] = Counter()
        not_running = 0
        usage: dict[str, Usage] = {}
        augmented: dict[str, list[str]] = {}
        final_sql: dict[str, str] = {}
        with self._replacing() as files:
            for row in self.journal.rows(range(self.positions)):
                correction = row["correction"]
                verdicts[correction["verdict"]] += 1
                for stage, tokens in correction["usage"].items():
                    usage[stage] = usage.get(stage, Usage()) + Usage(**tokens)
                if correction["error"]:
                    # A journal of an earlier version holds no causes.
                    cause = row.get("cause") or "database"
                    failed.append(Failed(correction["id"], correction["error"], cause))
                failures = {each["role"]: each["cause"] for each in correction.get("failures", ())}
                unusable.update(role for role, cause in failures.items() if cause in OF_NO_USE)
                answered.update(role for role in correction["usage"] if role not in failures)
                not_running += correction.get("runs") is False
                _line(files[CORRECTIONS], correction)
                # A journal begun before times were kept has none.
                spent = row.get("seconds", {})
                total = round(sum(spent.values()), 6)
                _line(files[TIMINGS], {"id": correction["id"], "seconds": spent, "total": total})
                if row.get("duplicate"):
                    continue  # the keyed files have room for one case an id: the first
                for stage, name in STEP_FILES.items():
                    prompt, response = row["steps"].get(stage, ("", None))
                    _line(files[name], {"idx": _idx(row["id"]), "prompt": prompt, "response": response})
                _line(files[GENERATOR_PROMPTS], {"idx": _idx(row["id"]), "prompt": row["generator_prompt"]})
                augmented[row["id"]] = row["augmented"]
                final_sql[row["id"]] = with_tag(correction["sql"], row["database"])
            counts = RunCounts(
                self.positions,
                dict(sorted(verdicts.items())),
                tuple(failed),
                dict(sorted(usage.items())),
                dict(sorted(unusable.items())),
                dict(sorted(answered.items())),
                not_running,
            )
            used = asdict(sum(usage.values(), Usage()))
            about_run = {
                **run,
                "cases": counts.cases,
                "verdicts": counts.verdicts,
                **counts.told(),
                "usage": used,
            }
            tokens = {stage: asdict(spent) for stage, spent in counts.usage.items()}
            for name, value in (
                (AUGMENTED, augmented),
                (FINAL_SQL, final_sql),
                ("usage.json", {"stages": tokens, "total": used}),
                ("run.json", about_run),
            ):
                files[name].write(json.dumps(value, indent=4) + "\n")
        return counts

    @contextmanager
    def _replacing(self) -> Iterator[Mapping[str, IO[str]]]:
        """The final files to write; moved to their places together, once all are whole and on the disk."""
        drafts = {name: self.path / f".{name}.part" for name in FINAL_FILES}
        try:
            with ExitStack() as stack:
                files = {
                    name: stack.enter_context(draft.open("w", encoding="ascii", newline="\n"))
                    for name, draft in drafts.items()
                }
                yield files
                for file in files.values():
                    file.flush()
                    os.fsync(file.fileno())
            for name, draft in drafts.items():
                draft.replace(self.path / name)
        except OSError as error:
            raise RunFolderError(f"{self.path} cannot be written: {error.strerror}") from error
        finally:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)


@contextmanager
def open_run_folder(
    path: Path, settings: Mapping[str, Any], cases: list[tuple[str, str]], *, resume: bool
) -> Iterator[RunFolder]:
    """Open a folder for a run, locked until the block ends.

    Args:
        path: the folder; made where it is missing.
        settings: what determines the outcome, as flat JSON; a resumed run must have the same.
        cases: id and fingerprint of each case, in order; a resumed run must have the same.
        resume: go on with the run that the folder holds, if any. False: the folder must hold none.

    Raises:
        RunFolderError: another run is using the folder; it holds a run (without `resume`), or a run of
            other settings or cases (with it; the message names the first difference); it cannot be
            written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"the run folder {path} cannot be made: {error.strerror}") from error
    with _locked(path):
        journal_path = path / JOURNAL
        if not resume:
            found = [name for name in (JOURNAL, *FINAL_FILES) if (path / name).exists()]
            if found:
                raise RunFolderError(
                    f"{path} holds a run already ({found[0]}); go on by --resume, or name another folder"
                )
        head = {"settings": dict(settings), "cases": cases}
        with Journal(journal_path, head) as journal:
            _compare(path, journal.head, json.loads(json.dumps(head)))
            yield RunFolder(path, journal, len(cases))


def _compare(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in sorted(old["settings"].keys() | new["settings"].keys()):
        before, now = old["settings"].get(key), new["settings"].get(key)
        if before != now:
            raise RunFolderError(
                f"{path} holds a run with {key} {_show(before)}, not {_show(now)}; resume with the same "
                "settings, or name another folder"
            )
    if old["cases"] != new["cases"]:
        pairs = zip(old["cases"], new["cases"], strict=False)
        differ = next((b[0] for a, b in pairs if a != b), None)
        what = f"the case {differ} differs" if differ is not None else ""
        if len(old["cases"]) != len(new["cases"]) and not what:
            what = f"it has {len(old['cases'])} cases, now there are {len(new['cases'])}"
        raise RunFolderError(f"{path} holds a run over other cases: {what}; name another folder")


def _show(value: object) -> str:
    return "unset" if value is None else json.dumps(value)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder's lock. The system lets go of it when the process ends, however it ends."""
    try:
        handle = (path / "run.lock").open("a+b")
    except OSError as error:
        raise RunFolderError(f"the run folder {path} cannot be written: {error.strerror}") from error
    with handle:
        try:
            _lock(handle)
        except OSError:
            raise RunFolderError(
                f"another run is using {path}; wait for it, or name another folder"
            ) from None
        yield


def _lock(handle: IO[bytes]) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _line(file: IO[str], row: Mapping[str, Any]) -> None:
    file.write(json.dumps(row) + "\n")


def _idx(name: str) -> int | str:
    """The reference's idx is a number; ids that are none stay text."""
    return int(name) if name.isascii() and name.isdecimal() and str(int(name)) == name else name
