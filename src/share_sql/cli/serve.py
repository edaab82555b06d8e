"""`share serve`: corrections over HTTP, and a page."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from share_sql.cli.configured import settings
from share_sql.cli.served import demo_option, served_desk, served_options

EXAMPLES = """\b
Examples:
  share serve --demo
  share serve --config share.toml --port 8400
"""


@click.command("serve", epilog=EXAMPLES)
@demo_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8400]")
@click.option("--uploads", is_flag=True, help="Take uploads of SQLite files, to try them.")
@served_options
def command(demo: bool, host: str | None, port: int | None, uploads: bool, **flags: Any) -> None:
    """Serve the databases that the settings name."""
    import uvicorn

    from share_sql.serve.access import guard_of
    from share_sql.serve.app import create_app
    from share_sql.serve.guard import guarded
    from share_sql.serve.protocol import server_options
    from share_sql.serve.uploads import Uploads
    from share_sql.settings import ServiceSettings

    found = settings()
    said = {"host": host, "port": port, "uploads": uploads or None}
    service = (found.service if found is not None else ServiceSettings()).model_copy(
        update={name: value for name, value in said.items() if value is not None}
    )
    guard = guard_of(service)
    with ExitStack() as stack:
        desk = stack.enter_context(served_desk(demo=demo, workers=service.workers, **flags))
        kept = stack.enter_context(Uploads.of(desk, service)) if service.uploads else None
        app = create_app(desk, batch_bytes=service.max_batch, uploads=kept)
        uvicorn.run(
            guarded(app, guard),
            host=service.host,
            port=service.port,
            log_level="warning",
            **server_options(guard),
        )
