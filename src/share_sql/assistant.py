"""The story: STAGES, and the one driver that brings models and databases to them.

    with Assistant(catalog=catalog, models=models) as assistant:
        correction = assistant.correct(case)

A stage yields requests; `Assistant` answers them: `Ask` from the model of that role, `Query` and
`Lookup` from the case's database. Cases flow independently of each other.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from share_sql.case import Case, Correction, Inspection, StepNote
from share_sql.catalog import Catalog, OpenDatabase
from share_sql.edits.table import allowed_kinds
from share_sql.errors import (
    AssistantClosed,
    ModelError,
    ModelUnavailable,
    ModelUnknown,
    QueryError,
    ShareError,
    UsageError,
)
from share_sql.judgement.weights import Weights, load_weights
from share_sql.requests import Ask, Lookup, Query, Request, Steps
from share_sql.schema.model import Schema, ValueMatch
from share_sql.stages.asking import lost, noted
from share_sql.stages.bam import bam
from share_sql.stages.judge import judge
from share_sql.stages.lom import lom
from share_sql.stages.mask import mask
from share_sql.stages.policies import POLICIES
from share_sql.stages.propose import propose
from share_sql.stages.read import read
from share_sql.stages.regenerate import regenerate
from share_sql.stages.repair import repair
from share_sql.stages.sam import sam
from share_sql.stages.score import score
from share_sql.stages.state import Plan, Stage, State
from share_sql.stages.warn import warn

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult
    from share_sql.models.base import Model, ModelReply, ModelRequest
    from share_sql.prompts.library import PromptSet

STAGES: tuple[Stage, ...] = (read, bam, mask, sam, lom, regenerate, repair, propose, score, warn, judge)
"""The whole method, in order. The paper's six (SHARE, section 3): bam, mask, sam, lom, regenerate, judge."""

log = logging.getLogger("share_sql")
told = logging.getLogger("share_sql.stages")
"""Each stage as it ends, at level INFO."""
_CLOSED = "the assistant is closed; make another"


class Assistant:
    """Corrects drafts.

    Args:
        catalog: databases by name; None for an empty one (cases then name paths or URLs).
        models: who answers which role: bam, mask, sam, lom, generator, scorer; or what `--models` takes
            (`none`, `embedded`, `recorded:DIR`, `FILE.toml`). A role that is missing is done symbolically
            (bam, mask) or left out (the others). `close` closes them.
        policy: name of one of `stages.policies.POLICIES`.
        prompts: the prompt set; None for those that each model was trained on, or SHARE's own.
        weights: the judge's calibrated weights; None for the shipped ones.
        concurrency: cases under way at once.
        inspect: whether corrections also tell warnings and what a replay compares (`Correction.inspection`);
            costs a few more queries a case.
        conventions: `benchmark` where kinds of change that follow a benchmark's conventions act too (see
            `edits.table.Kind.conventions`), else `none`.
        without: kinds of change that may not act.
        only: kinds of change that alone may act; empty for all.
        min_confidence: a change of less confidence is not made, 0 to 1.

    Raises:
        UsageError: no such policy, models, conventions or kinds, or a concurrency below 1.
    """

    def __init__(
        self,
        *,
        catalog: Catalog | None = None,
        models: Mapping[str, Model] | str | None = None,
        policy: str = "gated",
        prompts: PromptSet | None = None,
        weights: Weights | None = None,
        concurrency: int = 8,
        conventions: str = "none",
        without: Iterable[str] = (),
        only: Iterable[str] = (),
        min_confidence: float = 0.0,
        inspect: bool = False,
    ) -> None:
        if policy not in POLICIES:
            raise UsageError(f"{policy!r} is no policy; there are {', '.join(POLICIES)}")
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; at least one case must be under way")
        if isinstance(models, str):
            from share_sql.models.load import load_models

            models = load_models(models)
        self._catalog = catalog or Catalog()
        self._models = dict(models or {})
        self._concurrency = concurrency
        constrained = frozenset(role for role, model in self._models.items() if model.takes_grammar)
        if prompts is None and self._models:
            prompts = prompts_for(self._models)
        kinds = allowed_kinds(conventions, without, only)
        self._plan = Plan(
            POLICIES[policy],
            frozenset(self._models),
            prompts,
            (weights or load_weights()).limited(kinds),
            constrained,
            min_confidence,
            "select-drop" in kinds,
            inspect,
        )
        self._closed = False
        self._closing = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="share-driver", daemon=True)
        self._thread.start()

    def correct(self, case: Case) -> Correction:
        """Correct one draft. Never raises for what is wrong with the case: the reason says it. Nor for models
        that do not answer: see `Correction.failures`.

        Raises:
            AssistantClosed: it was closed.
        """
        return _correction(next(iter(self.correct_states([case]))))

    def correct_many(self, cases: Iterable[Case]) -> Iterator[Correction]:
        """Correct many drafts; corrections come in the order of the cases. Raises AssistantClosed."""
        waiting: dict[int, Correction] = {}
        following = 0
        for position, state in self._run(cases):
            waiting[position] = _correction(state)
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    def correct_states(self, cases: Iterable[Case]) -> Generator[State, None, None]:
        """Correct many drafts; final states come as cases finish, with all that each stage made. Raises
        AssistantClosed."""
        with closing(self._run(cases)) as ran:
            for _, state in ran:
                yield state

    def _run(self, cases: Iterable[Case]) -> Generator[tuple[int, State], None, None]:
        done: queue.SimpleQueue[tuple[int, State | BaseException]] = queue.SimpleQueue()
        under_way: dict[int, Future[State]] = {}
        numbered = enumerate(cases)
        exhausted = False

        def ended(position: int, task: Future[State]) -> None:
            # A case is only ever given up because the assistant is closed under it.
            given_up = AssistantClosed(_CLOSED) if task.cancelled() else None
            done.put((position, given_up or task.exception() or task.result()))

        try:
            while True:
                while not exhausted and len(under_way) < self._concurrency:
                    try:
                        position, case = next(numbered)
                    except StopIteration:
                        exhausted = True
                        break
                    with self._closing:
                        self._check_open()
                        task = asyncio.run_coroutine_threadsafe(self.correct_async(case), self._loop)
                    under_way[position] = task
                    task.add_done_callback(partial(ended, position))
                if not under_way:
                    return
                position, outcome = done.get()
                del under_way[position]
                if isinstance(outcome, BaseException):
                    raise outcome
                yield position, outcome
        finally:
            # Whoever goes away early wants nothing of the rest.
            for task in under_way.values():
                task.cancel()

    def _check_open(self) -> None:
        if self._closed:
            raise AssistantClosed(_CLOSED)

    async def correct_async(self, case: Case) -> State:
        """Take one case through all stages; the driver."""
        state = State.start(case, Schema(name=case.database, tables=()), self._plan)
        spent: dict[str, float] = {}
        started = time.perf_counter()
        try:
            # A hop to a thread and back costs as much as a stage: only what may wait takes one.
            opened = self._catalog.acquire_open(case.database)
            if opened is None:
                opened = await asyncio.to_thread(self._catalog.acquire, case.database)
            try:
                spent["database"] = time.perf_counter() - started
                state = State.start(case, opened.schema, self._plan)
                if self._plan.inspects:
                    found = await asyncio.to_thread(opened.database.fingerprint)
                    state = replace(state, inspection=Inspection(fingerprint=found))
                source = _Source(opened)
                for stage in STAGES:
                    state = await self._take(stage, state, source, spent)
            finally:
                for surplus in self._catalog.release(case.database):
                    await asyncio.to_thread(surplus.close)
        except ShareError as error:
            state = _kept(state, "database", str(error), "database")
        except Exception as error:
            # A fault of ours in one case must not end the batch; it is logged whole and named.
            log.exception("case %s: unexpected error", case.id)
            why = f"internal error ({type(error).__name__}: {error}); please report it"
            state = _kept(state, "judge", why, "internal")
        return replace(state, seconds=spent)

    async def _take(self, stage: Stage, before: State, source: _Source, spent: dict[str, float]) -> State:
        """Drive one stage to its end and note its seconds; a named error leaves the state as it was, with a
        note."""
        name = stage.__name__
        started = time.perf_counter()
        try:
            after = stage(before)
            if not isinstance(after, State):
                after = await self._drive(after, source)
        except ShareError as error:
            note = "went on without its result"
            if isinstance(error, ModelError):
                after = lost(before, name, name, note, error)
            else:
                after = noted(before, name, note, error=str(error))
            if name == "judge":
                after = _kept(after, name, str(error))
        spent[name] = time.perf_counter() - started
        if told.isEnabledFor(logging.INFO):
            last = after.steps[-1] if len(after.steps) > len(before.steps) else None
            did = "nothing to do" if last is None else ": ".join(filter(None, (last.text, last.error)))
            told.info("case %s: %s, %.2f s: %s", before.case.id, name, spent[name], " ".join(did.split()))
        if len(after.steps) == len(before.steps):
            return after
        steps = (*after.steps[:-1], replace(after.steps[-1], seconds=spent[name]))
        ended = after.correction
        return replace(after, steps=steps, correction=replace(ended, steps=steps) if ended else None)

    async def _drive(self, stage: Steps[State], source: _Source) -> State:
        """Answer a stage's requests until it returns."""
        try:
            request = next(stage)
            while True:
                try:
                    response = await self._answer(request, source)
                except ModelError as error:
                    request = stage.throw(error)
                else:
                    request = stage.send(response)
        except StopIteration as stop:
            state: State = stop.value
            return state

    async def _answer(self, request: Request, source: _Source) -> object:
        match request:
            case Ask(requests=asked):
                return await asyncio.gather(*(self._ask(each, source) for each in asked))
            case Query():
                if request not in source.answered:
                    source.answered[request] = await asyncio.to_thread(source.query, request)
                return source.answered[request]
            case Lookup():
                return await asyncio.to_thread(source.look_up, request)

    async def _ask(self, request: ModelRequest, source: _Source) -> ModelReply:
        """A model's reply. A server that gave up on this case after all retries is not asked again for it."""
        model = self._model(request.role)
        server: str = getattr(model, "server", "")
        if server in source.down:
            raise source.down[server]
        try:
            return await model.ask(request)
        except ModelUnavailable as error:
            if server:
                source.down[server] = error
            raise

    def _model(self, role: str) -> Model:
        if role not in self._models:
            raise ModelUnknown(f"no model is set for the role {role}; name one in the models file")
        return self._models[role]

    def close(self) -> None:
        """Give models, databases and the driver's thread back; cases under way are given up. May be called
        twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        for model in {id(model): model for model in self._models.values()}.values():
            asyncio.run_coroutine_threadsafe(model.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Source:
    """A case's database. Answers are kept for the length of the case: stages ask alike, and a query that
    ran into its deadline once is not run again."""

    def __init__(self, opened: OpenDatabase) -> None:
        self._opened = opened
        self.answered: dict[Query, QueryResult | QueryError] = {}
        self.down: dict[str, ModelUnavailable] = {}
        """Servers that gave no answer after all retries."""

    def query(self, request: Query) -> QueryResult | QueryError:
        """Run SQL; what the database says against it is an answer too."""
        try:
            return self._opened.database.query(request.sql, request.limits)
        except QueryError as error:
            return error

    def look_up(self, request: Lookup) -> tuple[ValueMatch, ...]:
        """The stored values nearest to a text."""
        return self._opened.values.lookup(request.text, columns=request.columns, limit=request.limit)


def prompts_for(models: Mapping[str, Model]) -> PromptSet:
    """The prompts to ask models with: each role's own where its model says which set it was trained on
    (`prompts`), SHARE's default for the others."""
    from share_sql.prompts.library import PromptSet, load_prompts

    default = load_prompts()
    templates = dict(default.templates)
    names = set()
    for role, model in models.items():
        name = model.prompts or default.name
        names.add(name)
        if name != default.name:
            templates[role] = load_prompts(name).template(role)
    return PromptSet("+".join(sorted(names)) or default.name, templates)


async def _cancel_others() -> None:
    """Cases under way are given up; their queries end by themselves."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _correction(state: State) -> Correction:
    assert state.correction is not None, "the judge always leaves a correction"
    return state.correction


def _kept(state: State, stage: str, why: str, cause: str | None = None) -> State:
    """The draft handed back because the case could not be worked on."""
    steps = (*state.steps, StepNote(stage, "the draft is handed back", error=why, cause=cause))
    correction = Correction(
        id=state.case.id, sql=state.sql or state.case.draft, verdict="kept", reason=why, confidence=0.0,
        draft=state.case.draft, steps=steps, usage=dict(state.usage), failures=state.failures,
    )  # fmt: skip
    return replace(state, steps=steps, correction=correction)
