"""A run's folder: one run at a time, a journal while it goes (see journal.py), the final files at its end
(see final.py)."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from share_sql.errors import RunFolderError
from share_sql.runfolder.counts import RunCounts
from share_sql.runfolder.final import FINAL_FILES, write_final_files
from share_sql.runfolder.journal import Journal
from share_sql.runfolder.known import KnownCases
from share_sql.runfolder.ledger import CALLS, Paid

JOURNAL = "journal.jsonl"
RAY_PLAN = "ray.json"
"""In the folder of a run of `--engine ray`, which has no journal."""
log = logging.getLogger("share_sql")


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

    def finish(self, run: Mapping[str, Any], paid: Mapping[str, Paid] | None = None) -> RunCounts:
        """Make all final files from the journal.

        Args:
            run: what goes into run.json beside databases and counts.
            paid: by role, what the ledger has of the run's calls.

        Returns:
            How the cases ended.

        Raises:
            RunFolderError: a case is missing from the journal, or its line was damaged since it was written;
                a file cannot be written.
        """
        if untried := self.untried:
            raise RunFolderError(f"{self.path}: {len(untried)} cases are not finished; go on with --resume")
        self.journal.sync()
        databases, changed = {}, {}
        for name, states in sorted(self.journal.databases().items()):
            *before, databases[name] = states
            if earlier := sum(len(states[fingerprint]) for fingerprint in before):
                changed[name] = earlier
        about = {**run, "databases": databases, "damaged": self.journal.damaged}
        return write_final_files(self.path, self.journal.rows(range(self.positions)), about, changed, paid)


@contextmanager
def open_run_folder(
    path: Path, settings: Mapping[str, Any], cases: Collection[tuple[str, str]], *, resume: bool
) -> Iterator[RunFolder]:
    """Open a folder for a run, locked until the block ends. Damaged lines of its journal are told in the log.

    Args:
        path: the folder; made where it is missing.
        settings: what determines the outcome, as flat JSON; a resumed run must have the same.
        cases: id and fingerprint of each case, in order; a resumed run must have the same. They are gone
            through, not kept.
        resume: go on with the run that the folder holds, if any. False: the folder must hold none.

    Raises:
        RunFolderError: another run is using the folder; it holds a run (without `resume`), or a run of
            other settings or cases (with it; the message names the first difference); its journal cannot be
            trusted (see `Journal`); it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"the run folder {path} cannot be made: {error.strerror}") from error
    with locked(path):
        journal_path = path / JOURNAL
        if (path / RAY_PLAN).exists():
            raise RunFolderError(
                f"{path} holds a run of --engine ray; go on with --engine ray, or name another folder"
            )
        if not resume:
            found = [name for name in (JOURNAL, CALLS, *FINAL_FILES) if (path / name).exists()]
            if found:
                raise RunFolderError(
                    f"{path} holds a run already ({found[0]}); go on by --resume, or name another folder"
                )
        known = KnownCases(cases)
        with Journal(journal_path, settings, known) as journal:
            compare_settings(path, journal.head["settings"], json.loads(json.dumps(dict(settings))))
            _compare_cases(path, journal.head["cases"], known, cases)
            if damaged := journal.damaged:
                held = "line is passed over; what it" if damaged == 1 else "lines are passed over; what they"
                log.warning("%s: %d damaged %s held is done again", journal_path, damaged, held)
            yield RunFolder(path, journal, len(cases))


def compare_settings(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to go on with a run of other settings. Raises RunFolderError, which names the first that
    differs."""
    for key in sorted(old.keys() | new.keys()):
        before, now = old.get(key), new.get(key)
        if before != now:
            raise RunFolderError(
                f"{path} holds a run with {key} {_show(before)}, not {_show(now)}; resume with the same "
                "settings, or name another folder"
            )


def _compare_cases(path: Path, old: Any, known: KnownCases, cases: Iterable[tuple[str, str]]) -> None:
    what, first = known.difference(old)
    if first is not None:
        name = next(islice(cases, first, None), ("",))[0]
        what = f"the case {name[:80]} differs"
    if what:
        raise RunFolderError(f"{path} holds a run over other cases: {what}; name another folder")


def _show(value: object) -> str:
    return "unset" if value is None else json.dumps(value)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the folder's lock. The system lets go of it when the process ends, however it ends."""
    try:
        handle = (path / "run.lock").open("a+b")
    except OSError as error:
        raise RunFolderError(f"the run folder {path} cannot be written: {error.strerror}") from error
    with handle:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                raise RunFolderError(f"the run folder {path} cannot be locked: {error.strerror}") from error
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
