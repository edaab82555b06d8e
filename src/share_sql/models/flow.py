"""Whose turn it is to ask a server: first come, first served, as many at once as it takes (`pace.py`).

A server that refuses (429, or anything with Retry-After) is left alone for as long as it says, or for a
growing time. Then a few calls try, each time the next of those that wait, until one is let in; so the others
keep their retries, however many there are. Time that is waited while the server refuses is counted, other
waiting is not.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

from share_sql.models.pace import Pace
from share_sql.models.refusals import LONGEST_WAIT, Again

PROBES = 2
"""Calls that try at once while the server refuses."""
LONGEST_PAUSE = 15.0
"""Seconds between two tries where the server does not say how long to wait."""


Became = Literal["answered", "refused", "busy", "failed", "ended", "given up"]
"""What became of a call: answered; refused, as all are now; refused because the server is busy; no answer in
time, or a broken connection; another reply that says nothing of how many ask; given up by who asked."""


@dataclass
class Place:
    """A call in flight."""

    sent: float
    """When it was made, by the event loop's clock."""
    held: float
    """Seconds that it waited while the server refused."""
    probe: bool
    """Whether it tries for the others, while the server refuses."""
    became: Became = "ended"
    """Set by who asks."""


class StillRefused(Exception):
    """The server refused others for as long as a call may wait; `why` is its last refusal."""

    def __init__(self, why: Again) -> None:
        super().__init__(str(why))
        self.why = why


class Flow:
    """The calls to one server. It belongs to one event loop.

    Args:
        most: calls that are in flight at most, at least 1.
    """

    def __init__(self, most: int) -> None:
        self.pace = Pace(most)
        self._busy = self._probes = 0
        self._waiting: dict[asyncio.Future[bool], None] = {}
        self._why: Again | None = None
        """The last refusal; None while the server does not refuse."""
        self._refusals = 0
        self._last = self._opens = self._looks = -math.inf
        self._began = self._held = 0.0

    @property
    def refuses(self) -> Again | None:
        """The last refusal, while the server refuses; else None."""
        return self._why

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[Place]:
        """Wait for one's turn, and be in flight for the block.

        Args:
            patience: seconds that may be waited while the server refuses.

        Raises:
            StillRefused: these are over, or will be before the next try.
        """
        began = self._held_for()
        probe = await self._turn(patience, began)
        place = Place(_now(), self._held_for() - began, probe)
        try:
            yield place
        except asyncio.CancelledError:
            place.became = "given up"
            raise
        finally:
            self._leave(place)

    def refused(self, place: Place, why: Again, first_wait: float) -> float:
        """A call was refused because of how many there are.

        Args:
            place: the call's; its block ends now.
            why: the refusal, with the seconds that the server asks to wait.
            first_wait: seconds to wait where it says nothing, at first; then twice as long each time.

        Returns:
            Seconds until the next call tries.
        """
        now = _now()
        place.became = "refused"
        if not place.probe:  # of few calls that try, it says nothing of how many there may be
            self.pace.refused(place.sent, now)
        if self._why is None:
            self._began, self._refusals = now, 0
        if place.sent >= self._last:  # else it was on its way when another was refused
            self._refusals += 1
        own = min(first_wait * 2 ** min(self._refusals - 1, 60), LONGEST_PAUSE)
        wait = why.wait or own * (0.5 + random.random())  # noqa: S311
        self._why, self._last = why, now
        self._opens = max(self._opens, now + min(wait, LONGEST_WAIT))
        return self._opens - now

    async def _turn(self, patience: float, began: float) -> bool:
        """Wait for one's turn; whether it is to try while the server refuses."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        self._grant()
        try:
            while not turn.done():
                left = patience - (self._held_for() - began)
                if self._why is not None and (left <= 0 or self._opens - _now() >= left):
                    raise StillRefused(self._why)
                # It is looked at again where the server may have refused for so long.
                await asyncio.wait({turn}, timeout=max(left, 0.01) if math.isfinite(left) else None)
        except BaseException:
            if turn.done():  # it came at the same time
                self._leave(Place(_now(), 0.0, turn.result(), "given up"))
            else:
                del self._waiting[turn]
            raise
        return turn.result()

    def _held_for(self) -> float:
        """Seconds that the server has refused in all."""
        return self._held + (_now() - self._began if self._why is not None else 0.0)

    def _leave(self, place: Place) -> None:
        now = _now()
        if place.became == "answered":
            full = bool(self._waiting) or self._busy >= self.pace.limit
            self.pace.answered(place.sent, now, full)
        elif place.became == "busy":
            self.pace.refused(place.sent, now)
        elif place.became == "failed":
            self.pace.failed(place.sent, now)
        if place.became not in ("refused", "given up") and self._why is not None and place.sent >= self._last:
            self._held, self._why = self._held_for(), None
            self._probes = 0
        self._busy -= 1
        self._probes = max(0, self._probes - place.probe)
        self._grant()

    def _grant(self) -> None:
        """Let in whom there is a place for."""
        while self._waiting:
            probe = self._why is not None
            if probe and _now() < self._opens:
                if self._looks < self._opens:
                    self._looks = self._opens
                    asyncio.get_running_loop().call_at(self._opens, self._grant)
                return
            if (self._probes >= PROBES) if probe else (self._busy >= self.pace.limit):
                return
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            self._busy += 1
            self._probes += probe
            turn.set_result(probe)


def _now() -> float:
    # Nothing here keeps the loop: `Flows` forgets it with whoever made it.
    return asyncio.get_running_loop().time()


class Flows:
    """One server's flow in each event loop; models of the same server share it.

    Args:
        most: calls in flight at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._flows: WeakKeyDictionary[asyncio.AbstractEventLoop, Flow] = WeakKeyDictionary()

    def here(self) -> Flow:
        """That of the running event loop."""
        loop = asyncio.get_running_loop()
        flow = self._flows.get(loop)
        if flow is None:
            flow = self._flows[loop] = Flow(self._most)
        return flow

    def lower(self, most: int) -> None:
        """Never have more calls in flight than this either."""
        self._most = min(self._most, most)
        for flow in self._flows.values():
            flow.pace.lower(most)
