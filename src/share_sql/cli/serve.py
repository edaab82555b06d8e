"""`share serve`: corrections over HTTP, and a page."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import click

from share_sql.cli.common import (
    cache_option,
    fill_catalog,
    kinds_of,
    models_for,
    models_option,
    policy_options,
    prompts_of,
)
from share_sql.cli.configured import config_option, settings
from share_sql.errors import UsageError

EXAMPLES = """\b
Examples:
  share serve --demo
  share serve --config share.toml --port 8400
"""


@click.command("serve", epilog=EXAMPLES)
@click.option("--demo", is_flag=True, help="Serve the demo's shop, with its drafts to try.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8400]")
@models_option("none")
@policy_options
@cache_option
@config_option
def command(
    demo: bool,
    host: str | None,
    port: int | None,
    models: str,
    policy: str,
    prompts: str | None,
    conventions: str | None,
    without: str | None,
    only: str | None,
    min_confidence: float,
    cache: Any,
) -> None:
    """Serve the databases that the settings name."""
    import uvicorn

    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.serve.app import create_app
    from share_sql.serve.demo import demo_shop
    from share_sql.serve.desk import MODEL_PATIENCE, Desk
    from share_sql.settings import ServiceSettings

    found = settings()
    service = found.service if found is not None else ServiceSettings()
    names = tuple(found.databases) if found is not None else ()
    with ExitStack() as stack:
        catalog = Catalog(cache=cache)
        fill_catalog(catalog, names)
        examples = stack.enter_context(demo_shop(catalog)) if demo else ()
        if not catalog.names:
            raise UsageError("there is no database to serve; name some in share.toml, or call with --demo")
        asked = models_for(models)
        correcting = partial(
            Assistant,
            catalog=catalog,
            conventions=conventions or ("benchmark" if demo else "none"),
            without=kinds_of(without),
            only=kinds_of(only),
            inspect=True,
        )
        assistant = correcting(
            models=asked,
            policy=policy,
            prompts=prompts_of(prompts, asked),
            min_confidence=min_confidence,
            concurrency=service.workers,
            model_patience=MODEL_PATIENCE,
        )
        checker = correcting() if asked else assistant
        desk = Desk(
            catalog=catalog, names=catalog.names, assistant=assistant, checker=checker, examples=examples
        )
        uvicorn.run(
            create_app(desk), host=host or service.host, port=port or service.port, log_level="warning"
        )
