"""The desk: the databases that may be asked by name, and the assistant. HTTP and MCP ask it alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from share_sql.case import Case
from share_sql.check import Checked, checked
from share_sql.database.base import Limits
from share_sql.errors import DatabaseMissing
from share_sql.serve.answers import correct_answer, run_answer, schema_answer
from share_sql.serve.shapes import (
    CheckBody,
    CorrectAnswer,
    CorrectBody,
    DatabaseItem,
    RunAnswer,
    RunBody,
    SchemaAnswer,
    TrajectoryAnswer,
    TrajectoryBody,
)

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog, OpenDatabase
    from share_sql.driver.progress import Progress
    from share_sql.trajectory.nodes import Trajectory

MODEL_PATIENCE = 5.0
"""What the assistant of a desk takes as `model_patience`: a caller waits, and a server that was restarted
mostly listens again within some seconds."""

_T = TypeVar("_T")


class Desk:
    """Answers what HTTP and MCP are asked. It lives in one event loop; `close` gives all back.

    Args:
        catalog: where the databases are.
        names: those that may be asked, as the catalog has them.
        assistant: corrects, with `inspect`; made with this catalog, closed with the desk.
        checker: the same without models, for what only looks; may be `assistant`.
        threads: what is done at once beside corrections: queries, schemas, trajectories.
        examples: cases to try, for the page.
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
    ) -> None:
        self.names = tuple(names)
        self.examples = tuple(examples)
        self._catalog = catalog
        self._assistant = assistant
        self._checker = checker
        self._pool = ThreadPoolExecutor(threads, "share-desk")

    def known(self, name: str) -> str:
        """A database's name. Raises DatabaseMissing where it may not be asked."""
        if name not in self.names:
            from share_sql.toml_file import nearest

            raise DatabaseMissing(f"there is no database {name!r} here{nearest(name, self.names)}")
        return name

    async def databases(self) -> list[DatabaseItem]:
        """The databases, in the settings' order."""
        return [DatabaseItem(name=name, dialect=self._catalog.dialect(name)) for name in self.names]

    async def correct(self, body: CorrectBody, progress: Progress | None = None) -> CorrectAnswer:
        """Correct a draft; `progress` is called in this event loop after each stage."""
        state = await self._assistant.acorrect_state(self._case(body), progress=progress)
        return await self._work(lambda: correct_answer(state))

    async def check(self, body: CheckBody) -> Checked:
        """Look at a draft without changing it."""
        state = await self._checker.acorrect_state(self._case(body))
        return await self._work(lambda: checked(state))

    async def trajectory(self, body: TrajectoryBody) -> TrajectoryAnswer:
        """SQL as a trajectory, or a trajectory as SQL.

        Raises:
            SqlError, TrajectoryError: it cannot be read, or not be compiled.
        """
        return await self._with(body.database, lambda opened: _trajectory(opened, body))

    async def run(self, body: RunBody) -> RunAnswer:
        """Run a query read-only. Raises QueryError."""
        limits = Limits(seconds=body.seconds, rows=body.rows, bytes=8 * 1024 * 1024)

        def ask(opened: OpenDatabase) -> RunAnswer:
            bound = limits.within(opened.limits) if opened.limits is not None else limits
            with opened.turn:
                return run_answer(opened.database.query(body.sql, bound))

        return await self._with(body.database, ask)

    async def schema(self, name: str) -> SchemaAnswer:
        """A database's schema."""
        return await self._with(name, lambda opened: schema_answer(name, opened.schema))

    def close(self) -> None:
        """Give assistants, databases and threads back. May be called twice."""
        with closing(self._assistant), closing(self._checker):
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _case(self, body: CheckBody) -> Case:
        return Case(body.id, body.question, self.known(body.database), body.draft, body.evidence)

    async def _with(self, name: str, work: Callable[[OpenDatabase], _T]) -> _T:
        """Do something with an open database, in a thread."""
        self.known(name)

        def opened_work() -> _T:
            with self._catalog.use(name) as opened:
                return work(opened)

        return await self._work(opened_work)

    async def _work(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _trajectory(opened: OpenDatabase, body: TrajectoryBody) -> TrajectoryAnswer:
    from share_sql.schema.model import ColumnName
    from share_sql.sql.text import extract_sql
    from share_sql.trajectory.from_sql import from_sql
    from share_sql.trajectory.nodes import Raw, RawAction
    from share_sql.trajectory.read import read
    from share_sql.trajectory.to_sql import to_sql
    from share_sql.trajectory.write import write

    trajectory: Trajectory
    if body.sql is not None:
        trajectory = from_sql(extract_sql(body.sql), opened.schema)
    else:
        names = [ColumnName(table.name, column.name) for table, column in opened.schema.columns()]
        trajectory = read(body.trajectory or "", names).trajectory
    raw = sum(isinstance(node, Raw | RawAction) for node in trajectory.walk())
    text = write(trajectory, body.dialect)
    return TrajectoryAnswer(trajectory=text, sql=to_sql(trajectory, opened.schema), raw=raw)
