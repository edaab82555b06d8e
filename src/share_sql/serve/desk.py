"""The desk: the databases that may be asked by name, and the assistant. HTTP and MCP ask it alone.

It keeps its event loop free: whatever takes processor time or asks a database is done in threads, bounded in
time, and a database that hangs leaves threads for the others.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from share_sql.case import Case
from share_sql.check import Checked, checked
from share_sql.database.base import Limits
from share_sql.driver.meter import Meter, Watch
from share_sql.errors import (
    AssistantClosed,
    DatabaseError,
    DatabaseMissing,
    DatabaseUnreadable,
    QueryError,
    SchemaError,
    ServiceBusy,
)
from share_sql.runfolder.record import case_cause
from share_sql.serve.answers import correct_answer, run_answer, schema_answer
from share_sql.serve.bodies import CheckBody, CorrectBody, RunBody, TrajectoryBody
from share_sql.serve.fair import FairPool
from share_sql.serve.shapes import CorrectAnswer, DatabaseItem, RunAnswer, SchemaAnswer, TrajectoryAnswer

if TYPE_CHECKING:
    from pathlib import Path

    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog, OpenDatabase
    from share_sql.driver.progress import Progress
    from share_sql.schema.model import Schema
    from share_sql.stages.state import State
    from share_sql.trajectory.nodes import Trajectory

MODEL_PATIENCE = 5.0
"""What the assistant of a desk takes as `model_patience`: a caller waits, and a server that was restarted
mostly listens again within some seconds."""

CASE_SECONDS = 120.0
"""What the assistant of a desk takes as `case_seconds` where the settings say nothing."""
WAIT_SECONDS = 30.0
"""What a case may wait for a place at most, beside its own time."""
MOST_CASES = 64
"""Cases of one database that are under way or wait: a database that hangs must not fill the service with
requests that wait for it."""

_T = TypeVar("_T")

ANSWER_BYTES = 8 * 1024 * 1024
"""Size of a query's result at most, as Python values."""
WORK_SECONDS = 3.0
"""Processor time that a trajectory may take."""


@dataclass(frozen=True)
class _Made(Generic[_T]):
    """Makes of a final state what is answered, in the process where the case ended; and says whether its
    database was away."""

    answer: Callable[[State], _T]

    def __call__(self, state: State) -> tuple[_T, bool]:
        assert state.correction is not None, "the judge always leaves a correction"
        return self.answer(state), case_cause(state.correction) == "database"


_CORRECT = _Made(correct_answer)
_CHECK = _Made(checked)


class Desk:
    """Answers what HTTP and MCP are asked. It lives in one event loop; `close` gives all back.

    Args:
        catalog: where the databases are.
        names: those that may be asked, as the catalog has them.
        assistant: corrects, with `inspect`; made with this catalog, closed with the desk.
        checker: the same without models, for what only looks; may be `assistant`.
        threads: what is done at once beside corrections: queries, schemas, trajectories.
        examples: cases to try, for the page.
        models: the names of the assistant's models, by role.
        case_seconds: the assistant's; a case may wait as long for its place, and `WAIT_SECONDS` at most.
        most_cases: cases of one database that are under way or wait.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        names: Iterable[str],
        assistant: Assistant,
        checker: Assistant,
        threads: int = 8,
        examples: Iterable[Case] = (),
        models: Mapping[str, str] = MappingProxyType({}),
        case_seconds: float = CASE_SECONDS,
        most_cases: int = MOST_CASES,
    ) -> None:
        self.names = tuple(names)
        self.examples = tuple(examples)
        self.models = dict(models)
        self._catalog = catalog
        self._assistant = assistant
        self._checker = checker
        self.away: set[str] = set()
        """Databases that could not be read when they were last asked."""
        self._cases: Counter[str] = Counter()
        """By database, cases that are under way or wait."""
        self._case_seconds = case_seconds + min(case_seconds, WAIT_SECONDS)
        self._most_cases = most_cases
        self._asking = FairPool(threads)
        self._working = ThreadPoolExecutor(2, "share-answer")
        self._watch = Watch()

    @property
    def under_way(self) -> int:
        """Cases that are under way or wait for their place."""
        return self._cases.total()

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return self._asking.waiting

    def known(self, name: str) -> str:
        """A database's name. Raises DatabaseMissing where it may not be asked."""
        if name not in self.names:
            from share_sql.toml_file import nearest

            raise DatabaseMissing(f"there is no database {name!r} here{nearest(name, self.names)}")
        return name

    def add(self, name: str, file: Path, limits: Limits, cache: Path) -> None:
        """Take a file in as one more database that may be asked.

        Args:
            name: the database's.
            file: where it is.
            limits: no query of it may take more.
            cache: where the index of its values is kept.
        """
        self._catalog.add(name, file, limits=limits, cache=cache)
        self.names = (*self.names, name)

    def drop(self, name: str) -> None:
        """Forget a database that was added; work on it that is under way may end."""
        self.names = tuple(each for each in self.names if each != name)
        self.away.discard(name)
        self._catalog.remove(name)
        self._assistant.forget(name)
        self._checker.forget(name)

    async def databases(self) -> list[DatabaseItem]:
        """The databases, in the settings' order."""
        return [DatabaseItem(name=name, dialect=self._catalog.dialect(name)) for name in self.names]

    async def correct(self, body: CorrectBody, progress: Progress | None = None) -> CorrectAnswer:
        """Correct a draft; `progress` is called in this event loop after each stage.

        Returns:
            What came of it. With `lost` where a model or the database did not answer: asked again, it may
            be another.

        Raises:
            DatabaseMissing, AssistantClosed: there is no such database here, or the service ends.
            ServiceBusy: too many cases of the database are there already, or it found no place in time.
        """
        answer, _ = await self._ended(self._assistant, body, _CORRECT, progress)
        return answer

    async def check(self, body: CheckBody, progress: Progress | None = None) -> Checked:
        """Look at a draft without changing it; `progress` as for `correct`.

        Raises:
            DatabaseMissing, DatabaseUnreadable, AssistantClosed, ServiceBusy: nothing could be looked at.
        """
        seen, away = await self._ended(self._checker, body, _CHECK, progress)
        if away:
            raise DatabaseUnreadable(seen.unusable or seen.incomplete or "it went away")
        return seen

    async def trajectory(self, body: TrajectoryBody) -> TrajectoryAnswer:
        """SQL as a trajectory, or a trajectory as SQL.

        Raises:
            SqlError, TrajectoryError: it cannot be read, or not be compiled.
            WorkExceeded: it takes too much processor time.
            DatabaseMissing, DatabaseUnreadable, SchemaError, ServiceBusy: the schema cannot be had.
        """
        schema = await self._with(body.database, lambda opened: opened.schema)
        return await self._work(lambda: _trajectory(schema, body))

    async def run(self, body: RunBody) -> RunAnswer:
        """Run a query read-only. To cancel it stops the query.

        Raises:
            QueryError: the database refused it, or it failed.
            DatabaseMissing, DatabaseUnreadable, SchemaError, ServiceBusy: it cannot be asked.
        """
        limits = Limits(seconds=body.seconds, rows=body.rows, bytes=ANSWER_BYTES)

        def ask(opened: OpenDatabase) -> RunAnswer:
            bound = limits.within(opened.limits) if opened.limits is not None else limits
            if not opened.turn.acquire(timeout=bound.seconds):
                raise ServiceBusy("others ask the database as much as it answers; ask again in some seconds")
            asked.append((opened, threading.get_ident()))
            try:
                result = opened.database.query(body.sql, bound)
            finally:
                with ending:  # whoever stops it now must not stop what this thread does next
                    asked.clear()
                opened.turn.release()
            return run_answer(result)

        asked: list[tuple[OpenDatabase, int]] = []
        ending = threading.Lock()
        try:
            return await self._with(body.database, ask)
        except asyncio.CancelledError:
            with ending:
                for opened, thread in asked:
                    opened.database.stop(thread)
            raise

    async def schema(self, name: str) -> SchemaAnswer:
        """A database's schema.

        Raises:
            DatabaseMissing, DatabaseUnreadable, SchemaError, ServiceBusy: it cannot be had.
        """
        return await self._with(name, lambda opened: schema_answer(name, opened.schema))

    async def warm(self, name: str) -> None:
        """Open a database before it is asked, and take an empty case through the stages there, so that the
        first request is as fast as the next. What is wrong with it is not told here: see `away`."""
        with suppress(DatabaseError, SchemaError, ServiceBusy, AssistantClosed):
            await self.schema(name)
            await self._checker.acorrect_state(self._case(CheckBody(database=name, draft="SELECT 1")))

    def close(self) -> None:
        """Give assistants, databases and threads back. May be called twice."""
        with closing(self._assistant), closing(self._checker), closing(self._asking):
            self._working.shutdown(wait=False, cancel_futures=True)

    async def _ended(
        self, assistant: Assistant, body: CheckBody, make: _Made[_T], progress: Progress | None
    ) -> tuple[_T, bool]:
        """What is made of a case's end, and whether its database was away."""
        case = self._case(body)
        name = case.database
        if self._cases[name] >= self._most_cases:
            raise ServiceBusy(f"{name} has as many cases under way as it may; ask again in some seconds")
        self._cases[name] += 1
        try:
            async with asyncio.timeout(self._case_seconds):
                made, away = await assistant.acorrect_as(case, make, progress=progress)
        except TimeoutError:
            raise ServiceBusy(f"{name} is slow, and the case found no place in time; ask again") from None
        finally:
            self._cases[name] -= 1
            if not self._cases[name]:
                del self._cases[name]
        self._note(body.database, away=away)
        return made, away

    def _note(self, name: str, *, away: bool) -> None:
        (self.away.add if away and name in self.names else self.away.discard)(name)

    def _case(self, body: CheckBody) -> Case:
        return Case(body.id, body.question, self.known(body.database), body.draft, body.evidence)

    async def _with(self, name: str, work: Callable[[OpenDatabase], _T]) -> _T:
        """Do something with an open database, in a thread."""
        self.known(name)

        def opened_work() -> _T:
            with self._catalog.use(name) as opened:
                return work(opened)

        try:
            done = await self._asking.do(name, opened_work)
        except QueryError:
            self._note(name, away=False)
            raise
        except DatabaseMissing as error:
            # It is one of the service's: its file has gone, which is nothing that the caller got wrong.
            self._note(name, away=True)
            raise DatabaseUnreadable(str(error)) from None
        except (DatabaseError, SchemaError):
            self._note(name, away=True)
            raise
        self._note(name, away=False)
        return done

    async def _work(self, work: Callable[[], _T]) -> _T:
        """Do what takes processor time, in a thread. Raises WorkExceeded where it takes too much."""
        meter = Meter(WORK_SECONDS)
        self._watch.add(meter)
        working = asyncio.get_running_loop().run_in_executor(self._working, meter.run, work)
        working.add_done_callback(partial(self._worked, meter))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            meter.allow(0.0)  # it is stopped where it still goes on when it is next looked at
            raise

    def _worked(self, meter: Meter, working: asyncio.Future[_T]) -> None:
        self._watch.discard(meter)
        if not working.cancelled():
            working.exception()  # whoever waited may have gone, and was to be told


def _trajectory(schema: Schema, body: TrajectoryBody) -> TrajectoryAnswer:
    from share_sql.schema.model import ColumnName
    from share_sql.sql.text import extract_sql
    from share_sql.trajectory.from_sql import from_sql
    from share_sql.trajectory.nodes import Raw, RawAction
    from share_sql.trajectory.read import read
    from share_sql.trajectory.to_sql import to_sql
    from share_sql.trajectory.write import write

    trajectory: Trajectory
    if body.sql is not None:
        trajectory = from_sql(extract_sql(body.sql), schema)
    else:
        names = [ColumnName(table.name, column.name) for table, column in schema.columns()]
        trajectory = read(body.trajectory or "", names).trajectory
    raw = sum(isinstance(node, Raw | RawAction) for node in trajectory.walk())
    text = write(trajectory, body.dialect)
    return TrajectoryAnswer(trajectory=text, sql=to_sql(trajectory, schema), raw=raw)
