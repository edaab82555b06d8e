"""The process that holds a server: starts it, says where it is, ends it with its owner."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from .kinds import Kind, ServerMissing, new_password

START_SECONDS = 60.0
LOOK_SECONDS = 0.25


def watch(kind: Kind, state: Path, owner: int | None) -> int:
    """Start a server, write its URL or why there is none into `state`, and stay until it is to end.

    It ends on SIGTERM, when the process `owner` is gone, or when the state file is.
    """
    ended = False

    def end(_: int, __: FrameType | None) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix=f"share-{kind.name}-"))
    process = None
    try:
        try:
            process, url = _start(kind, folder)
        except ServerMissing as missing:
            _write(state, {"error": str(missing)})
            return 1
        _write(state, {"url": url, "pid": os.getpid()})
        while not ended and process.poll() is None and state.exists() and (owner is None or _there(owner)):
            time.sleep(LOOK_SECONDS)
        return 0
    finally:
        if process is not None:
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _start(kind: Kind, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    account = kind.account()
    folder.chmod(0o700)
    account.own(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = new_password()
    command = kind.make(folder, port, password, account)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_ends_with_parent,
            **account.keywords(),  # type: ignore[call-overload]
        )
    url = kind.url.format(port=port, password=password)
    late = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < late:
        if _answers(url):
            return process, url
        time.sleep(0.1)
    _stop(process)
    said = (folder / "log").read_text(errors="replace").strip()[-500:]
    raise ServerMissing(f"{kind.name} did not start: {said}")


def _answers(url: str) -> bool:
    from share_sql.database.open import open_database
    from share_sql.errors import DatabaseError

    try:
        with open_database(url):
            return True
    except DatabaseError:
        return False


def _ends_with_parent() -> None:
    """Linux ends the server where even this process is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server keeps nothing, so it is given little time."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT if "postgres" in str(process.args) else signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(state: Path, body: dict[str, object]) -> None:
    part = state.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(body))
    part.replace(state)
