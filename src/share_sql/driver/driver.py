"""Cases under way: an event loop in a thread for what waits, threads for what works.

A case waits in the loop for one of the places, of which its database gets its share (`turns.py`), and holds
it to its end. While its stages work it also holds a thread, of which there are no more than `MOST_THREADS`;
while models answer it holds none. One more thread ends what was given up.

One life: the loop's thread starts with the first case and ends once, by `close`, or when nobody holds the
driver any more. Every waiter is woken then. Nothing a model, a database or a caller does outlasts its
deadline: a case has one for all it does, and `close` has one too.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from share_sql.driver.budget import Account, Budget, Spent
from share_sql.driver.case_run import Answer, CaseRun, kept_unworked
from share_sql.driver.meter import Meter, Watch
from share_sql.driver.telemetry import NO_SPANS, Spans, case_spans
from share_sql.driver.turns import Gate
from share_sql.errors import (
    AnswerUnreadable,
    AssistantClosed,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    ModelUnknown,
    UsageError,
)
from share_sql.models.base import ModelReply, Usage

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.catalog import Catalog
    from share_sql.driver.progress import Progress
    from share_sql.driver.workers import Workers
    from share_sql.models.base import Model, ModelRequest
    from share_sql.requests import Ask
    from share_sql.stages.state import Plan, Stage, State

CLOSE_SECONDS = 5.0
"""How long `close` waits for cases that are given up, and as long again for models."""
CASE_SECONDS = 900.0
"""Wall-clock time of one case, models included, where nothing else is said."""
WORK_SECONDS = 3.0
"""Processor time of one case's own work. Ordinary cases take some thousandths of a second."""
MOST_THREADS = 32
"""Threads in which stages work, at most."""
DATABASE_THREADS = 8
"""Those that one database's cases hold, at most: enough that it always has something to answer."""

log = logging.getLogger("share_sql")
_T = TypeVar("_T")
_CLOSED = "the assistant is closed; make another"


class Driver:
    """Takes cases through the stages; `submit` may be called by any thread.

    Args:
        catalog: opens databases; closed with the driver.
        models: by role; closed with the driver.
        plan: how cases are corrected.
        concurrency: cases of one database under way at once; of several, fewer than twice as many together.
        case_seconds: wall-clock time of one case.
        work_seconds: processor time of one case's stages.
        model_patience: seconds after which a model's server that fails is not asked again, for each ask.
        processes: how many may work on cases; 1: this one alone.
        budget: what models may cost, and all cases together may take.

    Raises:
        UsageError: the budget bounds money, and a model's price is not known.
    """

    def __init__(
        self,
        catalog: Catalog,
        models: Mapping[str, Model],
        plan: Plan,
        concurrency: int,
        case_seconds: float,
        work_seconds: float,
        model_patience: float = math.inf,
        processes: int = 1,
        budget: Budget | None = None,
    ) -> None:
        self._catalog = catalog
        self._models = dict(models)
        self._plan = plan
        self.concurrency = concurrency
        """As given."""
        self.places = 2 * concurrency if concurrency > 1 else 1
        """Cases that may be under way at once, if there were as many databases. One means one."""
        self._case_seconds = case_seconds
        self._work_seconds = work_seconds
        self._model_patience = model_patience
        self._budget = budget or Budget()
        self.account = Account(self._budget, self._models)
        """What models have cost. The driver's thread writes in it; before the first case anybody may."""
        # More than there are cases under way would have nothing to do.
        self._processes = min(processes, concurrency)
        self._workers: Workers | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._futures: set[Future[Any]] = set()
        self._watch = Watch()
        self._gone: set[str] = set()
        """Databases that were waited for in vain: the next case does not wait again."""

    def submit(
        self,
        case: Case,
        stages: Sequence[Stage],
        make: Callable[[State], _T],
        progress: Progress | None = None,
    ) -> Future[_T]:
        """Start a case. The future is cancelled where the driver is closed under it; to cancel it gives the
        case up.

        Args:
            case: what is asked.
            stages: in order.
            make: makes of the final state what the future gives, in the thread that worked on the case. With
                several processes that is where the case ended, unless it is `whole`, or cannot be found by
                its name there.
            progress: called after each stage, by whatever thread works on the case.

        Raises:
            AssistantClosed: the driver is closed, or was started in the process that this one was forked
                from.
            UsageError: the caller is a model of this driver, which would wait for itself.
        """
        self.check_open()
        if threading.current_thread() is self._thread:
            raise UsageError("a model asks the assistant that asks it; give it an assistant of its own")
        with self._lock:
            self.check_open()
            if self._thread is None:
                self._start()
            future = asyncio.run_coroutine_threadsafe(self._correct(case, stages, make, progress), self._loop)
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def check_open(self) -> None:
        """Raises AssistantClosed where nothing can be submitted."""
        # Without the lock: in a forked process nobody may be left to release it.
        if self._thread is not None and self._owner != os.getpid():
            raise AssistantClosed(
                "the assistant belongs to the process this one was forked from; make another"
            )
        if self._closed:
            raise AssistantClosed(_CLOSED)

    def forget(self, name: str) -> None:
        """Have other processes close the database of a name that the catalog has forgotten."""
        if self._workers is not None and not self._closed and self._owner == os.getpid():
            with suppress(RuntimeError):  # the loop has ended meanwhile, and they with it
                self._loop.call_soon_threadsafe(self._workers.forget, name)

    def close(self) -> None:
        """Give up what is under way, and give threads, models and databases back. May be called twice, by
        several threads, and by a model of the driver; in a forked process it does nothing."""
        if self._thread is not None and self._owner != os.getpid():
            return
        with self._lock:
            if self._thread is None:
                self._start()  # models are closed where they are asked
        self.end()
        if threading.current_thread() is self._thread:
            return
        assert self._thread is not None, "it was started"
        self._thread.join(3 * CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("the assistant's cases did not end within %.0f s of its closing", 3 * CLOSE_SECONDS)

    def end(self) -> None:
        """Begin to close, without waiting. Takes no lock: the collector of garbage may call it anywhere."""
        if self._thread is None or self._owner != os.getpid() or self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._begin_to_end)

    # -- the thread ----------------------------------------------------------------------------------

    def _start(self) -> None:
        self._owner = os.getpid()
        self._loop = asyncio.new_event_loop()
        threads = min(self.places, MOST_THREADS)
        self._pool = ThreadPoolExecutor(threads, "share-case")
        self._ending = ThreadPoolExecutor(1, "share-ending")
        self._cases = Gate(self.places, self.concurrency)
        self._threads = Gate(threads, DATABASE_THREADS)
        if self._processes > 1:
            self._workers = self._new_workers(self._processes)
        self._thread = threading.Thread(target=self._live, name="share-driver", daemon=True)
        self._thread.start()

    def _new_workers(self, most: int) -> Workers:
        from share_sql.driver.workers import Workers

        return Workers(
            most, self._catalog, self._models, self._plan, self.concurrency, self._case_seconds,
            self._work_seconds, self._model_patience, self._budget.of_a_case, self._answer_elsewhere,
            lambda: self._threads.busy,
        )  # fmt: skip

    def _live(self) -> None:
        """Run the loop until the end, then give all back and wake whoever waits."""
        try:
            self._loop.run_forever()
        finally:
            self._closed = True
            with self._lock:
                waiting = list(self._futures)
            for future in waiting:
                future.cancel()
            self._catalog.close()  # ends the queries that threads wait for
            self._pool.shutdown()
            self._ending.shutdown()
            self._catalog.close()  # what one of them opened meanwhile
            if self._workers is not None:
                self._workers.reap()
            self._loop.close()

    def _begin_to_end(self) -> None:
        self._closing = self._loop.create_task(self._end())

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            _, endless = await asyncio.wait(others, timeout=CLOSE_SECONDS)
            for task in endless:
                log.warning("a model does not end what was given up; it is left behind")
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # it was just told
        if self._workers is not None:
            self._workers.hang_up()
            await asyncio.sleep(0)  # their sockets are closed by the loop
        for model in {id(model): model for model in self._models.values()}.values():
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await model.close()
            except BaseException as error:
                why = f"took over {CLOSE_SECONDS:g} s" if isinstance(error, TimeoutError) else repr(error)
                log.warning("the model %s could not be closed: %s", model.name, why)
        self._loop.stop()

    # -- one case ------------------------------------------------------------------------------------

    async def _correct(
        self, case: Case, stages: Sequence[Stage], make: Callable[[State], _T], progress: Progress | None
    ) -> _T:
        # The caller's context came along: what is current there is so for the case too.
        with case_spans(case) as spans:
            async with self._cases.place(case.database):
                self.account.begin()
                if over := self.account.over():
                    state = kept_unworked(case, self._plan, f"not begun: {over}", over.cause, "budget")
                    spans.ended(state)
                    return make(state)
                # What is told on the way is told here.
                if self._workers is not None and make is not whole and progress is None and spans is NO_SPANS:
                    from share_sql.driver.worker_link import NoWorker

                    with suppress(NoWorker):
                        return await self._workers.made(case, stages, make)
                return await self._correct_here(case, stages, make, progress, spans)

    async def _correct_here(
        self,
        case: Case,
        stages: Sequence[Stage],
        make: Callable[[State], _T],
        progress: Progress | None,
        spans: Spans,
    ) -> _T:
        meter = Meter(self._work_seconds)
        patient = case.database not in self._gone
        seconds = self._case_seconds
        run = CaseRun(case, self._plan, stages, self._catalog, meter, seconds, patient, make, progress, spans)
        await self._end_of(run, meter)
        (self._gone.discard if run.source.failure is None else self._gone.add)(case.database)
        spans.ended(run.state)
        made: _T = run.made
        return made

    async def _end_of(self, run: CaseRun, meter: Meter) -> None:
        """Take a case to its end."""
        self._watch.add(meter)
        answer: Answer = None
        try:
            while ask := await self._worked(run, answer):
                answer = await self._answer(ask, run)
        except asyncio.CancelledError:
            self._give_up(run)
            raise
        finally:
            self._watch.discard(meter)

    async def _worked(self, run: CaseRun, answer: Answer) -> Ask | None:
        """The case's next question to models; None at its end."""
        async with self._threads.place(run.case.database):
            try:
                working = self._loop.run_in_executor(self._pool, copy_context().run, run.advance, answer)
            except RuntimeError:  # the interpreter is about to end, and starts nothing more
                raise asyncio.CancelledError from None
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                self._give_up(run)
                if not self._closed:  # the place is free when the thread is
                    await asyncio.wait({working})
                raise

    def _give_up(self, run: CaseRun) -> None:
        """Give a case up; what may take a while is done by a thread that no case holds."""
        run.give_up(at_once=self._closed)  # then nobody looks any more
        try:
            self._ending.submit(run.end)
        except RuntimeError:  # as above
            run.end()

    async def _answer(self, ask: Ask, run: CaseRun) -> Answer:
        """Models' replies, in order; where one failed, the first error, with what all of them cost."""
        found = await asyncio.gather(*(self._ask(each, run) for each in ask.requests), return_exceptions=True)
        replies: list[ModelReply] = []
        errors: list[ModelError] = []
        for each in found:
            if isinstance(each, ModelError):
                # A server that is down raises one and the same error for each.
                errors += [] if any(each is error for error in errors) else [each]
            elif isinstance(each, BaseException):
                raise each
            else:
                replies.append(each)
        if not errors:
            return replies
        spent = [*(reply.usage for reply in replies), *(Usage(**error.spent) for error in errors)]
        for error in errors:
            error.spent = {}
        errors[0].spent = asdict(sum(spent, Usage()))
        return errors[0]

    async def _ask(self, request: ModelRequest, run: CaseRun) -> ModelReply:
        """A model's reply. A server that gave up on this case after all retries is not asked again for it."""
        model = self._models.get(request.role)
        if model is None:
            raise ModelUnknown(f"no model is set for the role {request.role}; name one in the models file")
        server: str = getattr(model, "server", "")
        if server in run.down:
            raise run.down[server]
        asked = replace(request, patience=self._model_patience)
        try:
            with run.spans.ask(model, request) as told:
                reply = await self._counted(model, asked, run.spent, run.left, run.seconds)
                told(reply)
                return reply
        except ModelUnavailable as error:
            if server:
                run.down[server] = error
            raise

    async def _answer_elsewhere(self, request: ModelRequest) -> ModelReply | ModelError:
        """A model's reply to a case in another process, where the case's time and budget are looked at."""
        try:
            return await self._counted(self._models[request.role], request, Spent(), math.inf, math.inf)
        except ModelError as error:
            return error

    async def _counted(
        self, model: Model, request: ModelRequest, spent: Spent, left: float, seconds: float
    ) -> ModelReply:
        """A model's reply, counted as its case's; nothing is asked where nothing is left of the budget."""
        if over := self.account.over(spent):
            raise over
        try:
            reply = await self._in_time(model, request, left, seconds)
        except ModelError as error:
            self.account.add(spent, model, Usage(**error.spent))
            raise
        self.account.add(spent, model, reply.usage, repeated=reply.repeated)
        return reply

    async def _in_time(self, model: Model, request: ModelRequest, left: float, seconds: float) -> ModelReply:
        """A model's reply within what is left of the case's seconds. Models are other people's code: whatever
        they raise is theirs, and never the driver's end."""
        late: ModelError = ModelTimeout(f"{model.name}: the {seconds:g} s that a case may take are used up")
        if left <= 0:
            raise late
        if (all_left := self.account.left) < left:
            late, left = self.account.out_of_time(), all_left
        # Not asyncio.timeout, which waits for ever for a model that goes on when it is cancelled.
        asking = asyncio.ensure_future(_asked(model, request))
        try:
            done, _ = await asyncio.wait({asking}, timeout=None if left == math.inf else left)
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if not done:
            asking.cancel()
            raise late
        found = asyncio.CancelledError() if asking.cancelled() else asking.result()
        if isinstance(found, ModelError):
            raise found
        if isinstance(found, BaseException):
            log.debug("%s raised", model.name, exc_info=found)
            said = f"{type(found).__name__}: {' '.join(str(found).split())[:300]}".removesuffix(": ")
            raise ModelUnavailable(f"{model.name} failed ({said})")
        if not isinstance(found, ModelReply) or not found.answers or not isinstance(found.text, str):
            raise AnswerUnreadable(f"{model.name}: what it returned is no reply with a text")
        return found


def whole(state: State) -> State:
    """The final state as it is."""
    return state


async def _asked(model: Model, request: ModelRequest) -> ModelReply | BaseException:
    """The reply, or what was raised: an exception that ends programs would end the loop with them."""
    try:
        return await model.ask(request)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return error
