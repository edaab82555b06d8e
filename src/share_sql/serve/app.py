"""The HTTP service: one FastAPI application over a desk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from share_sql import __version__
from share_sql.check import checked_row
from share_sql.driver.progress import StageEnd
from share_sql.serve.answers import kind_answers, stage_event
from share_sql.serve.desk import Desk
from share_sql.serve.shapes import (
    CheckAnswer,
    CheckBody,
    CorrectAnswer,
    CorrectBody,
    DatabaseItem,
    KindItem,
    RunAnswer,
    RunBody,
    SchemaAnswer,
    TrajectoryAnswer,
    TrajectoryBody,
)


def create_app(desk: Desk) -> FastAPI:
    """The application.

    Args:
        desk: answers; closed when the application shuts down.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(desk.close)

    app = FastAPI(title="SHARE", version=__version__, lifespan=lifespan)

    @app.post("/v1/correct")
    async def correct(body: CorrectBody) -> CorrectAnswer:
        """Correct a draft, or hand it back."""
        return await desk.correct(body)

    @app.post("/v1/correct/stream", response_class=EventSourceResponse)
    async def correct_stream(body: CorrectBody) -> AsyncIterator[ServerSentEvent]:
        """The same, with an event `stage` after each stage; the last event is `correction`."""
        ended: asyncio.Queue[StageEnd | None] = asyncio.Queue()
        correcting = asyncio.ensure_future(desk.correct(body, ended.put_nowait))
        correcting.add_done_callback(lambda _: ended.put_nowait(None))
        try:
            while (stage := await ended.get()) is not None:
                yield ServerSentEvent(event="stage", data=stage_event(stage))
            yield ServerSentEvent(event="correction", data=await correcting)
        finally:
            correcting.cancel()

    @app.post("/v1/check")
    async def check(body: CheckBody) -> CheckAnswer:
        """Say what is wrong or risky in a draft; change nothing."""
        return CheckAnswer(**checked_row(await desk.check(body)))

    @app.post("/v1/trajectory")
    async def trajectory(body: TrajectoryBody) -> TrajectoryAnswer:
        """SQL as a trajectory and compiled again, or a trajectory compiled to SQL."""
        return await desk.trajectory(body)

    @app.post("/v1/run")
    async def run(body: RunBody) -> RunAnswer:
        """Run a query, read-only and bounded."""
        return await desk.run(body)

    @app.get("/v1/databases")
    async def databases() -> list[DatabaseItem]:
        """The databases that may be asked."""
        return await desk.databases()

    @app.get("/v1/databases/{name}/schema")
    async def schema(name: str) -> SchemaAnswer:
        """A database's tables, columns and keys."""
        return await desk.schema(name)

    @app.get("/v1/examples")
    async def examples() -> list[dict[str, Any]]:
        """Cases to try, where the service has some."""
        from dataclasses import asdict

        return [asdict(case) for case in desk.examples]

    @app.get("/v1/kinds")
    async def kinds() -> list[KindItem]:
        """Every kind of finding and warning, explained."""
        return kind_answers()

    app.mount("/", StaticFiles(directory=Path(str(files("share_sql.serve") / "page")), html=True))
    return app
