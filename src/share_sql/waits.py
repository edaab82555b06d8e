"""Waiting that is told: one line to the logger `share_sql.waits` where something takes over a second.

The command line shows these lines on a terminal; elsewhere they are log records of level INFO.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

PATIENCE = 1.0
"""Seconds that pass in silence."""

log = logging.getLogger("share_sql.waits")


class Waits:
    """Tells of each thing that is waited for, once: whoever waits for a server a thousand times need not read
    a thousand lines."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Say `what` is under way, where the block takes over a second."""
        if what in self._told or not log.isEnabledFor(logging.INFO):
            yield
            return
        timer = threading.Timer(PATIENCE, self._tell, (what,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.info("%s …", what)


def waiting(what: str) -> AbstractContextManager[None]:
    """Say `what` is under way, where the block takes over a second: for what is waited for once."""
    return Waits().told(what)
