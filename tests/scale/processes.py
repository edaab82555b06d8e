"""Processes and their children, as Linux tells them."""

from __future__ import annotations

from pathlib import Path


def children(parent: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    found, before = {parent}, 0
    while len(found) > before:
        before = len(found)
        found |= {pid for pid, above in parents.items() if above in found}
    return sorted(found - {parent})


def has_ended(pid: int) -> bool:
    """Whether a process is gone, but for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def command_of(pid: int) -> bytes:
    """A process's command, or the title that it gave itself; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
