"""A long-running process of another program, which never outlives what it was started for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator

_END_SECONDS = 20.0
"""What a process has to end by itself before it is killed."""


@contextlib.contextmanager
def ends_with_block(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process, and what it started, with the block. SIGTERM and SIGHUP end the block as Ctrl-C does.

    Args:
        process: started in a session of its own.
    """
    try:
        with _terminated_as_interrupted():
            yield
    finally:
        _end(process)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)])]  # Windows has no SIGHUP
    # Who had one ignored, as nohup has SIGHUP, goes on so.
    before = {each: signal.getsignal(each) for each in numbers if signal.getsignal(each) != signal.SIG_IGN}
    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
