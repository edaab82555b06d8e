"""The HTTP service: one FastAPI application over a desk, put together of one function a concern."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI

from share_sql import __version__
from share_sql.serve import batch, docs_page, health, openapi, problems, routes
from share_sql.serve import uploads as uploading
from share_sql.serve.attend import Attended
from share_sql.serve.desk import Desk
from share_sql.serve.doors import Doors
from share_sql.serve.metrics import Measured, Metrics
from share_sql.serve.uploads import Uploads


def create_app(
    desk: Desk,
    *,
    doors: Doors | None = None,
    batch_lines: int = batch.LINES,
    batch_bytes: int = batch.BYTES,
    uploads: Uploads | None = None,
) -> FastAPI:
    """The application.

    Args:
        desk: answers; closed when the application shuts down.
        doors: shut by whoever ends the service; None for some of its own, which nobody shuts.
        batch_lines: lines of one batch at most.
        batch_bytes: bytes of one batch at most.
        uploads: takes files to try; None: none are taken.
    """
    doors = doors or Doors()
    metrics = Metrics(lambda: desk.under_way, lambda: desk.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with health.warmed(desk):
                yield
        finally:
            await asyncio.to_thread(desk.close)

    app = FastAPI(
        title="SHARE",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.include_router(routes.v1(desk, metrics))
    app.include_router(batch.router(desk, metrics, batch_lines, batch_bytes))
    app.include_router(health.probes(desk, doors, metrics))
    if uploads is not None:
        app.include_router(uploading.router(uploads))
    openapi.install(app)
    docs_page.install(app)
    if find_spec("mcp") is not None:
        from share_sql.serve.mcp_server import mount_mcp

        mount_mcp(app, desk)
    app.frontend("/", directory=Path(str(files("share_sql.serve") / "page")), fallback=None)
    # The last that is added is asked first.
    app.add_middleware(problems.Unforeseen)
    app.add_middleware(Attended, doors=doors)
    app.add_middleware(Measured, metrics=metrics)
    return app
