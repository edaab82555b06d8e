"""`share demo`: correct the demo's drafts, print a table, write a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from share_sql.demo.result import DemoResult

EXAMPLES = """\b
Examples:
  share demo
  share demo --out out/demo --json
"""

_COLOURS = {"fixed": "green", "broken": "red", "right": "", "wrong": "yellow"}


@click.command("demo", epilog=EXAMPLES)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the database, cases, corrections and the page.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
def command(out: Path, as_json: bool) -> None:
    """Correct the drafts of a small made-up shop, without any model.

    Makes the shop's database from a seed, corrects 55 drafts of which 18 are right, compares drafts and
    corrections with gold by their rows, prints a table and writes demo.html.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from share_sql.demo.run import run_demo

    errors = Console(stderr=True)
    columns = (TextColumn("correcting"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("correcting", total=None)
        result = run_demo(
            out, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    if as_json:
        _print_json(result)
    else:
        _print_table(result)


def _print_json(result: DemoResult) -> None:
    import json

    from share_sql.demo.run import as_json

    cases = [
        {"question": item.case.question, "label": item.case.error, "draft": item.case.draft, **as_json(item)}
        for item in result.items
    ]
    page = str(result.page)
    click.echo(json.dumps({"cases": cases, "counts": result.counts, "page": page}, ensure_ascii=False))


def _print_table(result: DemoResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=True, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("Question", ratio=5)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Against gold", no_wrap=True)
    table.add_column("What changed", ratio=6)
    for item in result.items:
        # Text, not markup: brackets in SQL are no styles.
        table.add_row(
            Text(_plain(item.case.question)),
            Text(item.correction.verdict),
            Text(item.outcome, style=_COLOURS[item.outcome]),
            Text("\n".join(_plain(line) for line in item.what_changed)),
        )
    counts = result.counts
    console = Console()
    console.print(table)
    console.print()
    console.print(
        f"Right before: {counts['right_before']} of {counts['cases']}.  "
        f"Right after: {counts['right_after']} of {counts['cases']}.  "
        f"Fixed: {counts['fixed']}.  Broken: {counts['broken']}.",
        style="bold",
        highlight=False,
    )
    console.print(
        f"Kept {counts['kept']}, corrected {counts['corrected']}, abstained {counts['abstained']}.",
        highlight=False,
    )
    console.print(Text(f"Page: {result.page}"), soft_wrap=True)


def _plain(text: str) -> str:
    """Text without control characters: a stored value must not steer the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
