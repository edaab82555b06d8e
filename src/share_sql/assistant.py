"""The story: STAGES, and the assistant that takes cases through them.

    with Assistant(catalog=catalog, models=models) as assistant:
        correction = assistant.correct(case)

A stage yields requests; the driver (`driver/`) answers them: `Ask` from the model of that role, `Query` and
`Lookup` from the case's database. Cases flow independently of each other.

An assistant has one life. It may be used by any number of threads and event loops, until `close`, the end of
its `with` block, or the last reference to it. A case under way then ends in AssistantClosed; so does each
call afterwards. A process that was forked from one in which an assistant has worked makes its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import math
import queue
import weakref
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from share_sql.case import Case, Correction
from share_sql.catalog import Catalog
from share_sql.driver.driver import CASE_SECONDS, WORK_SECONDS, Driver
from share_sql.edits.table import allowed_kinds
from share_sql.errors import AssistantClosed, UsageError
from share_sql.judgement.weights import Weights, load_weights
from share_sql.stages.bam import bam
from share_sql.stages.judge import judge
from share_sql.stages.lom import lom
from share_sql.stages.mask import mask
from share_sql.stages.policies import POLICIES
from share_sql.stages.propose import propose
from share_sql.stages.read import read
from share_sql.stages.redraft import redraft
from share_sql.stages.regenerate import regenerate
from share_sql.stages.repair import repair
from share_sql.stages.sam import sam
from share_sql.stages.score import score
from share_sql.stages.state import Plan, Stage, State
from share_sql.stages.warn import warn

if TYPE_CHECKING:
    from share_sql.driver.progress import Progress, StageEnd
    from share_sql.models.base import Model
    from share_sql.prompts.library import PromptSet

STAGES: tuple[Stage, ...] = (
    read,
    bam,
    mask,
    sam,
    lom,
    regenerate,
    redraft,
    repair,
    propose,
    score,
    warn,
    judge,
)
"""The whole method, in order. The paper's six (SHARE, section 3): bam, mask, sam, lom, regenerate, judge."""


class Assistant:
    """Corrects drafts.

    Args:
        catalog: databases by name; None for an empty one (cases then name paths or URLs).
        models: who answers which role: bam, mask, sam, lom, generator, scorer; or what `--models` takes
            (`none`, `embedded`, `recorded:DIR`, `openai:MODEL`, `URL#MODEL`, `FILE.toml`). A role
            that is missing is done symbolically (bam, mask) or left out (the others). `close` closes them.
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
        case_seconds: wall-clock time that one case may take: models that have not answered by then failed,
            and queries are not run any more.
        work_seconds: processor time that the stages of one case may take; what they have by then is judged.
        model_patience: seconds after which a model's server that fails is not asked again, for each ask; where
            somebody waits for the correction, less than the half minute that retries take by themselves.

    Raises:
        UsageError: no such policy, models, conventions or kinds, a concurrency below 1, or no time.
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
        case_seconds: float = CASE_SECONDS,
        work_seconds: float = WORK_SECONDS,
        model_patience: float = math.inf,
    ) -> None:
        if policy not in POLICIES:
            raise UsageError(f"{policy!r} is no policy; there are {', '.join(POLICIES)}")
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; at least one case must be under way")
        if not (case_seconds > 0 and work_seconds > 0 and model_patience > 0):
            raise UsageError("case_seconds, work_seconds and model_patience must be above 0")
        if isinstance(models, str):
            from share_sql.models.load import load_models

            models = load_models(models)
        models = dict(models or {})
        constrained = frozenset(role for role, model in models.items() if model.takes_grammar)
        if prompts is None and models:
            prompts = prompts_for(models)
        kinds = allowed_kinds(conventions, without, only)
        weights = weights or load_weights()
        plan = Plan(
            POLICIES[policy],
            frozenset(models),
            prompts,
            weights.limited(kinds),
            constrained,
            min_confidence,
            "select-drop" in kinds,
            inspect,
            {role: model.samples for role, model in models.items()},
            "scorer" not in models or weights.hold_for(models["scorer"].name, models["scorer"].calibrated),
        )
        self._driver = Driver(
            catalog or Catalog(), models, plan, concurrency, case_seconds, work_seconds, model_patience
        )
        weakref.finalize(self, self._driver.end)

    def correct(self, case: Case, *, progress: Progress | None = None) -> Correction:
        """Correct one draft; `progress` is called after each stage, by the thread that works on the case.

        Never raises for what is wrong with the case: the reason says it. Nor for models
        that do not answer: see `Correction.failures`.

        Raises:
            AssistantClosed: it is closed, or was closed meanwhile.
        """
        return _correction(_result(self._driver.submit(case, STAGES, progress)))

    async def acorrect(self, case: Case, *, progress: Progress | None = None) -> Correction:
        """As `correct`, for an event loop of the caller's, in which `progress` is called too; to cancel it
        gives the case up."""
        return _correction(await self.acorrect_state(case, progress=progress))

    async def acorrect_state(self, case: Case, *, progress: Progress | None = None) -> State:
        """As `acorrect`; the final state, with all that each stage made."""
        loop = asyncio.get_running_loop()

        def told(ended: StageEnd) -> None:
            assert progress is not None
            with suppress(RuntimeError):  # the caller's loop has closed: nobody listens
                loop.call_soon_threadsafe(progress, ended)

        future = self._driver.submit(case, STAGES, told if progress is not None else None)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _result(future)

    def correct_many(self, cases: Iterable[Case]) -> Iterator[Correction]:
        """Correct many drafts; corrections come in the order of the cases. Raises AssistantClosed."""
        waiting: dict[int, Correction] = {}
        following = 0
        with closing(self._run(cases)) as ran:
            for position, state in ran:
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
        done: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        under_way: dict[int, Future[State]] = {}
        numbered = enumerate(cases)
        exhausted = False

        def ended(position: int, _: Future[State]) -> None:
            done.put(position)

        try:
            with self._driver.listening(lambda: done.put(None)):
                while True:
                    while not exhausted and self._driver.room(len(under_way)):
                        try:
                            position, case = next(numbered)
                        except StopIteration:
                            exhausted = True
                            break
                        under_way[position] = self._driver.submit(case, STAGES)
                        under_way[position].add_done_callback(partial(ended, position))
                    if not under_way:
                        return
                    ended_now = done.get()
                    if ended_now is not None:  # else there may be room for more
                        yield ended_now, _result(under_way.pop(ended_now))
        finally:
            # Whoever goes away early wants nothing of the rest.
            for task in under_way.values():
                task.cancel()

    def close(self) -> None:
        """Give models, databases and threads back; cases under way are given up. It is bounded in time, and
        may be called twice."""
        self._driver.close()

    def __enter__(self) -> Self:
        self._driver.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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


def _result(future: Future[State]) -> State:
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        # A case is only ever given up because the assistant is closed under it.
        raise AssistantClosed("the assistant was closed; make another") from None


def _correction(state: State) -> Correction:
    assert state.correction is not None, "the judge always leaves a correction"
    return state.correction
