"""Commands as processes that are watched: seconds, processor time, memory of all that they start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SHARE = (sys.executable, "-c", "from share_sql.cli.main import main; main()")
"""The command `share` of this interpreter's installation, or of the checkout that `environment_of` names."""
EVERY = 0.25
"""Seconds between two looks at a process: each takes a millisecond or two."""


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end."""

    code: int
    seconds: float
    processor_seconds: float
    """Of it and of all processes that it waited for."""
    peak_mb: float
    """The most resident memory of it and its processes together; pages that they share count once each. 0
    where it was not watched."""
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Look:
    """What a process and those below it had at one moment."""

    mb: float
    own_mb: float
    """Without pages that are mapped from files, which the system takes back where others need them."""
    files: int
    threads: int
    processes: int


def finished(
    command: Sequence[str],
    *,
    watch: bool = False,
    seen: Callable[[Look], None] | None = None,
    cwd: Path | None = None,
    checkout: Path | None = None,
) -> Finished:
    """Run a command to its end, whatever its exit code.

    Args:
        command: program and arguments.
        watch: look at its memory while it runs; only Linux has what that reads.
        seen: called with each look.
        cwd: its working folder.
        checkout: another checkout of the project, whose source it imports in place of this one's.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=environment_of(checkout),
        )
        looks: list[Look] = []
        ended = threading.Event()

        def looking() -> None:
            while not ended.wait(EVERY):
                if (one := look(process.pid)) is not None:
                    looks.append(one)
                    if seen is not None:
                        seen(one)

        thread = threading.Thread(target=looking) if watch or seen else None
        if thread:
            thread.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            ended.set()
            if thread:
                thread.join()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # waited for already: no zombie, no warning
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        return Finished(
            process.returncode,
            seconds,
            used.ru_utime + used.ru_stime,
            max((each.mb for each in looks), default=0.0),
            *texts,
        )


def environment_of(checkout: Path | None = None) -> dict[str, str]:
    """This process's environment, for a command that may keep bytecode, as an installed one does."""
    kept = {name: said for name, said in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept if checkout is None else kept | {"PYTHONPATH": str(checkout.absolute() / "src")}


def look(pid: int) -> Look | None:
    """A process and all below it; None where it has just ended."""
    mb = own_mb = 0.0
    files = threads = processes = 0
    waiting = [pid]
    while waiting:
        at = waiting.pop()
        try:
            lines = Path(f"/proc/{at}/smaps_rollup").read_text().splitlines()
            status = dict(line.split(":", 1) for line in Path(f"/proc/{at}/status").read_text().splitlines())
            files += len(os.listdir(f"/proc/{at}/fd"))
            for task in Path(f"/proc/{at}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            if at == pid:
                return None
            continue
        # The proportional size: pages that processes share are not counted twice.
        mb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        own_mb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024
        threads += int(status.get("Threads", "0"))
        processes += 1
    return Look(mb, own_mb, files, threads, processes)
