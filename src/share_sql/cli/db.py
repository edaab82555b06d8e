"""`share db`: databases as a whole."""

from __future__ import annotations

import click

from share_sql.cli.common import as_json
from share_sql.cli.terminal import interruptible, print_json, say

EXAMPLES = """\b
Example:
  share db copy shop.sqlite shop.duckdb
"""


@click.group("db", epilog=EXAMPLES)
def command() -> None:
    """Copy a database."""


COPY = """\b
Examples:
  share db copy shop.sqlite shop.duckdb
  share db copy shop.sqlite postgresql://USER:PASSWORD@HOST:PORT/DATABASE --replace
"""


@command.command("copy", epilog=COPY)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--replace", "over", is_flag=True, help="Replace tables of TO that have the same names.")
@as_json
def copy(source: str, target: str, over: bool, as_json: bool) -> None:
    """Copy a SQLite file FROM into the database TO: a URL of PostgreSQL, MySQL or MariaDB, or a DuckDB file.

    Each column gets the type that fits what it stores. Keys that the data do not honour, and texts that TO
    cannot hold, are told. TO's role must have the right to make tables; the copy is whole or taken back.
    """
    from share_sql.copying.copy import copy_database
    from share_sql.database.address import shown

    with interruptible():
        copied = copy_database(source, target, over=over)
    if as_json:
        print_json({"to": shown(target), "tables": copied.rows, "notes": list(copied.notes)})
        return
    for note in copied.notes:
        say(note, err=True)
    say(f"{sum(copied.rows.values()):,} rows of {len(copied.rows)} tables copied into {shown(target)}")
