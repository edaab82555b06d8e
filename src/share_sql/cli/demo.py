"""`share demo`: correct the demo's drafts, print a table, write a page."""

from __future__ import annotations

import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import FOLDER, models_for, models_option
from share_sql.cli.configured import check_name, config_option, place_named
from share_sql.cli.terminal import draw, interruptible, print_json, progress_bar, say

if TYPE_CHECKING:
    from share_sql.demo.result import DemoResult

EXAMPLES = """\b
Examples:
  share demo
  share demo --models none --out out/demo --json
  share demo --into out/demo/shop.duckdb
"""

_EXTRA = "   (after: pip install 'share-sql[serve]')"
_COLOURS = {"fixed": "green", "broken": "red", "right": "", "wrong": "yellow"}


@click.command("demo", epilog=EXAMPLES)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the database, cases, corrections and the page.",
)
@click.option(
    "--into",
    metavar="FILE|URL|NAME",
    help="Copy the shop into this database first, in place of tables of the same names there, and correct "
    "the drafts on it. Its user must be one who may write.  [default: a SQLite file in --out]",
)
@models_option("auto")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
def command(out: Path, into: str | None, models: str, as_json: bool) -> None:
    """Correct the drafts of a small made-up shop.

    Makes the shop's database from a seed, corrects 55 drafts of which 18 are right, compares drafts and
    corrections with gold by their rows, prints a table, shows two cases stage by stage and writes demo.html.
    With the small models that takes a minute or two, without a model a second.

    The drafts are written for SQLite. With --into they are corrected on another database: some that are right
    on SQLite do not run there, and are told as wrong.
    """
    from share_sql.demo.run import as_json as row
    from share_sql.demo.run import run_demo

    if into is not None:
        check_name(into)
        into = place_named(into) or into
    asked = models_for(models)
    with interruptible(), progress_bar("correcting") as progress:
        result = run_demo(out, into=into, models=asked, progress=progress)
    if not as_json:
        _print_table(result)
        return
    cases = [
        {
            "question": item.case.question,
            "label": item.case.error,
            "draft": item.case.draft,
            **row(item),
            "stages": {stage.name: list(stage.lines) for stage in item.stages},
        }
        for item in result.items
    ]
    told = {"cases": cases, "counts": result.counts, "page": str(result.page)}
    print_json(told if into is None else {**told, "right_at_home": result.right_at_home})


def _print_table(result: DemoResult) -> None:
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
            Text(item.case.question),
            Text(item.correction.verdict),
            Text(item.outcome, style=_COLOURS[item.outcome]),
            Text("\n".join(item.what_changed)),
        )
    counts = result.counts
    draw(table)
    _print_stages(result)
    right = (
        f"Right before: {counts['right_before']} of {counts['cases']}.  "
        f"Right after: {counts['right_after']} of {counts['cases']}.  "
        f"Fixed: {counts['fixed']}.  Broken: {counts['broken']}."
    )
    draw(Text(f"\n{right}", style="bold"))
    if result.place:
        say(result.place)
    say(f"Kept {counts['kept']}, corrected {counts['corrected']}, abstained {counts['abstained']}.")
    say("What changed: - a step of the draft, + the step in its place.")
    say(f"Page: {result.page}")
    say(f"To correct drafts of your own over it: {_serve_command()}")


def _serve_command() -> str:
    """The command that serves the demo, as the user would type it here."""
    own = Path(sysconfig.get_path("scripts")) / "share"
    found = shutil.which("share")
    if not own.is_file() or (found is not None and Path(found) == own):
        share = "share"
    else:
        share = str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)
    lacks = any(find_spec(name) is None for name in ("fastapi", "prometheus_client", "uvicorn"))
    return f"{share} serve --demo{_EXTRA if lacks else ''}"


def _print_stages(result: DemoResult) -> None:
    """Two cases, with what each stage made of them."""
    from shutil import get_terminal_size

    from rich.text import Text

    from share_sql.demo.stages import HOW, SHOWN, asked_models, stage_lines

    shown = [item for item in result.items if item.case.id in SHOWN]
    for item in shown:
        draw(Text(f"\nStage by stage: {item.case.question}", style="bold"), soft_wrap=True)
        for label, text in stage_lines(item.stages, min(get_terminal_size().columns, 120)):
            draw(Text.assemble((label, "cyan"), text), soft_wrap=True)
    if not any(asked_models(item.stages) for item in shown):
        say(HOW)
