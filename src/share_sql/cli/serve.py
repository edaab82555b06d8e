"""`share serve`: corrections over HTTP, and a page."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from share_sql.cli.common import (
    as_json,
    cache_option,
    fill_catalog,
    kinds_of,
    models_for,
    models_option,
    policy_options,
    prompts_of,
)
from share_sql.cli.configured import config_option, settings
from share_sql.cli.terminal import complain, print_json, say
from share_sql.errors import ShareError, UsageError

if TYPE_CHECKING:
    from share_sql.catalog import Catalog
    from share_sql.settings import ServiceSettings, Settings

EXAMPLES = """\b
Examples:
  share serve --demo
  share serve --config share.toml --port 8400
  share serve --demo --port 0 --json
"""


@click.command("serve", epilog=EXAMPLES)
@click.option("--demo", is_flag=True, help="Serve the demo's shop, with its drafts to try.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 for any that is free.  [default: 8400]",
)
@models_option("none")
@policy_options
@cache_option
@as_json
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
    as_json: bool,
) -> int:
    """Serve the databases that the settings name.

    The first Ctrl-C or SIGTERM lets requests under way end, the second gives them up.
    """
    try:
        from share_sql.serve.app import create_app
        from share_sql.serve.server import listen, serve, url_of
    except ModuleNotFoundError as error:
        missing = f"serving needs {error.name}, which is not installed: pip install 'share-sql[serve]'"
        raise UsageError(missing) from None
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.serve.demo import demo_shop
    from share_sql.serve.desk import Desk
    from share_sql.serve.doors import Doors

    found = settings()
    service = _service(found)
    host = host or service.host
    with ExitStack() as stack:
        catalog = Catalog(cache=cache)
        examples = stack.enter_context(demo_shop(catalog)) if demo else ()
        if found is not None:
            _fill(catalog, found)
        if not catalog.names:
            raise UsageError("there is no database to serve; name some in share.toml, or call with --demo")
        listening = listen(host, service.port if port is None else port)
        stack.callback(listening.close)
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
        )
        checker = correcting() if asked else assistant
        desk = Desk(
            catalog=catalog, names=catalog.names, assistant=assistant, checker=checker, examples=examples
        )
        stack.callback(desk.close)
        doors = Doors()
        url = url_of(listening, host)

        def started() -> None:
            if as_json:
                roles = {role: model.name for role, model in asked.items()}
                print_json({"url": url, "databases": list(catalog.names), "models": roles})
            else:
                count = len(catalog.names)
                say(f"SHARE serves {count} database{'s' if count > 1 else ''} at {url} (Ctrl-C ends it)")

        drained = serve(create_app(desk, doors=doors), listening, doors, started)
    return 0 if drained else 1


def _service(found: Settings | None) -> ServiceSettings:
    """The settings' [service]. Raises UsageError where it lacks a variable."""
    from share_sql.settings import ServiceSettings

    if found is None:
        return ServiceSettings()
    if "" in found.problems:
        raise UsageError(found.problems[""])
    return found.service


def _fill(catalog: Catalog, found: Settings) -> None:
    """Make the settings' databases known to a catalog; what keeps one from being served is told."""
    for name, problem in found.problems.items():
        if name:
            complain(f"{name} is not served: {problem}")
    for name in found.databases:
        if name in catalog.names:
            complain(f"{name} is not served: the demo's database has its name")
            continue
        try:
            fill_catalog(catalog, [name])
        except ShareError as error:
            complain(f"{name} is not served: {error}")
