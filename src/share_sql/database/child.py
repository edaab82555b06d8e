"""A worker process and the pipe to it: started, asked, killed, reaped."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from select import POLLIN, POLLOUT, poll
from typing import Any, Self

_PASSED_ON = ("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""What of the environment reaches the worker: the time zone of `localtime`, and where libpython is."""


@dataclass(frozen=True)
class Program:
    """What a worker process runs."""

    module: str = "worker"
    """The script's name, in this folder."""
    path: tuple[str, ...] = ()
    """Folders it imports from, beside Python's own and this one."""


SQLITE = Program()


class ChildGone(Exception):
    """The process ended before it answered; `code` is its exit status as subprocess gives it."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"signal {-code}" if code is not None and code < 0 else f"status {code}")
        self.code = code


class ChildFull(Exception):
    """The message is longer than it may be; the process must be killed."""


class ChildLate(Exception):
    """No whole message came before the deadline; the process must be killed."""


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill, reap and close; safe to call twice. The process has nothing to lose: it only reads."""
    if owner == os.getpid():
        process.kill()
        process.wait()
    else:  # forked: a copy of this object must not end the process of the one it was copied from
        process.returncode = 0  # else Popen's finaliser would wait for a process that is not ours
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


class Child:
    """One worker process. Not safe for threads: the database that owns it holds a lock."""

    def __init__(self, program: Program = SQLITE) -> None:
        """Start the process; it waits for its first request.

        -I -S: no environment, no user site, no site-packages but what the program names. The script is
        imported, not run by path, so that its compiled form is used; its folder comes last in the path and
        shadows nothing.
        """
        self.program = program
        folders = [*program.path, str(Path(__file__).parent)]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                f"import sys;sys.path+={folders!r};import {program.module} as worker;worker.main()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is the parent's to handle
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self._readable, self._writable = poll(), poll()
        self._readable.register(self._from, POLLIN)
        self._writable.register(self._to, POLLOUT)
        self._buffer = bytearray()
        self.received = 0
        """Bytes of the last message."""
        self._end = weakref.finalize(self, _end, self._process, os.getpid())

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, kind: bytes, body: tuple[Any, ...], deadline: float) -> None:
        """Send one message. `deadline` is of time.monotonic(). Raises ChildGone, ChildLate."""
        data = marshal.dumps(body)
        view = memoryview(kind + len(data).to_bytes(4, "little") + data)
        while view:
            try:
                view = view[os.write(self._to, view) :]
            except BlockingIOError:
                self._wait(self._writable, deadline)
            except BrokenPipeError:
                raise self._gone() from None

    def receive(self, deadline: float, most: int = 1 << 32) -> tuple[bytes, Any]:
        """The next message: its kind and its body, of so many bytes at most.

        Raises ChildGone, ChildLate, ChildFull.
        """
        buffer = self._buffer
        while True:
            if len(buffer) >= 5:
                end = 5 + int.from_bytes(buffer[1:5], "little")
                if end > most:
                    raise ChildFull
                if len(buffer) >= end:
                    self.received = end
                    kind = bytes(buffer[:1])
                    with memoryview(buffer) as view:
                        body = marshal.loads(view[5:end])  # noqa: S302 - from our own process
                    del buffer[:end]
                    return kind, body
            self._wait(self._readable, deadline)
            try:
                part = os.read(self._from, 1 << 18)
            except BlockingIOError:
                continue
            if not part:
                raise self._gone()
            buffer += part

    def let_go(self, deadline: float) -> None:
        """Have it close its database and wait for the next. Raises ChildGone, ChildLate."""
        self.send(b"c", (), deadline)
        self.receive(deadline)

    def kill(self) -> None:
        """Kill the process, from another thread than the one that talks with it: that one finds it gone."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and reap it; may be called twice.

        In a forked process it only closes the pipes: the worker is the other process's.
        """
        self._end()

    @staticmethod
    def _wait(ready: poll, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not ready.poll(max(1, int(left * 1000))):
            raise ChildLate

    def _gone(self) -> ChildGone:
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = None
        return ChildGone(code)


class Workers:
    """Idle worker processes, kept for the next database.

    Starting one takes about ten milliseconds, opening another file in one that is there less than one: worth
    it where many databases are opened one after another. Safe for threads; a context manager.
    """

    def __init__(self, idle: int = 2) -> None:
        """`idle`: how many processes to keep at most."""
        self._most = idle
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._owner = os.getpid()
        self._closed = False

    def take(self, program: Program = SQLITE) -> Child:
        """An idle process of a program, or a new one. Raises OSError where none can be started."""
        with self._lock:
            if self._owner == os.getpid():
                for child in [each for each in reversed(self._idle) if each.program == program]:
                    self._idle.remove(child)
                    if child.alive:
                        return child
                    child.end()
            else:  # forked: the idle ones answer to the process this was forked from
                for child in self._idle:
                    child.end()
                self._idle.clear()
                self._owner = os.getpid()
        return Child(program)

    def give(self, child: Child) -> None:
        """Take back a process that waits for its next request."""
        with self._lock:
            if not self._closed and len(self._idle) < self._most and self._owner == os.getpid():
                self._idle.append(child)
                return
        child.end()

    def close(self) -> None:
        """End the idle processes; may be called twice. Processes given back later end at once."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
