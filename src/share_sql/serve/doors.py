"""The service's doors: what is inside, and the end, when no more is let in.

Probes and figures pass shut doors: whoever asks whether the service is ready must hear that it is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

PASSES = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is answered while the service ends, and never waited for."""


class Doors:
    """Open until they are shut. Lives in one event loop, but a signal's handler may shut them."""

    def __init__(self) -> None:
        self.shut = False
        """Whether the service is ending."""
        self._inside: set[asyncio.Future[None]] = set()

    @property
    def inside(self) -> int:
        """Requests that are being answered, streams included."""
        return len(self._inside)

    @contextmanager
    def entered(self, work: asyncio.Future[None]) -> Iterator[None]:
        """Count work as inside for the length of the block."""
        self._inside.add(work)
        try:
            yield
        finally:
            self._inside.discard(work)

    def give_up(self) -> None:
        """Cancel what is inside."""
        for work in list(self._inside):
            work.cancel()
