"""`share values`: the index of stored values, built ahead of a run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from share_sql.cli.common import as_json, cache_option
from share_sql.cli.terminal import interruptible, print_json, say

EXAMPLES = """\b
Example:
  share values build --db shop.sqlite
"""


@click.group("values", epilog=EXAMPLES)
def command() -> None:
    """Build the index of stored values, and look values up in it."""


@command.command("build", epilog="\b\nExample:\n  share values build --db shop.sqlite --json")
@click.option("--db", required=True, metavar="PATH|URL", help="The database, opened read-only.")
@cache_option
@as_json
def build(db: str, cache: Path | None, as_json: bool) -> None:
    """Index the text values of a database, in the cache folder, unless they are there already.

    Small databases need no file: their index is made in memory within milliseconds.
    """
    from share_sql.catalog import Catalog
    from share_sql.database.address import shown

    with interruptible(), closing(Catalog(cache=cache)) as catalog, catalog.use(db) as opened:
        index = opened.values
        size, columns, path = index.size, len(index.columns()), index.path
    if as_json:
        print_json(
            {"database": shown(db), "values": size, "columns": columns, "path": str(path) if path else None}
        )
        return
    where = f"in {path}" if path else "in memory, so small that no file is needed"
    say(f"{size:,} values of {columns} columns {where}")


@command.command("lookup", epilog='\b\nExample:\n  share values lookup --db shop.sqlite "new york"')
@click.option("--db", required=True, metavar="PATH|URL", help="The database, opened read-only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Matches at most.")
@click.argument("text")
@cache_option
@as_json
def lookup(db: str, text: str, limit: int, cache: Path | None, as_json: bool) -> None:
    """Find where a database stores TEXT, or something spelled nearly like it."""
    from dataclasses import asdict

    from share_sql.catalog import Catalog

    with interruptible(), closing(Catalog(cache=cache)) as catalog, catalog.use(db) as opened:
        matches = opened.values.lookup(text, limit=limit)
    if as_json:
        print_json({"matches": [asdict(match) for match in matches]})
        return
    for match in matches:
        say(f"{match.score:6.2f}  {match.table}.{match.column}  {match.value}")
    if not matches:
        say("nothing like it is stored", err=True)
