"""`share check`: what is wrong or risky in one draft, and where. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import FILE, as_json, cache_option, models_for, read_stdin, use_database
from share_sql.cli.configured import config_option, db_option
from share_sql.cli.terminal import complain, interruptible, print_json, say

if TYPE_CHECKING:
    from share_sql.check import Checked, Observation

_WIDTH = 100
"""Longer lines of SQL are shown in pieces, so that a mark stays below what it marks."""

EXAMPLES = """\b
Examples:
  share check --db shop.sqlite --sql "SELECT name FROM store ORDER BY size LIMIT 1"
  share check --db mysql://reader@localhost/shop --sql "SELECT COUNT(*) FROM store"
  share check --db shop.sqlite --sql - --question "How many stores are in Bonn?" --json < draft.sql
  share check --db shop.sqlite --sql "SELECT city FROM store" --question "Which stores?" --models auto
"""


@click.command("check", epilog=EXAMPLES)
@db_option
@click.option("--sql", "draft", required=True, help="The draft; - reads it from standard input.")
@click.option("--question", default="", help="What the SQL should answer; more is seen with it.")
@click.option("--evidence", default="", help="What else must be known: units, codes, definitions.")
@click.option("--tables", type=FILE, help="tables.json that completes the database's schema.")
@click.option("--meanings", type=FILE, help="column_meaning.json with the columns' meanings.")
@click.option(
    "--models",
    default="none",
    show_default=True,
    metavar="none|auto|embedded|FILE.toml",
    help="Whose drafter answers the question too: rows that differ count against the draft. Of other models "
    "none is asked.",
)
@cache_option
@config_option
@as_json
def command(
    db: str,
    draft: str,
    question: str,
    evidence: str,
    tables: Path | None,
    meanings: Path | None,
    models: str,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Look at one draft without changing it.

    error: it does not run, or a repair proves it wrong. warning: a risk, or a sign that is wrong more often
    than right. info: a sign that right queries have as often. Exit code 0 where there is neither error nor
    warning, 3 where there is, 1 where the database cannot be used or not all could be looked at.
    """
    from share_sql.assistant import Assistant
    from share_sql.case import Case
    from share_sql.catalog import Catalog
    from share_sql.check import check, checked_row
    from share_sql.errors import UsageError

    if draft == "-":
        draft = read_stdin()
    catalog = Catalog(cache=cache)
    db = use_database(catalog, db, tables, meanings)
    asked = {role: model for role, model in models_for(models).items() if role == "drafter"}
    if models not in ("none", "auto") and not asked:
        raise UsageError(f"--models {models} has no drafter, and no other model is asked in a check")
    with Assistant(catalog=catalog, models=asked, inspect=True) as assistant, interruptible():
        checked = check(assistant, Case("1", question, db, draft, evidence))
    if as_json:
        print_json(checked_row(checked))
    elif checked.unusable is None:
        say("\n".join(checked_lines(draft, checked)))
    if checked.unusable is not None:
        if not as_json:
            complain(checked.unusable)
        raise SystemExit(1)
    if checked.incomplete is not None:
        complain(f"not all could be looked at: {checked.incomplete}")
    raise SystemExit(3 if checked.found else 0 if checked.incomplete is None else 1)


def checked_lines(draft: str, checked: Checked) -> Iterator[str]:
    """The draft with a mark below each place, then one line a thing seen."""
    placed = sorted((each for each in checked.observations if each.place is not None), key=_start)
    start = 0
    for line in draft.splitlines(keepends=True):
        for at in range(0, max(len(line.rstrip()), 1), _WIDTH):
            piece = line.rstrip()[at : at + _WIDTH]
            yield piece.replace("\t", " ")
            yield from _marks(piece, start + at, placed)
        start += len(line)
    for each in checked.observations:
        yield f"{each.severity}: {each.kind}: {' '.join(each.message.split())}"
        if each.suggestion is not None:
            change = each.suggestion
            was = " ".join(draft[change.start : change.end].split())
            yield f"  write {change.text.strip()}" + (f" for {was}" if was else "")
    if checked.suggestion is not None:
        yield f"mended: {' '.join(checked.suggestion.split())}"
    if checked.runs:
        more = "more than " if checked.truncated else ""
        yield f"runs: {more}{checked.row_count} rows of {', '.join(checked.columns)}"
    else:
        yield "does not run"


def _start(each: Observation) -> int:
    """Where in the draft the place of an observation begins."""
    return each.place[0] if each.place is not None else -1


def _marks(piece: str, start: int, placed: list[Observation]) -> Iterator[str]:
    """A line for each place, of those in order, that begins in a piece of the draft."""
    from bisect import bisect_left

    from rich.cells import cell_len

    here = bisect_left(placed, start, key=_start), bisect_left(placed, start + max(len(piece), 1), key=_start)
    for each in placed[slice(*here)]:
        if each.place is None:
            continue
        first = each.place[0] - start
        last = min(each.place[1] - start, len(piece))
        wide = cell_len(piece[first:last].replace("\t", " "))
        yield " " * cell_len(piece[:first].replace("\t", " ")) + "^" * max(wide, 1) + f" {each.kind}"
