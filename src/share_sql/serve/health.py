"""Whether the service lives, is ready, and its figures."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from share_sql.serve.problems import other, problem, response
from share_sql.serve.shapes import HealthAnswer, ReadyAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from share_sql.serve.desk import Desk
    from share_sql.serve.doors import Doors
    from share_sql.serve.metrics import Metrics

AGAIN_SECONDS = 10.0
"""After how long a database that could not be read is tried again, whether it is asked for or not."""

WARM = 12
"""Databases that are opened before they are asked: as many as a catalog keeps open."""
_WARM_AT_ONCE = 3


def probes(desk: Desk, doors: Doors, metrics: Metrics) -> APIRouter:
    """The routes that a machine's keeper asks.

    Args:
        desk: knows which databases could be read.
        doors: know whether the service is ending.
        metrics: has the figures.
    """
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> HealthAnswer:
        """The process lives."""
        return HealthAnswer()

    @router.get("/readyz", response_model=ReadyAnswer)
    async def readyz() -> ReadyAnswer | Response:
        """The service takes requests: it is not ending, and some database of it can be read."""
        if doors.shut:
            return response(other("draining"))
        away = len(desk.away)
        if away and away >= len(desk.names):
            detail = "none of the databases can be read now; see the service's log"
            return problem(503, "database-unreadable", detail)
        return ReadyAnswer(databases=len(desk.names), away=away)

    @router.get("/metrics")
    async def figures() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


@asynccontextmanager
async def warmed(desk: Desk) -> AsyncIterator[None]:
    """For the length of the block: databases are opened in the background, and those that could not be read
    are tried again, so that the service becomes ready without being asked."""

    turns = asyncio.Semaphore(_WARM_AT_ONCE)

    async def open_one(name: str) -> None:
        async with turns:
            await desk.warm(name)

    async def warm() -> None:
        asked = desk.names[:WARM]
        while True:
            await asyncio.gather(*map(open_one, asked))
            await asyncio.sleep(AGAIN_SECONDS)
            asked = tuple(name for name in desk.names if name in desk.away)

    warming = asyncio.ensure_future(warm())
    try:
        yield
    finally:
        warming.cancel()
        await asyncio.wait({warming})
