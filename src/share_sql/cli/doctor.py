"""`share doctor`: what is wrong with the installation, the settings, a database or its role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import as_json, cache_option, models_for
from share_sql.cli.configured import check_name, lenient_config_option, settings, settings_fault
from share_sql.cli.terminal import draw, interruptible, print_json, say

if TYPE_CHECKING:
    from share_sql.doctor.check import Check
    from share_sql.models.base import Model

EXAMPLES = """\b
Examples:
  share doctor
  share doctor --db postgresql://reader@localhost/shop
  share doctor --db shop.sqlite --json
"""

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command("doctor", epilog=EXAMPLES)
@click.option(
    "--db", metavar="FILE|URL|NAME", help="Look at this database, too, and at what its role could do."
)
@click.option("--models", envvar="SHARE_MODELS", help="Look at these models, too; as other verbs take them.")
@cache_option
@lenient_config_option
@as_json
def command(db: str | None, models: str | None, cache: Path | None, as_json: bool) -> None:
    """Look at everything a user can get wrong, and say how to mend it.

    Looked at are Python, the packages and extras, the settings file, the cache folder, the weights of small
    models, and the servers that models are asked at. With --db the database is opened as other verbs open it:
    what server it is, what is seen of it, what its role could do beside reading, and how to make one that can
    only read. Nothing is written but a file that is made and deleted in the cache folder. Exit code 1 where
    something failed.
    """
    from share_sql.doctor.asked import ROLE
    from share_sql.doctor.examine import examine, examine_database
    from share_sql.settings import Settings

    def load() -> Mapping[str, Model]:
        return models_for(models or "none")

    known = settings() or Settings()
    if db is not None:
        check_name(db)
    with interruptible():
        checks = examine(known, settings_fault(), cache, load if models is not None else None)
        looked = examine_database(known, db) if db is not None else None
    recipe = looked.recipe if looked is not None else ""
    checks += looked.checks if looked is not None else []
    failed = any(check.status == "failed" for check in checks)
    if as_json:
        print_json(
            {"ok": not failed, "checks": [asdict(check) for check in checks], "read_only": recipe or None}
        )
    else:
        _print(checks)
        if recipe and any(check.group == ROLE and check.status != "ok" for check in checks):
            say(f"\nTo make a way in that can only read:\n\n{recipe}")
    if failed:
        raise SystemExit(1)


def _print(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("Looked at", no_wrap=True)
    table.add_column("How it stands, and what to do", overflow="fold")
    group = ""
    for check in checks:
        if group and check.group != group:
            table.add_section()
        group = check.group
        table.add_row(
            Text(check.status, style=_COLOURS[check.status]),
            Text(f"{check.group}: {check.name}" if check.group != check.name else check.name),
            Text(f"{check.text}\n→ {check.mend}" if check.mend else check.text),
        )
    draw(table)
