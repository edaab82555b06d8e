"""One case on its way through the stages, as a generator that yields only what models are asked.

Queries and look-ups are answered where the stage runs, in the same thread: to hand each to another would cost
as much as the stage.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from share_sql.case import Case, Correction, Inspection, StepNote
from share_sql.driver.budget import Spent
from share_sql.driver.progress import Progress, StageEnd
from share_sql.driver.source import Source
from share_sql.driver.telemetry import NO_SPANS, Spans
from share_sql.errors import DatabaseError, ModelError, ModelUnavailable, ShareError, WorkExceeded
from share_sql.requests import Ask, Lookup, Query, Request, Steps
from share_sql.schema.model import Schema
from share_sql.stages.asking import lost, noted
from share_sql.stages.state import Plan, Stage, State

if TYPE_CHECKING:
    from share_sql.catalog import Catalog
    from share_sql.driver.meter import Meter
    from share_sql.models.base import ModelReply

JUDGE_SECONDS = 1.0
"""Processor time that the judge has where the other stages used up the case's."""
MAKE_SECONDS = 3.0
"""Processor time that may go into what is made of a case's final state. Where that is not enough, the draft
is kept, and of that state there is little to make."""

log = logging.getLogger("share_sql")
log_of_stages = logging.getLogger("share_sql.stages")
"""Each stage as it ends, at level INFO."""

Answer: TypeAlias = "list[ModelReply] | ModelError | None"
"""What models replied; or why they did not; None before anything was asked."""


class _GivenUp(BaseException):
    """Ends a case that was given up. No `except Exception` may catch it."""


class CaseRun:
    """One case under way. `advance` is called by one thread at a time; `give_up` by any.

    Args:
        case: what is asked.
        plan: how cases are corrected.
        stages: in order.
        catalog: opens the case's database.
        meter: bounds the processor time of its stages.
        seconds: wall-clock time that the case may take, models and queries included.
        patient: whether a database that was there before and is away now is waited for.
        make: makes of the final state what is wanted of it, by the thread that worked on the case.
        progress: called after each stage, by the same.
        spans: what is told of it to OpenTelemetry.
    """

    def __init__(
        self,
        case: Case,
        plan: Plan,
        stages: Sequence[Stage],
        catalog: Catalog,
        meter: Meter,
        seconds: float,
        patient: bool,
        make: Callable[[State], object],
        progress: Progress | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        self.case = case
        self.state = State.start(case, Schema(name=case.database, tables=()), plan)
        """As far as it is; with a correction once `advance` has returned None."""
        self.made: Any = None
        """What was made of the final state."""
        self.seconds = seconds
        self.down: dict[str, ModelUnavailable] = {}
        """Servers that gave no answer to this case after all retries."""
        self.spent = Spent()
        """What models have taken for this case."""
        self.spans = spans
        """What is told of it to OpenTelemetry."""
        self._plan = plan
        self._stages = stages
        self._make = make
        self._progress = progress
        self._meter = meter
        self._deadline = time.monotonic() + seconds
        self.source = Source(catalog, case.database, self._deadline, patient, spans)
        self._spent: dict[str, float] = {}
        self._exceeded = False
        self._changed = False
        self._lock = threading.Lock()
        self._working = False
        self._given_up = False
        self._ended = False
        self._going = self._whole_case()

    @property
    def left(self) -> float:
        """Seconds that the case still has."""
        return self._deadline - time.monotonic()

    def advance(self, answer: Answer) -> Ask | None:
        """Work until models are to be asked, or to the end.

        Args:
            answer: to what was asked last.

        Returns:
            What is asked now; None where the case has ended.
        """
        with self._lock:
            if self._given_up:
                return None
            self._working = True
        try:
            if isinstance(answer, ModelError):
                return self._going.throw(answer)
            return self._going.send(answer)
        except StopIteration as stop:
            self.state = stop.value
            return None
        except _GivenUp:
            return None
        finally:
            with self._lock:
                self._working = False
            if self._given_up:
                self._close()

    def give_up(self, *, at_once: bool = False) -> None:
        """Have the case end without a correction, as soon as may be. `end` follows.

        Args:
            at_once: stop the stage under way now; else when its time is next looked at, which ordinary stages
                do not live to see: what is raised in them from outside may meet a destructor, and be told.
        """
        with self._lock:
            self._given_up = True
        self.source.give_up()
        if at_once:
            self._meter.stop()
        else:
            self._meter.allow(0.0)

    def end(self) -> None:
        """End what was given up: stop the query under way, and give the database back. It may take a while,
        and may be called twice by one thread."""
        self.source.stop()
        self._close()

    def _close(self) -> None:
        """Close what goes on, once, unless a thread works on it, which then does this itself."""
        with self._lock:
            if self._working or self._ended:
                return
            self._ended = True
        self._going.close()

    # -- the case ------------------------------------------------------------------------------------

    def _whole_case(self) -> Generator[Ask, Any, State]:
        """Take the case through all stages; once more where its database changed on the way, unless that
        was so for the case before too, again and again."""
        state = yield from self._once(self.state)
        if self._changed and not self.source.restless:
            state = yield from self._once(replace(self.state, usage=state.usage))
        self.source.restless = self._changed
        if self._changed:
            # It is written to all the time: each query saw it whole, but not all the same.
            note = StepNote("database", "it changed while the case was under way")
            state = _with_steps(state, (*state.steps, note))
        state = replace(_told_in_reason(state), seconds=self._spent)
        try:
            self._make_of(state)
        except WorkExceeded as error:
            bare = State.start(self.case, Schema(name=self.case.database, tables=()), self._plan)
            bare = replace(bare, usage=state.usage, failures=state.failures, seconds=self._spent)
            state = _kept(bare, "end", str(error), "work")
            self._make_of(state)
        return state

    def _make_of(self, state: State) -> None:
        """Make what is wanted of a final state. Raises WorkExceeded where that takes too long."""
        self._go_on()
        self._meter.allow(MAKE_SECONDS)
        self.made = self._meter.run(partial(self._make, state))

    def _once(self, state: State) -> Generator[Ask, Any, State]:
        """Open the database and take the case through all stages. Notes in `_changed` whether the database
        was another at the end."""
        started, self._changed = time.perf_counter(), False
        try:
            try:
                schema = self.source.open()
                fingerprint = self.source.began
                self._spent["database"] = time.perf_counter() - started
                state = replace(
                    State.start(self.case, schema, self._plan), fingerprint=fingerprint, usage=state.usage
                )
                if self._plan.inspects:
                    state = replace(state, inspection=Inspection(fingerprint=self.source.content))
                for stage in self._stages:
                    state = yield from self._take(stage, state)
                try:
                    self._changed = self.source.changed
                except DatabaseError as error:
                    # The case has ended: what came of it stands, though it is to be done again.
                    note = StepNote("database", "it went away at the end", error=str(error), cause="database")
                    state = _with_steps(state, (*state.steps, note))
            finally:
                self.source.close()
        except ShareError as error:
            state = _kept(state, "database", str(error), "database")
        except Exception as error:
            state = _kept(state, "database", _internal(self.case, error), "internal")
        return state

    def _take(self, stage: Stage, before: State) -> Generator[Ask, Any, State]:
        """Take one stage to its end and note its seconds. A stage that fails leaves the state as it was,
        with a note; the judge that fails keeps the draft."""
        name = stage.__name__
        started = time.perf_counter()
        self._go_on()
        if before.correction is not None:
            return before
        if self._exceeded:
            if name != "judge":
                return before
            self._meter.allow(JUDGE_SECONDS)
        with self.spans.stage(name) as told:
            try:
                after = yield from self._drive(stage, before)
            except Exception as error:
                self._go_on()
                told(error)
                after = self._failed(name, before, error)
        spent = self._spent[name] = time.perf_counter() - started
        if log_of_stages.isEnabledFor(logging.INFO):
            last = after.steps[-1] if len(after.steps) > len(before.steps) else None
            did = "nothing to do" if last is None else ": ".join(filter(None, (last.text, last.error)))
            # A lone surrogate in a model's answer would break whoever writes the log as UTF-8.
            did = " ".join(did.split()).encode("utf-8", "replace").decode()
            log_of_stages.info("case %s: %s, %.2f s: %s", before.case.id, name, spent, did)
        if len(after.steps) > len(before.steps):
            after = _with_steps(after, (*after.steps[:-1], replace(after.steps[-1], seconds=spent)))
        self._tell(StageEnd(name, after, spent, after.steps[len(before.steps) :]))
        return after

    def _go_on(self) -> None:
        """Raises _GivenUp where nobody waits for the case any more: then no stage makes up for another."""
        if self._given_up:
            raise _GivenUp

    def _tell(self, ended: StageEnd) -> None:
        """Call `progress`: what it raises is its own, and no end of the case."""
        if self._progress is None:
            return
        try:
            self._progress(ended)
        except Exception:
            log.exception("case %s: the progress callback failed", self.case.id)

    def _failed(self, name: str, before: State, error: Exception) -> State:
        """The state after a stage that failed."""
        note, why, cause = "went on without its result", str(error), None
        match error:
            case ModelError():
                return lost(before, name, name, note, error)
            case WorkExceeded():
                self._exceeded, cause = True, "work"
            case DatabaseError():
                cause = "database"
            case ShareError():
                pass
            case RecursionError():
                why, cause = "the query is nested too deeply for this stage", "work"
            case MemoryError():
                why, cause = "there is not enough memory for this stage", "work"
            case _:
                why, cause = _internal(self.case, error), "internal"
        if name == "judge" or (self._exceeded and before.draft is None):
            return _kept(before, name, why, cause)
        return noted(before, name, note, error=why, cause=cause)

    def _drive(self, stage: Stage, before: State) -> Generator[Ask, Any, State]:
        """Answer a stage's requests until it returns."""
        asking = self._meter.run(partial(stage, before))
        if isinstance(asking, State):
            return asking
        steps: Steps[State] = asking
        step = partial(next, steps)
        while True:
            try:
                request: Request = self._meter.run(step)
            except StopIteration as stop:
                state: State = stop.value
                return state
            match request:
                case Ask():
                    try:
                        answer: object = yield request
                    except ModelError as error:
                        step = partial(steps.throw, error)
                        continue
                case Query():
                    answer = self.source.query(request)
                case Lookup():
                    answer = self.source.look_up(request)
            step = partial(steps.send, answer)


def kept_unworked(case: Case, plan: Plan, why: str, cause: str, stage: str = "process") -> State:
    """The final state of a case whose process died, or that did not begin.

    Args:
        case: what is asked.
        plan: how it would have been corrected.
        why: one line.
        cause: in one word (`StepNote.cause`).
        stage: where (`StepNote.stage`).
    """
    return _kept(State.start(case, Schema(name=case.database, tables=()), plan), stage, why, cause)


def _kept(state: State, stage: str, why: str, cause: str | None = None) -> State:
    """The draft handed back because the case could not be worked on."""
    steps = (*state.steps, StepNote(stage, "the draft is handed back", error=why, cause=cause))
    query = state.draft.query if state.draft is not None else None
    correction = Correction(
        id=state.case.id, sql=state.sql or state.case.draft, verdict="kept", reason=why, confidence=0.0,
        draft=state.case.draft, steps=steps, usage=dict(state.usage), failures=state.failures,
        runs=query.runs if query is not None and query.outcome is not None else None,
    )  # fmt: skip
    return replace(state, steps=steps, correction=correction)


def _with_steps(state: State, steps: tuple[StepNote, ...]) -> State:
    """The state with these notes, its correction's too where it has ended."""
    ended = state.correction
    return replace(state, steps=steps, correction=replace(ended, steps=steps) if ended else None)


def _told_in_reason(state: State) -> State:
    """The state whose correction's reason says too which stage failed for what was not its own matter."""
    ended = state.correction
    failed = next((step for step in state.steps if step.cause), None)
    if ended is None or failed is None or failed.error is None or failed.error in ended.reason:
        return state
    reason = f"{ended.reason}; {failed.stage} could not be done ({failed.error})"
    return replace(state, correction=replace(ended, reason=reason))


def _internal(case: Case, error: Exception) -> str:
    # A fault of ours in one case must not end the batch; it is logged whole and named.
    log.error("case %s: unexpected error", case.id, exc_info=error)
    return f"internal error ({type(error).__name__}: {' '.join(str(error).split())[:300]}); please report it"
