"""`share serve`: corrections over HTTP, and a page."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from share_sql.cli.common import as_json as json_option
from share_sql.cli.common import verbose_option
from share_sql.cli.configured import settings
from share_sql.cli.served import demo_option, served_desk, served_options
from share_sql.cli.terminal import print_json, say
from share_sql.errors import UsageError

if TYPE_CHECKING:
    from share_sql.settings import ServiceSettings

EXAMPLES = """\b
Examples:
  share serve --demo
  share serve --config share.toml --port 8400
  share serve --demo --port 0 --json
"""


@click.command("serve", epilog=EXAMPLES)
@demo_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 for any that is free.  [default: 8400]",
)
@click.option("--uploads", is_flag=True, help="Take uploads of SQLite files, to try them for a time.")
@served_options
@verbose_option
@json_option
def command(
    demo: bool, host: str | None, port: int | None, uploads: bool, as_json: bool, **flags: Any
) -> int:
    """Serve the databases that the settings name.

    Prints where it listens once it does. The first Ctrl-C or SIGTERM lets requests under way end, the second
    gives them up.
    """
    try:
        from share_sql.serve.access import guard_of
        from share_sql.serve.app import create_app
        from share_sql.serve.guard import guarded
        from share_sql.serve.protocol import server_options
        from share_sql.serve.server import listen, serve, url_of
        from share_sql.serve.uploads import Uploads
    except ModuleNotFoundError as error:
        lacking = f"share serve needs {error.name}, which is not installed; pip install 'share-sql[serve]'"
        raise UsageError(lacking) from None
    from share_sql.serve.doors import Doors

    service = _service(host, port, uploads)
    guard = guard_of(service)
    with ExitStack() as stack:
        listening = listen(service.host, service.port)
        stack.callback(listening.close)
        desk = stack.enter_context(served_desk(service, demo=demo, **flags))
        doors = Doors()
        url = url_of(listening, service.host)

        def started() -> None:
            if as_json:
                print_json({"url": url, "databases": list(desk.names), "models": dict(desk.models)})
            else:
                count = len(desk.names)
                say(f"SHARE serves {count} database{'s' if count > 1 else ''} at {url} (Ctrl-C ends it)")

        kept = stack.enter_context(Uploads.of(desk, service)) if service.uploads else None
        app = create_app(desk, doors=doors, batch_bytes=service.max_batch, uploads=kept)
        drained = serve(guarded(app, guard), listening, doors, started, **server_options(guard))
    return 0 if drained else 1


def _service(host: str | None, port: int | None, uploads: bool) -> ServiceSettings:
    """The settings' [service], with what the flags say. Raises UsageError where it lacks a variable."""
    from share_sql.settings import ServiceSettings

    found = settings()
    if found is not None and "" in found.problems:
        raise UsageError(found.problems[""])
    said = {"host": host, "port": port, "uploads": uploads or None}
    service = found.service if found is not None else ServiceSettings()
    return service.model_copy(update={name: value for name, value in said.items() if value is not None})
