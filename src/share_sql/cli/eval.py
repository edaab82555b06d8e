"""`share eval`: is the SQL right? The official figures and the honest ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from share_sql.evaluation.runner import Evaluation

_FILE = click.Path(path_type=Path, dir_okay=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)

EXAMPLES = """\b
Examples:
  share eval --cases scored.jsonl --metrics ex,soft-f1 --json
  share eval --benchmark bird --questions dev.json --tables dev_tables.json
    --databases dev_databases --predictions out/corrections.jsonl --drafts gpt-4o.json
  share eval compare first.json second.json
"""


@click.group("eval", invoke_without_command=True, epilog=EXAMPLES)
@click.option("--cases", type=_FILE, help="JSONL with id, database, gold, prediction and optional draft.")
@click.option("--benchmark", type=click.Choice(["bird", "spider"]), help="Whose files and rules to use.")
@click.option("--questions", type=_FILE, help="The benchmark's questions with gold SQL (dev.json).")
@click.option("--tables", type=_FILE, help="The benchmark's schemas (tables.json); needed for em.")
@click.option("--databases", type=_FOLDER, help="Folder with DB/DB.sqlite.")
@click.option("--predictions", type=_FILE, help="SQL to score: the benchmark's file, JSONL or a run folder.")
@click.option("--drafts", type=_FILE, help="SQL before correction, to count fixed and broken.")
@click.option("--gold", type=_FILE, help="Corrected gold by id; scored beside the original.")
@click.option(
    "--pairing",
    type=click.Choice(["key", "position"]),
    default="key",
    show_default=True,
    help="Match predictions to questions by id, or by their order as the official scripts do.",
)
@click.option(
    "--metrics", default=None, help="ex,strict,soft-f1,ves,r-ves,em,test-suite; ex,strict if not given."
)
@click.option("--keep-distinct", is_flag=True, help="Spider: do not take DISTINCT out of both queries.")
@click.option("--plug-values", is_flag=True, help="Spider: try the gold's values in the prediction.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Time for a query (BIRD: for prediction and gold together).",
)
@click.option(
    "--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed runs for ves, r-ves."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Databases open at a time.  [default: processors]",
)
@click.option(
    "--cache",
    type=_FOLDER,
    default=None,
    help="Folder of cached results.  [default: the user's cache folder]",
)
@click.option("--no-cache", is_flag=True, help="Run every query; keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report to open in a browser."
)
@click.pass_context
def command(context: click.Context, /, **flags: object) -> None:
    """Score SQL against gold by running both, read-only.

    Totals are in per cent; gold that fails and predictions that are missing count as wrong and are
    listed apart.
    """
    if context.invoked_subcommand is None:
        run(context, flags)


def run(context: click.Context, flags: dict[str, object]) -> None:
    """Evaluate as the flags say and print."""
    from share_sql.errors import UsageError
    from share_sql.evaluation.metrics import Options, check_metrics
    from share_sql.evaluation.results import default_cache_folder
    from share_sql.evaluation.runner import evaluate, with_extra

    if flags["cases"] is None and flags["benchmark"] is None:
        raise UsageError("nothing to score; give --cases FILE or --benchmark bird|spider with its files")
    named = flags["metrics"]
    metrics = check_metrics(
        [n.strip() for n in str(named).split(",") if n.strip()] if named else ["ex", "strict"]
    )
    options = Options(
        benchmark="spider" if flags["benchmark"] == "spider" else "bird",
        seconds=float(str(flags["seconds"])),
        keep_distinct=bool(flags["keep_distinct"]),
        plug_values=bool(flags["plug_values"]),
        repeats=int(str(flags["repeats"])),
        samples=20 if flags["html"] else 0,
    )
    cache = None if flags["no_cache"] else flags["cache"] or default_cache_folder()
    workers = flags["workers"]
    from share_sql.evaluation.inputs import read_eval_cases

    assert flags["cases"] is None or isinstance(flags["cases"], Path)
    databases = flags["databases"]
    assert databases is None or isinstance(databases, Path)
    extra: list[str] = []
    if flags["cases"] is not None:
        cases, warnings = read_eval_cases(flags["cases"], databases)
    else:
        raise UsageError("--benchmark is not there yet")
    assert cache is None or isinstance(cache, Path)
    assert workers is None or isinstance(workers, int)
    evaluation = with_extra(evaluate(cases, metrics, options, cache=cache, workers=workers), extra, warnings)
    show(evaluation, as_json=bool(flags["as_json"]))


def show(evaluation: Evaluation, *, as_json: bool) -> None:
    """Print an evaluation."""
    if as_json:
        from share_sql.evaluation.summary import as_json as to_json

        json.dump(to_json(evaluation), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        from share_sql.evaluation.tables import tables

        for text in tables(evaluation):
            click.echo(text)
