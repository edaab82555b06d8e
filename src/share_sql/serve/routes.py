"""The routes under `/v1`: what a desk is asked over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from share_sql.check import checked_row
from share_sql.serve.answers import kind_answers, stage_event
from share_sql.serve.bodies import CheckBody, CorrectBody, RunBody, TrajectoryBody
from share_sql.serve.problems import lost, response, told
from share_sql.serve.shapes import (
    CheckAnswer,
    CorrectAnswer,
    DatabaseItem,
    ExampleItem,
    KindItem,
    RunAnswer,
    SchemaAnswer,
    TrajectoryAnswer,
)

if TYPE_CHECKING:
    from share_sql.driver.progress import StageEnd
    from share_sql.serve.desk import Desk
    from share_sql.serve.metrics import Metrics


class _UnderWay(NamedTuple):
    """A case that is being corrected."""

    ended: asyncio.Queue[StageEnd | None]
    """Its stages as they end; None at its end."""
    correcting: asyncio.Future[CorrectAnswer]


def v1(desk: Desk, metrics: Metrics) -> APIRouter:
    """The routes.

    Args:
        desk: is asked.
        metrics: counts what comes of drafts.
    """
    router = APIRouter(prefix="/v1")

    @router.post("/correct", response_model=CorrectAnswer)
    async def correct(body: CorrectBody) -> CorrectAnswer | Response:
        """Correct a draft, or hand it back."""
        answer = await desk.correct(body)
        metrics.corrected(answer)
        problem = lost(answer)
        return answer if problem is None else response(problem)

    async def under_way(body: CorrectBody) -> AsyncIterator[_UnderWay]:
        """A case, given up when its request is over. FastAPI ends a dependency then, but not what generates
        the events, where the client goes away between two of them."""
        desk.known(body.database)  # a stream that has begun cannot answer 404
        ended: asyncio.Queue[StageEnd | None] = asyncio.Queue()
        correcting = asyncio.ensure_future(desk.correct(body, ended.put_nowait))

        def over(_: object) -> None:
            if not correcting.cancelled():
                correcting.exception()  # whoever waited may have gone, and was to be told
            ended.put_nowait(None)

        correcting.add_done_callback(over)
        try:
            yield _UnderWay(ended, correcting)
        finally:
            correcting.cancel()

    of_under_way = Depends(under_way)

    @router.post("/correct/stream", response_class=EventSourceResponse)
    async def correct_stream(case: _UnderWay = of_under_way) -> AsyncIterator[ServerSentEvent]:
        """The same, stage by stage.

        An event `stage` comes after each stage. The last event is `correction`; or `problem`, with the
        document that `/v1/correct` would have answered.
        """
        while (stage := await case.ended.get()) is not None:
            yield ServerSentEvent(event="stage", data=stage_event(stage))
        try:
            answer = await case.correcting
        except Exception as error:
            # The answer has begun: its status cannot tell any more.
            yield ServerSentEvent(event="problem", data=told(error, "POST /v1/correct/stream"))
            return
        metrics.corrected(answer)
        problem = lost(answer)
        if problem is None:
            yield ServerSentEvent(event="correction", data=answer)
        else:
            yield ServerSentEvent(event="problem", data=problem)

    @router.post("/check")
    async def check(body: CheckBody) -> CheckAnswer:
        """Say what is wrong or risky in a draft; change nothing."""
        return CheckAnswer(**checked_row(await desk.check(body)))

    @router.post("/trajectory")
    async def trajectory(body: TrajectoryBody) -> TrajectoryAnswer:
        """SQL as a trajectory and compiled again, or a trajectory compiled to SQL."""
        return await desk.trajectory(body)

    @router.post("/run", response_model=RunAnswer)
    async def run(body: RunBody) -> Response:
        """Run a query, read-only and bounded."""
        answer = await desk.run(body)
        # Up to some megabytes: written beside the event loop.
        text = await asyncio.to_thread(answer.model_dump_json)
        return Response(text, media_type="application/json")

    @router.get("/databases")
    async def databases() -> list[DatabaseItem]:
        """The databases that may be asked."""
        return await desk.databases()

    @router.get("/databases/{name}/schema")
    async def schema(name: Annotated[str, Path(min_length=1, max_length=200)]) -> SchemaAnswer:
        """A database's tables, columns and keys."""
        return await desk.schema(name)

    @router.get("/examples")
    async def examples() -> list[ExampleItem]:
        """Cases to try, where the service has some."""
        return [ExampleItem(**asdict(case)) for case in desk.examples]

    @router.get("/kinds")
    async def kinds() -> list[KindItem]:
        """Every kind of finding, warning and change, explained."""
        return kind_answers()

    return router
