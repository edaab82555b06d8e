"""Start a server once for all who ask, and find it again."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .kinds import ServerMissing
from .watch import START_SECONDS

ROOT = Path(__file__).resolve().parents[2]


def start(kind: str, folder: Path, owner: int | None) -> str:
    """The URL of a server of this kind, started where `folder` knows of none.

    Args:
        kind: a name in KINDS.
        folder: where its state is kept; those that name the same folder share the server.
        owner: the process that the server ends with; None: it runs until `stop`.

    Raises:
        ServerMissing: it cannot be started here; the message says why.
    """
    state = folder / f"{kind}.json"
    with open(folder / f"{kind}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _running(state):
            state.unlink(missing_ok=True)
            command = [sys.executable, "-m", "tests.servers", "watch", kind, str(state)]
            watcher = subprocess.Popen(
                [*command, *([] if owner is None else [str(owner)])],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            late = time.monotonic() + 2 * START_SECONDS
            while not state.exists() and time.monotonic() < late and watcher.poll() is None:
                time.sleep(0.05)
            watcher.returncode = 0  # it outlives this process, and Popen need not warn of it
    try:
        found = json.loads(state.read_text())
    except FileNotFoundError:
        raise ServerMissing(f"{kind}: the process that starts it ended") from None
    if "error" in found:
        raise ServerMissing(found["error"])
    return str(found["url"])


def stop(kind: str, folder: Path) -> bool:
    """End the server that `folder` knows of, and wait until it is gone. Returns whether there was one."""
    state = folder / f"{kind}.json"
    if not _running(state):
        state.unlink(missing_ok=True)
        return False
    pid = json.loads(state.read_text())["pid"]
    os.kill(pid, signal.SIGTERM)
    late = time.monotonic() + 30
    while _alive(pid) and time.monotonic() < late:
        time.sleep(0.05)
    state.unlink(missing_ok=True)
    return True


def _running(state: Path) -> bool:
    try:
        found = json.loads(state.read_text())
    except FileNotFoundError:
        return False
    return "error" in found or _alive(found["pid"])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:1]
    except (ProcessLookupError, PermissionError):
        return False
    except FileNotFoundError:  # no /proc here
        return True
