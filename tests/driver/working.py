"""What the tests of worker processes share: cases that fill one, and a look at the processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.case import Case, Correction
from tests.driver.living import case

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.stages.state import State

PATIENCE = 60.0


def children(pid: int | None = None) -> dict[int, str]:
    """The processes below one, each with its call."""
    found: dict[int, str] = {}
    me = pid or os.getpid()
    for task in Path(f"/proc/{me}/task").glob("*/children"):
        try:
            ids = [int(each) for each in task.read_text().split()]
        except OSError:
            continue  # the thread has ended meanwhile
        for each in ids:
            try:
                call = Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            found[each] = call
            found |= children(each)
    return found


def workers(pid: int | None = None) -> list[int]:
    """The worker processes below one."""
    return [each for each, call in children(pid).items() if "share_sql.driver.worker" in call]


def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process has not ended. One that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass(frozen=True)
class Long:
    """A correction; of a case named so it takes for ever in one process, but where the draft was not read."""

    process: int

    def __call__(self, state: State) -> Correction:
        while state.case.id == "long" and state.draft is not None and os.getpid() == self.process:
            pass
        assert state.correction is not None
        return state.correction


def where(state: State) -> tuple[str, int]:
    """Which process a case ended in."""
    return state.case.id, os.getpid()


def fill(assistant: Assistant, database: str, processes: int = 1) -> set[int]:
    """Have cases worked on until so many workers have done one; these."""
    at_work: set[int] = set()
    source = endless(database, lambda: len(at_work) < processes)
    for _, (_, process) in assistant.correct_as(source, where):
        at_work |= {process} - {os.getpid()}
    return at_work


def endless(database: str, go_on: Callable[[], bool]) -> Iterator[Case]:
    """Cases for as long as it is said."""
    count = 0
    while go_on():
        yield case(database, name=f"filling {count}")
        count += 1
