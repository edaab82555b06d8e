"""`share mcp`: the tools for agents, over standard input and output."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from share_sql.cli.common import as_json, verbose_option
from share_sql.cli.configured import place_named, settings
from share_sql.cli.served import demo_option, served_desk, served_options
from share_sql.cli.terminal import interruptible, print_json
from share_sql.errors import UsageError

EXAMPLES = """\b
Examples:
  share mcp --demo
  share mcp --db shop.sqlite
  share mcp --config share.toml --json
"""


@click.command("mcp", epilog=EXAMPLES)
@click.option(
    "--db",
    metavar="FILE|URL|NAME",
    help="This database alone, opened read-only: a file, a URL, or a name from the settings.",
)
@demo_option
@served_options
@verbose_option
@as_json
def command(db: str | None, demo: bool, as_json: bool, **flags: Any) -> None:
    """Serve the databases that the settings name to an agent, over standard input and output.

    An agent's program starts it: with --json it serves nothing, and prints what that program's settings need.
    It ends when its input ends. Nothing but the protocol goes to standard output, all else to standard error.
    """
    from share_sql.settings import ServiceSettings

    if as_json:
        print_json({"mcpServers": {"share": _entry()}})
        return
    if find_spec("mcp") is None:
        raise UsageError("share mcp needs an extra that is not installed; pip install 'share-sql[mcp]'")
    import anyio

    from share_sql.serve.mcp_server import serve_stdio

    found = settings()
    service = found.service if found is not None else ServiceSettings()
    with ExitStack() as stack:
        desk = stack.enter_context(served_desk(service, demo=demo, db=db, naming="--db or --demo", **flags))
        # The thread that reads the input cannot be stopped, so that an orderly end would wait for a line.
        stack.enter_context(interruptible(last=stack.close))
        anyio.run(serve_stdio, desk)


def _entry() -> dict[str, Any]:
    """The running call, as clients' settings have it: files are named from the root, since nobody knows in
    which folder a client starts it."""
    context = click.get_current_context()
    args = ["mcp"]
    found = settings()
    if found is not None and found.file is not None:
        args += ["--config", str(found.file.absolute())]
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE or name == "as_json":
            continue
        value = context.params[name]
        args.append(parameter.opts[0])
        if value is not True:
            args.append(_placed(str(value)))
    return {"command": _program(), "args": args}


def _placed(value: str) -> str:
    return str(Path(value).absolute()) if place_named(value) is None and os.path.exists(value) else value


def _program() -> str:
    """This program, from the root where it can be found."""
    called = Path(sys.argv[0])
    return (
        str(called.absolute())
        if called.name == "share" and called.is_file()
        else shutil.which("share") or "share"
    )
