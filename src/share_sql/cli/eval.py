"""`share eval`: is the SQL right? The official figures and the honest ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import FILE, FOLDER, as_json, plain, print_json, progress_bar

if TYPE_CHECKING:
    from share_sql.evaluation.benchmark_cases import Inputs
    from share_sql.evaluation.metrics import Benchmark, Options
    from share_sql.evaluation.runner import Evaluation

ANY = click.Path(path_type=Path)
NAMES = "ex, strict, soft-f1, ves, r-ves, em, test-suite"

EXAMPLES = """\b
Examples:
  share eval --cases scored.jsonl --metrics ex,soft-f1 --json
  share eval --benchmark bird --questions dev.json --databases dev_databases
    --predictions out/bird --drafts gpt-4o.json --html report.html
  share eval --benchmark spider --questions dev.json --tables tables.json
    --databases database --predictions predicted.sql --metrics ex,em,test-suite
  share eval compare first.json second.json
"""


@click.group("eval", invoke_without_command=True, epilog=EXAMPLES)
@click.option("--cases", type=FILE, help="JSON Lines with id, database, gold, prediction, optional draft.")
@click.option(
    "--benchmark", type=click.Choice(["bird", "spider"]), help="Whose rules `ex` follows, and whose files."
)
@click.option("--questions", type=FILE, help="The benchmark's questions with gold (dev.json).")
@click.option("--tables", type=FILE, help="The benchmark's schemas (tables.json), for em.")
@click.option("--databases", type=FOLDER, help="Folder with NAME/NAME.sqlite.")
@click.option("--predictions", type=ANY, help="SQL to score: JSON by id, list, Lines, a query a line; a run.")
@click.option("--drafts", type=ANY, help="SQL before correction, to count fixed and broken.")
@click.option("--gold", type=FILE, help="Corrected gold by id; scored beside the original.")
@click.option(
    "--pairing",
    type=click.Choice(["key", "position"]),
    default="key",
    show_default=True,
    help="Pair predictions with questions by id, or in order as BIRD's scripts do.",
)
@click.option("--metrics", metavar="LIST", help=f"Among {NAMES}.  [default: ex,strict]")
@click.option("--only-present", is_flag=True, help="Leave out questions whose database is not there.")
@click.option("--keep-distinct", is_flag=True, help="Spider: keep DISTINCT, which its script takes out.")
@click.option("--plug-values", is_flag=True, help="Spider: try the gold's values in the prediction.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Time for a query; for BIRD, for prediction and gold together.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed runs.")
@click.option("--workers", type=click.IntRange(min=1), help="Databases open at once.  [default: processors]")
@click.option("--cache", type=FOLDER, help="Folder for results.  [default: the user's cache folder]")
@click.option("--no-cache", is_flag=True, help="Run every query, keep no result.")
@click.option("--html", type=FILE, help="Write a report to open in a browser.")
@as_json
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    cases: Path | None,
    benchmark: Benchmark | None,
    questions: Path | None,
    tables: Path | None,
    databases: Path | None,
    predictions: Path | None,
    drafts: Path | None,
    gold: Path | None,
    pairing: str,
    metrics: str | None,
    only_present: bool,
    keep_distinct: bool,
    plug_values: bool,
    seconds: float,
    repeats: int,
    workers: int | None,
    cache: Path | None,
    no_cache: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Score SQL against gold by running both, read-only.

    Totals are in per cent over all cases: predictions that are missing and gold that fails count as
    wrong, and both are listed.
    """
    if context.invoked_subcommand is not None:
        return
    from share_sql.errors import UsageError
    from share_sql.evaluation.metrics import Options, check_metrics
    from share_sql.evaluation.results import default_cache_folder
    from share_sql.evaluation.runner import evaluate, with_extra

    names = check_metrics([name.strip() for name in (metrics or "ex,strict").split(",") if name.strip()])
    options = Options(
        benchmark=benchmark or "bird",
        seconds=seconds,
        keep_distinct=keep_distinct,
        plug_values=plug_values,
        repeats=repeats,
        samples=20 if html else 0,
    )
    if "em" in names:
        options = _with_keys(options, tables)
    if cases is not None:
        from share_sql.evaluation.benchmark_cases import Inputs
        from share_sql.evaluation.inputs import read_eval_cases

        found, warnings = read_eval_cases(cases, databases)
        inputs = Inputs(tuple(found), warnings=tuple(warnings))
    elif benchmark is None:
        raise UsageError("nothing to score; give --cases FILE, or --benchmark bird|spider and its files")
    else:
        inputs = _read(benchmark, questions, databases, predictions, drafts, gold, pairing, only_present)
    folder = None if no_cache else cache or default_cache_folder()
    with progress_bar("cases") as bar:
        total = len(inputs.cases)
        told = (lambda done: bar(done, total)) if bar else None
        evaluation = evaluate(inputs.cases, names, options, cache=folder, workers=workers, progress=told)
        corrected = (
            evaluate(inputs.corrected, names, options, cache=folder, workers=workers)
            if inputs.corrected
            else None
        )
    evaluation = with_extra(evaluation, inputs.extra, inputs.warnings)
    show(evaluation, corrected, as_json=as_json)


def _with_keys(options: Options, tables: Path | None) -> Options:
    from share_sql.errors import UsageError
    from share_sql.evaluation.benchmark_cases import same_columns

    if tables is None:
        raise UsageError("em needs the foreign keys in tables.json; give --tables FILE")
    return replace(options, same_columns=same_columns(tables))


def _read(
    benchmark: Benchmark,
    questions: Path | None,
    databases: Path | None,
    predictions: Path | None,
    drafts: Path | None,
    gold: Path | None,
    pairing: str,
    only_present: bool,
) -> Inputs:
    from share_sql.errors import UsageError
    from share_sql.evaluation.benchmark_cases import read_benchmark

    if questions is None or databases is None or predictions is None:
        needed = {"--questions": questions, "--databases": databases, "--predictions": predictions}
        missing = " and ".join(flag for flag, value in needed.items() if value is None)
        raise UsageError(f"--benchmark {benchmark} also needs {missing}")
    return read_benchmark(
        benchmark,
        questions=questions,
        databases=databases,
        predictions=predictions,
        drafts=drafts,
        gold=gold,
        by_position=pairing == "position",
        only_present=only_present,
    )


def show(evaluation: Evaluation, corrected: Evaluation | None = None, *, as_json: bool) -> None:
    """Print an evaluation, and the one on corrected gold beside it."""
    from share_sql.evaluation.summary import as_json as to_json
    from share_sql.evaluation.tables import tables

    if as_json:
        report = to_json(evaluation)
        if corrected is not None:
            report["corrected_gold"] = to_json(corrected)
        print_json(report)
        return
    for text in tables(evaluation):
        click.echo(plain(text))
    if corrected is not None:
        click.echo("\nagainst the corrected gold:")
        for text in tables(corrected):
            click.echo(plain(text))
