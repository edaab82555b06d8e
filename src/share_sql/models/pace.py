"""How many calls a server takes at once: found out from what becomes of those that are made.

Latency alone does not tell. A server that batches (vLLM) answers each call more slowly the more it has, and
all of them sooner. So answers a second are compared, as TCP's BBR does. At first the number rises by one with
each answer, which doubles it in the time of one, as long as that brings more answers a second. Then it goes a
step up or down, and on in the same direction while that is worth it: more answers a second, or as many with
fewer calls, of which each is then answered sooner. A refusal halves it.

Only what was full counts: where fewer ask than may, their number says nothing of the server.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

START = 32
"""Calls at first: a large server is fed soon, and a small one lets the rest wait."""
LEAST = 4
"""Calls that stay possible, however slow a server is: so one that hangs delays no other. After refusals 1."""
STEP = 1.25
"""Factor of a step up or down."""
WORTH = 0.1
"""What one more call must bring, as a share of what a call brings: twice the calls, 7% more answers a second.
Less is not worth the time that each call then takes."""
FLAT = 2
"""Doublings in a row that were not worth it, after which the rise ends."""
FEWEST = 8
"""Answers after which a rate can be told, at least; else as many as there are calls."""
FULL = 0.8
"""Share of the answers before which no more calls were possible."""


@dataclass
class _Window:
    """What is counted at one number of calls."""

    since: float | None
    """Its begin; None: the first answer to a call that is made from now on."""
    goal: int
    """Answers to count."""
    count: int = 0
    full: int = 0
    """Of these, those before which no more calls were possible."""
    levels: float = 0.0
    """Sum of the numbers of calls that were possible."""
    seconds: float = 0.0
    """Sum of what the answers took."""
    good: int = 0
    bad: int = 0
    """All calls that ended meanwhile, with an answer and without."""


class Pace:
    """The number of calls in flight for one server. It has no clock and does not wait: it is told.

    Args:
        most: calls that are never exceeded, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._limit = float(min(START, most))
        self._rising = True
        self._flat = 0
        self._best = 0.0, self._limit
        """The most answers a second while it rose, and the calls that brought them."""
        self._up = True
        self._worth: float | None = None
        self._changed = self._cut = -math.inf
        self._window = _Window(None, max(FEWEST, self.limit))

    @property
    def limit(self) -> int:
        """Calls that may be in flight."""
        return int(self._limit)

    def lower(self, most: int) -> None:
        """Never exceed this number either."""
        self._most = min(self._most, most)
        self._limit = min(self._limit, self._most)

    def answered(self, sent: float, now: float, full: bool) -> None:
        """A call got its answer.

        Args:
            sent: when it was made.
            now: the same clock.
            full: whether no further call was possible beside it.
        """
        window = self._window
        window.good += 1
        if self._rising and full:
            self._limit = min(self._most, self._limit + 1)
        if sent < self._changed:
            return  # it shared the server with another number of calls
        if window.since is None:
            # The calls that were added found fewer before them; those from now on find as many as they leave.
            window.since = self._changed = now
            return
        window.count += 1
        window.full += full
        window.levels += self._limit
        window.seconds += now - sent
        # A window is as long as an answer takes, at least: what is quick comes first.
        if window.count >= window.goal and sent >= window.since and window.seconds > 0:
            if window.full < FULL * window.count:
                self._begin(now)
            else:
                level = window.levels / window.count
                # Little's law. To count answers in a time would count a batch, answered at once, or not.
                self._judge(now, level * window.count / window.seconds, level)

    def refused(self, sent: float, now: float) -> None:
        """The server refused a call because of how many there are. Halves, once for all calls of a time."""
        if sent >= self._cut:
            self._fall(now, 1.0)

    def failed(self, sent: float, now: float) -> None:
        """A call got no answer: none in time, or the connection broke. Halves where most calls fail so; that
        of one alone says nothing of how many there are."""
        window = self._window
        window.bad += 1
        if sent >= self._cut and window.bad >= FEWEST // 2 and window.bad > window.good:
            self._fall(now, LEAST)

    def _fall(self, now: float, least: float) -> None:
        self._rising = False
        self._up, self._worth = True, None
        self._cut = now
        self._change(max(min(least, self._limit), self._limit / 2), now)

    def _begin(self, now: float | None) -> None:
        self._window = _Window(now, max(FEWEST, self.limit))

    def _change(self, limit: float, now: float) -> None:
        self._limit = limit
        self._changed = now
        self._begin(None)

    def _judge(self, now: float, rate: float, level: float) -> None:
        """Decide by the answers a second that a number of calls brought."""
        if self._rising:
            self._rise(now, rate, level)
            return
        worth = math.log(rate) - WORTH * math.log(level)
        if self._worth is not None and worth < self._worth:
            self._up = not self._up
        self._worth = worth
        self._step(now)

    def _rise(self, now: float, rate: float, level: float) -> None:
        best, at = self._best
        if not best or math.log(rate / best) >= WORTH * math.log(max(level / at, 1.0)):
            self._best, self._flat = (rate, level), 0
        else:
            self._flat += 1
        if self._flat == FLAT:
            self._rising = False
            self._change(max(min(LEAST, self._most), self._best[1]), now)
        elif self._limit >= self._most:
            self._rising = False
            self._change(self._most, now)
        else:
            self._begin(now)

    def _step(self, now: float) -> None:
        if self._up:
            limit = min(self._most, max(self._limit * STEP, self._limit + 1))
        else:
            limit = max(min(LEAST, self._limit), self._limit / STEP)
        self._up = self._up if limit != self._limit else not self._up
        self._change(limit, now)
