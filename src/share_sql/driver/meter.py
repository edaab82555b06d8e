"""How much processor time a case's own work takes, and its end where that is too much.

Stages are plain Python that cannot be relied on to look at a clock. They run in threads, and Python lets
one thread raise an exception in another between two instructions (`PyThreadState_SetAsyncExc`). It is used
here within bounds: only while a stage works, which holds no lock and no connection, and never in compiled
code, which ends first, nor in a destructor, which would print and swallow it. So this is the last resort;
texts, trees and schemas have caps of their own.
"""

from __future__ import annotations

import _weakrefset
import asyncio
import ctypes
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

from share_sql.errors import WorkExceeded

_AGAIN_SECONDS = 0.5
"""How long after it was raised a stop is raised once more, should the work have swallowed it."""

_LOOK_SECONDS = 0.1
"""Time between two looks at how much the work under way has used."""
_CLEANERS = frozenset({weakref.__file__, _weakrefset.__file__})
"""Modules whose functions are called when what they refer to goes."""

_TOLD = hasattr(time, "pthread_getcpuclockid")
"""Whether the system tells the processor time of other threads."""

_T = TypeVar("_T")


class Stopped(BaseException):
    """Raised inside work that took too long. No `except Exception` may catch it."""


class Meter:
    """The processor time of one case. `run` is called by the thread that works, `check` and `stop` by others.

    Args:
        seconds: processor time that all its work may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spent = 0.0
        self._began = 0.0
        self._thread: int | None = None
        self._stopped = 0.0
        """When work was last stopped, of time.monotonic(); 0 where it was not."""
        self._lock = threading.Lock()

    def run(self, work: Callable[[], _T]) -> _T:
        """Do a piece of the case's work, and count its time.

        Raises:
            WorkExceeded: it was stopped, or the time was used up before.
        """
        if self._spent >= self._seconds:
            raise self._exceeded()
        try:
            self._begin()
            try:
                return work()
            finally:
                self._end()
        except Stopped:
            self._end()
            raise self._exceeded() from None

    def allow(self, seconds: float) -> None:
        """Allow more time, from now on."""
        with self._lock:
            self._seconds = self._spent + seconds

    def check(self) -> None:
        """Stop the work under way where its time is used up."""
        with self._lock:
            if self._thread is not None and self._spent + _used(self._thread) - self._began > self._seconds:
                self._raise(self._thread)

    def stop(self) -> None:
        """Stop the work under way, and let no more begin."""
        with self._lock:
            self._seconds = 0.0
            if self._thread is not None:
                self._raise(self._thread)

    def _begin(self) -> None:
        began = _own()
        with self._lock:
            self._began = began
            self._thread = threading.get_ident()

    def _end(self) -> None:
        with self._lock:
            if self._thread is None:
                return
            self._spent += _own() - self._began
            if self._stopped:
                # It may have been raised and not have come yet: nothing after the work may meet it.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
                self._stopped = 0.0
            self._thread = None

    def _raise(self, thread: int) -> None:
        now = time.monotonic()
        if now - self._stopped >= _AGAIN_SECONDS and not _cleans_up(thread):
            self._stopped = now
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stopped))

    def _exceeded(self) -> WorkExceeded:
        return WorkExceeded(
            f"the case is too much work: over {self._spent:.1f} s of processor time; the draft is very long, "
            "or the database has very many tables"
        )


class Watch:
    """Looks at the meters of work under way, in one event loop, for as long as there is any."""

    def __init__(self) -> None:
        self._meters: set[Meter] = set()
        self._looking: asyncio.Task[None] | None = None

    def add(self, meter: Meter) -> None:
        """Look at one more."""
        self._meters.add(meter)
        if self._looking is None:
            # In a context of its own: it is nobody's part, whoever's work came first.
            self._looking = asyncio.get_running_loop().create_task(self._look(), context=Context())

    def discard(self, meter: Meter) -> None:
        """Look at one no more."""
        self._meters.discard(meter)

    async def _look(self) -> None:
        while self._meters:
            await asyncio.sleep(_LOOK_SECONDS)
            for meter in list(self._meters):
                meter.check()
        self._looking = None


def _cleans_up(thread: int) -> bool:
    """Whether a thread is in a destructor, or in what Python calls as it collects garbage."""
    called = {getattr(each, "__code__", None) for each in gc.callbacks}
    frame = sys._current_frames().get(thread)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename in _CLEANERS or code in called:
            return True
        frame = frame.f_back
    return False


def _used(thread: int) -> float:
    """Processor seconds of a running thread; wall-clock seconds where the system does not tell."""
    return time.clock_gettime(time.pthread_getcpuclockid(thread)) if _TOLD else time.monotonic()


def _own() -> float:
    """The same of the thread that asks, which costs less to ask."""
    return time.thread_time() if _TOLD else time.monotonic()
