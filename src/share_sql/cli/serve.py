"""`share serve`: corrections over HTTP, and a page."""

from __future__ import annotations

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
@served_options
def command(demo: bool, host: str | None, port: int | None, **flags: Any) -> None:
    """Serve the databases that the settings name."""
    import uvicorn

    from share_sql.serve.app import create_app
    from share_sql.settings import ServiceSettings

    found = settings()
    service = found.service if found is not None else ServiceSettings()
    with served_desk(demo=demo, workers=service.workers, **flags) as desk:
        uvicorn.run(
            create_app(desk), host=host or service.host, port=port or service.port, log_level="warning"
        )
