"""Standard streams that are closed or full: what cannot be told must not cost the work."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any


class _Forgiving(io.FileIO):
    """A file whose failures to take a text are nobody's: stderr is where they would be told."""

    def write(self, data: Any, /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data))


def mend_streams() -> None:
    """Put the null device where a standard stream is closed, and have stderr never fail."""
    closed = False
    # A file opened later would take the closed stream's number, and what is told would go into it.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed = True
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if closed:
        sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (lives as long as the process)
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    with suppress(OSError):
        raw = io.BufferedWriter(_Forgiving(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)
