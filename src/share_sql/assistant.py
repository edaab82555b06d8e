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
import math
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping
from contextlib import aclosing, closing
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from share_sql.case import Case, Correction
from share_sql.catalog import Catalog
from share_sql.driver.driver import CASE_SECONDS, WORK_SECONDS, Driver, whole
from share_sql.driver.many import InOrder, aas_they_end, as_they_end, final, told_in
from share_sql.edits.table import allowed_kinds
from share_sql.errors import UsageError
from share_sql.judgement.weights import Weights, load_weights
from share_sql.stages.bam import bam
from share_sql.stages.confirm import confirm
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
    from share_sql.driver.budget import Budget
    from share_sql.driver.progress import Progress
    from share_sql.models.base import Model
    from share_sql.prompts.library import PromptSet

_T = TypeVar("_T")

STAGES: tuple[Stage, ...] = (
    read,
    bam,
    mask,
    sam,
    lom,
    regenerate,
    redraft,
    repair,
    confirm,
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
        concurrency: cases of one database that are under way at once; of several databases, fewer than twice
            as many, so that one that hangs keeps none on another waiting. All others wait, in the order of
            each database, at no cost. 1: one after another, whatever their databases.
        processes: how many processes may work on cases, each on a core of its own, but no more than
            `concurrency`. None begins before this one is full of work. This one alone asks models, and works
            on what needs each stage told (`progress`, OpenTelemetry) or whole states.
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
        model_patience: seconds after which a model's server that fails is not asked again, for each ask; less
            than the half minute that retries take by themselves, where somebody waits for the correction.
        budget: tokens, money and seconds that cases may take; None for no bounds. A case that has used up
            its own, or all cases', ends by what it has; one that would begin then is kept, with that reason.

    Raises:
        UsageError: no such policy, models, conventions or kinds, a concurrency or processes below 1, no
            time, or a budget of money with a model whose price is not known.
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
        processes: int = 1,
        conventions: str = "none",
        without: Iterable[str] = (),
        only: Iterable[str] = (),
        min_confidence: float = 0.0,
        inspect: bool = False,
        case_seconds: float = CASE_SECONDS,
        work_seconds: float = WORK_SECONDS,
        model_patience: float = math.inf,
        budget: Budget | None = None,
    ) -> None:
        if policy not in POLICIES:
            raise UsageError(f"{policy!r} is no policy; there are {', '.join(POLICIES)}")
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; at least one case must be under way")
        if processes < 1:
            raise UsageError(f"processes is {processes}; at least this one must work")
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
            all(models[role].calibrated for role in ("drafter", "second_drafter") if role in models),
        )
        self._driver = Driver(
            catalog or Catalog(),
            models,
            plan,
            concurrency,
            case_seconds,
            work_seconds,
            model_patience,
            processes,
            budget,
        )
        weakref.finalize(self, self._driver.end)

    @property
    def at_once(self) -> int:
        """Cases that may be under way at once, of all databases together."""
        return self._driver.places

    def correct(self, case: Case, *, progress: Progress | None = None) -> Correction:
        """Correct one draft; `progress` is called after each stage, by the thread that works on the case.

        Never raises for what is wrong with the case: the reason says it. Nor for models
        that do not answer: see `Correction.failures`.

        Raises:
            AssistantClosed: it is closed, or was closed meanwhile.
        """
        return final(self._driver.submit(case, STAGES, correction_of, progress))

    async def acorrect(self, case: Case, *, progress: Progress | None = None) -> Correction:
        """As `correct`, for an event loop of the caller's, in which `progress` is called too; to cancel it
        gives the case up."""
        return await self.acorrect_as(case, correction_of, progress=progress)

    async def acorrect_state(self, case: Case, *, progress: Progress | None = None) -> State:
        """As `acorrect`; the final state, with all that each stage made."""
        return await self.acorrect_as(case, whole, progress=progress)

    async def acorrect_as(
        self, case: Case, make: Callable[[State], _T], *, progress: Progress | None = None
    ) -> _T:
        """As `acorrect`, for what is made of the final state where the case ended, see `correct_as`."""
        future = self._driver.submit(case, STAGES, make, told_in(asyncio.get_running_loop(), progress))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return final(future)

    def correct_many(
        self, cases: Iterable[Case], *, progress: Progress | None = None
    ) -> Generator[Correction, None, None]:
        """Correct many drafts; corrections come in the order of the cases.

        Args:
            cases: read as they can be worked on, and a little beyond.
            progress: called after each stage, by the thread that works on the case.

        Returns:
            The corrections. Whoever leaves the loop early, or closes this, gives up the rest.

        Raises:
            AssistantClosed: as `correct`.
        """
        ordered: InOrder[Correction] = InOrder()
        with closing(as_they_end(self._driver, STAGES, cases, correction_of, progress)) as ended:
            for position, correction in ended:
                yield from ordered.add(position, correction)

    def correct_states(
        self, cases: Iterable[Case], *, progress: Progress | None = None
    ) -> Generator[State, None, None]:
        """As `correct_many`; final states come as cases finish, with all that each stage made."""
        with closing(as_they_end(self._driver, STAGES, cases, whole, progress)) as ended:
            for _, state in ended:
                yield state

    def correct_as(
        self, cases: Iterable[Case], make: Callable[[State], _T]
    ) -> Generator[tuple[int, _T], None, None]:
        """As `correct_many`, for what is made of each final state where the case ended: with
        `processes`, mostly in another one.

        Args:
            cases: read as they can be worked on, and a little beyond.
            make: gives what is to be kept of a state, in form of plain data; called by the thread that worked
                on the case, beside others, and bounded in its processor time as stages are: where it takes
                too much, it is called again, for a state in which the draft is kept. A function of a module,
                or an object of a module's class; one of the caller's own script is called in this process.

        Returns:
            The case's place in `cases`, from 0, and what was made, as cases finish.

        Raises:
            AssistantClosed: as `correct`.
        """
        with closing(as_they_end(self._driver, STAGES, cases, make, None)) as ended:
            yield from ended

    async def acorrect_many(
        self, cases: Iterable[Case] | AsyncIterable[Case], *, progress: Progress | None = None
    ) -> AsyncGenerator[Correction, None]:
        """As `correct_many`, for an event loop of the caller's, in which `cases` is read and `progress` is
        called. Whoever leaves the loop early gives up the rest; `contextlib.aclosing` around it says when."""
        ordered: InOrder[Correction] = InOrder()
        async with aclosing(aas_they_end(self._driver, STAGES, cases, correction_of, progress)) as ended:
            async for position, correction in ended:
                for each in ordered.add(position, correction):
                    yield each

    async def acorrect_states(
        self, cases: Iterable[Case] | AsyncIterable[Case], *, progress: Progress | None = None
    ) -> AsyncGenerator[State, None]:
        """As `acorrect_many`; final states come as cases finish, with all that each stage made."""
        async with aclosing(aas_they_end(self._driver, STAGES, cases, whole, progress)) as ended:
            async for _, state in ended:
                yield state

    def forget(self, name: str) -> None:
        """Have the other processes (`processes`) close a database that the catalog has forgotten."""
        self._driver.forget(name)

    def already_spent(self, tokens: int, cost: float) -> None:
        """Count what was spent before against the budget of all cases; called before the first one.

        Args:
            tokens: of prompts and answers.
            cost: USD.
        """
        self._driver.account.already(tokens, cost)

    def close(self) -> None:
        """Give models, databases and threads back; cases under way are given up. It is bounded in time, and
        may be called twice."""
        self._driver.close()

    async def aclose(self) -> None:
        """As `close`, for an event loop, which goes on meanwhile."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        self._driver.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

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


def correction_of(state: State) -> Correction:
    """What a case's final state says to its caller."""
    assert state.correction is not None, "the judge always leaves a correction"
    return state.correction
