"""The worker processes of an assistant: how many, which case goes to which, and what is done when one dies.

Python lets one thread of a process work at a time, so that more cores need more processes. None is started
before there is work for it: the first cases are worked on in the assistant's own process, and a process more
begins where cases that do not wait for models keep waiting for one another.

A process that dies takes no case with it. Those that it had are worked on once more, each alone in a new
process, so that the one to blame harms no other; if that dies too, the draft is kept, and the reason says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from share_sql.driver.case_run import kept_unworked
from share_sql.driver.messages import How, ModelFacts, Setup, Work, packed
from share_sql.driver.worker_link import AnswerAsk, NoWorker, WorkerEnded, WorkerLate, WorkerLink

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.catalog import Catalog
    from share_sql.driver.budget import Budget
    from share_sql.models.base import Model
    from share_sql.stages.state import Plan, Stage, State

START_AFTER = 48
"""Cases that find others at work in every process before one more is started. They are done in the time that
its start takes."""
IDLE_COUNTS = 2
"""For how many of these one counts that finds a process idle: its start, which slows all that are under way,
is worth it where those that are there are busy for more than two thirds of the time."""
MOST_TRIES = 3
"""Starts of one process, where it ends before it has begun."""
MOST_ENDED = 20
"""Processes that may die one after another, none with a case done. Then no more are started."""
GRACE_SECONDS = 30.0
"""After the time that a case has, until its process is taken for stuck and killed."""

_HOPELESS = "the processes that were to work on it died, one after another"
_LATE = "did not end in its time"

log = logging.getLogger("share_sql")
_T = TypeVar("_T")


class Workers:
    """The worker processes of one driver. For its event loop, but for `reap`.

    Args:
        most: how many may be there.
        catalog: says where databases are.
        models: by role; asked by `answer`.
        plan, concurrency, case_seconds, work_seconds, patience: as the driver's.
        budget: what one case may take.
        answer: asks a model for a worker.
        here: how many cases are at work in this process.
    """

    def __init__(
        self,
        most: int,
        catalog: Catalog,
        models: dict[str, Model],
        plan: Plan,
        concurrency: int,
        case_seconds: float,
        work_seconds: float,
        patience: float,
        budget: Budget,
        answer: AnswerAsk,
        here: Callable[[], int],
    ) -> None:
        self._most = most
        self._catalog = catalog
        self._plan = plan
        self._seconds = case_seconds + GRACE_SECONDS
        self._answer = answer
        self._here = here
        facts = {role: ModelFacts.of(model) for role, model in models.items()}
        self._setup = Setup(
            plan, facts, concurrency, case_seconds, work_seconds, patience, budget, catalog.cache,
            catalog.max_open, logging.NOTSET, os.getpid(),
        )  # fmt: skip
        self._packed = b""
        self._links: list[WorkerLink] = []
        self._all: list[WorkerLink] = []
        """Those too that are starting, or ending."""
        self._dead: list[WorkerLink] = []
        """Those whose death is counted, while cases may still say so."""
        self._starting: asyncio.Task[None] | None = None
        self._crowded = 0
        """Cases that found others at work everywhere since the last start, less `IDLE_COUNTS` for each that
        did not, but never below 0."""
        self._deaths = 0
        """Since a case was last done by a worker."""
        self._died = False
        self._useless = False
        """Whether none can be started, so that all is done in this process."""
        self._works: list[tuple[How, Work]] = []
        self._alone = asyncio.Lock()
        self._lost = 0
        """Cases whose process died, and that are worked on again."""
        self._spare: WorkerLink | None = None
        """The process for these, which has one at a time."""

    async def made(self, case: Case, stages: Sequence[Stage], make: Callable[[State], _T]) -> _T:
        """What a case ends as, made in a worker process. To cancel it gives the case up.

        Raises:
            NoWorker: it is to be worked on here, since there is no worker yet.
        """
        work = self._work(stages, make)
        link = await self._next(case)
        if link is None:
            return make(self._kept(case, _HOPELESS, "internal"))
        try:
            found: _T = await self._by(link, case, work)
            return found
        except WorkerLate:
            self._note_death(link)
            return make(self._kept(case, f"it {_LATE}, and its process was killed", "work"))
        except WorkerEnded:
            self._note_death(link)
        self._lost += 1
        try:
            async with self._alone:
                return await self._again(case, work, make)
        finally:
            self._lost -= 1
            if not self._lost:
                self._use_spare()

    async def _by(self, link: WorkerLink, case: Case, work: Work) -> Any:
        made = await link.made(case, work, self._catalog.registration(case.database), self._seconds)
        self._deaths = 0
        return made

    async def _again(self, case: Case, work: Work, make: Callable[[State], _T]) -> _T:
        """Work once more on a case whose process died, in one that nothing else is done in."""
        if self._spare is None and self._deaths < MOST_ENDED:
            self._spare = await self._started()
        if (link := self._spare) is None:
            return make(self._kept(case, _HOPELESS, "internal"))
        try:
            found: _T = await self._by(link, case, work)
            return found
        except (WorkerLate, WorkerEnded) as ended:
            self._spare = None
            self._note_death(link)
            how = ended.how if isinstance(ended, WorkerEnded) else f"it {_LATE}"
            why = f"the process that worked on it died twice ({how})"
            return make(self._kept(case, why, "internal"))

    def _use_spare(self) -> None:
        """Have the process that lost cases were worked on in take the place of one that died."""
        link, self._spare = self._spare, None
        coming = self._starting is not None
        if link is not None and len(self._links) + coming < self._most:
            self._links.append(link)
        elif link is not None:
            self._let_go(link)

    def _kept(self, case: Case, why: str, cause: str) -> State:
        log.warning("case %s: %s; the draft is kept", case.id, why)
        return kept_unworked(case, self._plan, why, cause)

    # -- which ---------------------------------------------------------------------------------------

    async def _next(self, case: Case) -> WorkerLink | None:
        """The worker for a case; None where so many have died that none is started any more.

        Raises:
            NoWorker: the case is for this process.
        """
        while True:
            link = self._pick(case.database)
            self._start_more(link)
            if link is not None:
                return link
            # Where one has died, the next case may be what kills: it is not for this process.
            if not self._died or self._useless:
                raise NoWorker
            if self._starting is None:
                return None
            await asyncio.wait({self._starting})

    def _pick(self, database: str) -> WorkerLink | None:
        """Of the idlest workers one that has the database open, else the idlest."""
        for link in [each for each in self._links if each.ended]:
            self._note_death(link)
        if not self._links:
            return None
        least = min(link.under_way for link in self._links)
        return min(
            self._links,
            key=lambda link: (link.under_way > least + 1, not link.has_open(database), link.under_way),
        )

    def _start_more(self, picked: WorkerLink | None) -> None:
        hopeless = self._useless or self._deaths >= MOST_ENDED
        if hopeless or self._starting is not None or len(self._links) >= self._most:
            return
        at_work = self._here() if picked is None else min(link.at_work for link in self._links)
        self._crowded = max(0, self._crowded + (1 if at_work else -IDLE_COUNTS))
        if self._crowded >= START_AFTER or self._died:
            self._crowded = 0
            self._starting = asyncio.get_running_loop().create_task(self._start_one())

    # -- starting and ending -------------------------------------------------------------------------

    async def _start_one(self) -> None:
        try:
            link = await self._started()
            if link is not None:
                self._links.append(link)
        finally:
            self._starting = None

    async def _started(self) -> WorkerLink | None:
        """A new worker; None where none can be started, which is told once."""
        why: object = None
        for _ in range(MOST_TRIES):
            try:
                return await self._start()
            except WorkerEnded as error:
                why = error
            except Exception as error:  # no process, or a plan of somebody's own kind that cannot be sent
                why = error
                break
        if not self._useless:
            self._useless = True
            log.warning("no further process can be started (%s); cases are worked on in this one", why)
        return None

    async def _start(self) -> WorkerLink:
        if not self._packed:
            level = logging.getLogger("share_sql").getEffectiveLevel()
            self._packed = packed(replace(self._setup, log_level=level))
        link = WorkerLink(self._packed, self._answer, self._catalog.max_open)
        self._all.append(link)
        try:
            await link.connect()
        except BaseException:
            self._let_go(link)
            raise
        return link

    def _note_death(self, link: WorkerLink) -> None:
        """Count a worker that died, once."""
        if link in self._dead:
            return
        self._dead.append(link)
        self._let_go(link)
        self._died = True
        self._deaths += 1
        log.warning("a process that works on cases died (%s); its cases are worked on again", link.how)

    def _let_go(self, link: WorkerLink) -> None:
        """Have a worker end."""
        if link in self._links:
            self._links.remove(link)
        link.hang_up()
        for each in [each for each in self._all if each.gone]:
            self._all.remove(each)
            if each in self._dead and not each.under_way:
                self._dead.remove(each)

    def forget(self, name: str) -> None:
        """Have them close the database of a name that the catalog has forgotten."""
        for link in self._all:
            link.forget(name)

    def hang_up(self) -> None:
        """Have all workers end; `reap` follows."""
        for link in self._all:
            link.hang_up()

    def reap(self) -> None:
        """Wait for their end, once they were hung up. May be called by any thread."""
        for link in self._all:
            link.reap()

    def _work(self, stages: Sequence[Stage], make: Callable[[State], Any]) -> Work:
        """The work's number and form. Raises NoWorker where it cannot be sent."""
        how = How(stages, make)
        for known, work in self._works:
            if known.stages is stages and known.make == make:
                return work
        # What stands in the caller's script is not to be found in another process.
        if "__main__" in (getattr(make, "__module__", ""), type(make).__module__):
            raise NoWorker
        try:
            work = Work(len(self._works), how.packed())
        except Exception as error:
            raise NoWorker from error
        self._works.append((how, work))
        return work
