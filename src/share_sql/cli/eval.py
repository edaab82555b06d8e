"""`share eval`: is the SQL right? The official figures and the honest ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.cli.common import BENCHMARK, DATABASES, DATABASES_HELP, FILE, FOLDER, as_json
from share_sql.cli.configured import config_option, place_named, places_named
from share_sql.cli.data_config import check_data_config, configured_files, data_config_options
from share_sql.cli.terminal import complain, interruptible, print_json, progress_bar, say
from share_sql.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from share_sql.benchmarks.benchmark import Benchmark
    from share_sql.benchmarks.places import Places
    from share_sql.evaluation.inputs import Inputs
    from share_sql.evaluation.linking import LinkingScore
    from share_sql.evaluation.runner import Evaluation

ANY = click.Path(path_type=Path)

EXAMPLES = """\b
Examples:
  share eval --cases scored.jsonl --metrics ex,soft-f1 --json
  share eval --cases cases.jsonl --predictions out/first
  share eval --benchmark bird --questions dev.json --databases dev_databases
    --predictions out/bird --drafts gpt-4o.json --html report.html
  share eval --benchmark bird --questions dev.json --databases dev_databases
    --predictions out/bird --drafts gpt-4o.json --corrected corrected.json
  share eval --benchmark bird --questions mini_dev_postgresql.json
    --databases 'postgresql://user@host/{name}' --predictions out/mini
  share eval --benchmark spider --questions dev.json --tables tables.json
    --databases database --predictions predicted.sql --metrics ex,em,test-suite
  share eval --data-config configs/data_config.json --predictions outputs/infer
  share eval compare first.json second.json
"""


@click.group("eval", invoke_without_command=True, epilog=EXAMPLES)
@click.option(
    "--cases",
    type=FILE,
    help="JSON Lines with id, database, gold, and prediction or --predictions; optional draft.",
)
@click.option("--benchmark", type=BENCHMARK, help="Whose rules `ex` follows, and whose files.")
@click.option("--questions", type=FILE, help="The benchmark's questions with gold (dev.json).")
@click.option("--tables", type=FILE, help="The benchmark's schemas (tables.json), for em.")
@click.option("--databases", type=DATABASES, help=DATABASES_HELP)
@data_config_options("dev")
@click.option(
    "--predictions",
    type=ANY,
    multiple=True,
    help="SQL to score: a run folder, JSON by id, a JSON list, JSON Lines, or a query a line. Several are "
    "scored and compared.",
)
@click.option("--drafts", type=ANY, help="SQL before correction, to count fixed and broken.")
@click.option(
    "--corrected",
    "--gold",
    type=FILE,
    help="Questions with corrected gold (a JSON list with question_id or idx, and SQL), or SQL by id; the "
    "questions that have both are scored by either gold.",
)
@click.option(
    "--pairing",
    type=click.Choice(["key", "position"]),
    default="key",
    show_default=True,
    help="Pair predictions with questions by id, or in order as BIRD's scripts do.",
)
@click.option("--metrics", metavar="LIST", help=f"Among {', '.join(METRICS)}.  [default: ex,strict]")
@click.option("--linking", is_flag=True, help="Also score a run's schema linking; needs --tables.")
@click.option("--only-present", is_flag=True, help="Leave out questions whose database is not there.")
@click.option("--keep-distinct", is_flag=True, help="Spider: keep DISTINCT, which its script takes out.")
@click.option("--plug-values", is_flag=True, help="Spider: try the gold's values in the prediction.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Time for a query; for BIRD, for prediction and gold together.  [default: the benchmark's, 30]",
)
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed runs.")
@click.option("--workers", type=click.IntRange(min=1), help="Databases open at once.  [default: processors]")
@click.option("--cache", type=FOLDER, help="Folder for results.  [default: the user's cache folder]")
@click.option("--no-cache", is_flag=True, help="Run every query, keep no result.")
@click.option("--html", type=FILE, help="Write a report to open in a browser.")
@config_option
@as_json
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    cases: Path | None,
    benchmark: str | None,
    tables: Path | None,
    databases: Places | None,
    data_config: Path | None,
    part: str,
    predictions: tuple[Path, ...],
    metrics: str | None,
    linking: bool,
    keep_distinct: bool,
    plug_values: bool,
    seconds: float | None,
    repeats: int,
    workers: int | None,
    cache: Path | None,
    no_cache: bool,
    html: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Score SQL against gold by running both, read-only.

    Totals are in per cent over all cases: predictions that are missing and gold that fails count as
    wrong, and both are listed.
    """
    flags = _given(context)
    if context.invoked_subcommand is not None:
        _refuse(dict.fromkeys(flags, f"share eval {context.invoked_subcommand} takes none of it"))
        return
    from share_sql.errors import UsageError
    from share_sql.evaluation.cases import Options
    from share_sql.evaluation.metrics import check_metrics
    from share_sql.evaluation.results import default_cache_folder
    from share_sql.evaluation.runner import evaluate, split, with_extra

    check_data_config(data_config)
    if data_config is not None:
        if cases is not None:
            raise UsageError("give --cases or --data-config, not both")
        files = configured_files(data_config, part)
        benchmark, tables, databases = files.benchmark, files.tables, files.databases
        given |= {"questions": files.questions, "drafts": given["drafts"] or files.drafts}
    rules = BENCHMARKS[benchmark or "bird"]
    wanted = rules.metrics if not metrics else [name.strip() for name in metrics.split(",")]
    names = check_metrics([name for name in wanted if name])
    unread = _unread(flags, rules, names, cases=cases is not None, linking=linking, many=bool(predictions))
    _refuse(unread)
    options = Options(
        benchmark=rules.name,
        seconds=seconds or rules.seconds,
        keep_distinct=keep_distinct,
        plug_values=plug_values,
        repeats=repeats,
        samples=20 if html else 0,
        same_columns=_keys(tables) if "em" in names else {},
    )
    if cases is not None:
        inputs = _read_cases(cases, databases, predictions, **given)
    elif benchmark is None:
        raise UsageError(
            "nothing to score; give --cases FILE, --benchmark NAME and its files, or --data-config FILE"
        )
    else:
        inputs = _read(benchmark, databases, predictions, **given)
        _check_tables(tables, inputs)
    if html is not None:
        from share_sql.evaluation.plots import check_library

        check_library()
    if html is not None and len(inputs) > 1:
        raise UsageError("--html reports one set of predictions; give one --predictions")
    folder = None if no_cache else cache or default_cache_folder()
    sets = [part for found in inputs.values() for part in (found.cases, found.corrected)]
    everything = [case for part in sets for case in part]
    with interruptible(), progress_bar("cases") as bar:
        done = (lambda count: bar(count, len(everything))) if bar else None
        whole = evaluate(everything, names, options, cache=folder, workers=workers, progress=done)
    scored = iter(split(whole, [len(part) for part in sets]))
    runs = {
        name: (with_extra(evaluation, found.extra, found.warnings), corrected if found.corrected else None)
        for (name, found), evaluation, corrected in zip(inputs.items(), scored, scored, strict=True)
    }
    if html is not None:
        from share_sql.evaluation.report import write_report

        write_report(html, *next(iter(runs.values())))
    linked = _linking(inputs, predictions, tables) if linking else {}
    _show(runs, linked, as_json=as_json)
    if whole.results and all(result.gold_error is not None for result in whole.results):
        # A server that is down would else pass for predictions that are all wrong.
        complain(f"no gold ran, so nothing was scored: {whole.results[0].gold_error}")
        raise SystemExit(1)


def _check_tables(tables: Path | None, inputs: Mapping[str, Inputs]) -> None:
    """A benchmark's tables.json must know its databases: another one is of another benchmark, or another part
    of it. Raises UsageError."""
    from share_sql.errors import UsageError
    from share_sql.schema.tables_json import read_tables_json

    known = read_tables_json(tables) if tables is not None else None
    for case in (case for found in inputs.values() for case in found.cases):
        if known is not None and (name := case.database_name) not in known:
            raise UsageError(f"{tables} knows nothing of {name}; give the file of these questions")


def _keys(tables: Path | None) -> dict[str, dict[str, str]]:
    from share_sql.errors import UsageError
    from share_sql.evaluation.benchmark_cases import same_columns

    if tables is None:
        raise UsageError("em needs the foreign keys in tables.json; give --tables FILE")
    return same_columns(tables)


def _linking(
    inputs: dict[str, Inputs], predictions: tuple[Path, ...], tables: Path | None
) -> dict[str, dict[str, LinkingScore]]:
    """Schema linking of each run folder, by the run's name."""
    from share_sql.errors import UsageError
    from share_sql.evaluation.linking import linking_of_run
    from share_sql.schema.tables_json import read_tables_json

    if tables is None or not predictions:
        raise UsageError("--linking needs --benchmark, --tables FILE and a run folder as --predictions")
    schemas = read_tables_json(tables)
    return {
        name: linking_of_run(found.cases, schemas, path if path.is_dir() else path.parent)
        for (name, found), path in zip(inputs.items(), predictions, strict=True)
    }


def _given(context: click.Context) -> list[str]:
    """The flags that the call names, in the order of the help."""
    typed = click.core.ParameterSource.COMMANDLINE
    return [
        option.opts[0]
        for option in context.command.params
        if option.name is not None and context.get_parameter_source(option.name) is typed
    ]


def _unread(
    flags: list[str], rules: Benchmark, metrics: Sequence[str], *, cases: bool, linking: bool, many: bool
) -> dict[str, str]:
    """The flags that would change nothing, with the reason."""
    timed = {"ves", "r-ves"} & set(metrics)
    questions = "it is about a benchmark's questions; --cases has its own"
    unread = {
        "--questions": questions if cases else "",
        "--corrected": questions if cases else "",
        "--only-present": questions if cases else "",
        "--linking": "it needs --benchmark" if cases else "",
        "--tables": "" if not cases or "em" in metrics else "of one's own cases only the metric em reads it",
        "--repeats": "" if timed else "only the metrics ves and r-ves run queries several times",
        "--pairing": "" if many else "there are no --predictions to pair",
        "--drafts": "" if many or not cases else "the cases have their own; it goes with --predictions",
        "--keep-distinct": "" if rules.drops_distinct else f"{rules.title}'s rules keep DISTINCT",
        "--plug-values": "" if rules.plugs_values else f"{rules.title}'s rules plug no values",
        "--cache": "--no-cache keeps no result" if "--no-cache" in flags else "",
    }
    return {flag: why for flag, why in unread.items() if why and flag in flags}


def _refuse(unread: dict[str, str]) -> None:
    """End with an error that names each flag that would be ignored. Raises UsageError."""
    from share_sql.errors import UsageError

    if unread:
        raise UsageError("; ".join(f"{flag} would change nothing: {why}" for flag, why in unread.items()))


def _read_cases(
    cases: Path,
    databases: Places | None,
    predictions: tuple[Path, ...],
    *,
    drafts: Path | None,
    pairing: str,
    **_: Any,
) -> dict[str, Inputs]:
    """One's own cases: with the predictions in their file, or with each of those given."""
    from share_sql.errors import UsageError
    from share_sql.evaluation.inputs import read_eval_cases
    from share_sql.evaluation.predictions import with_predictions

    found = read_eval_cases(cases, databases, place_named)
    if not predictions:
        if all(case.prediction is None for case in found.cases):
            raise UsageError(
                f"no case of {cases} has a `prediction`; give --predictions FILE or a run folder"
            )
        return {cases.stem: found}
    by_position = pairing == "position"
    return {
        name: with_predictions(found, path, drafts=drafts, by_position=by_position)
        for name, path in _names(predictions).items()
    }


def _names(predictions: tuple[Path, ...]) -> dict[str, Path]:
    """Predictions by a name each: the file's own where no other has it. Raises UsageError."""
    from share_sql.errors import UsageError

    if len(set(predictions)) < len(predictions):
        raise UsageError("the same --predictions is given twice; name each once")
    stems = [path.stem for path in predictions]
    return {(path.stem if stems.count(path.stem) == 1 else str(path)): path for path in predictions}


def _read(
    benchmark: str,
    databases: Places | None,
    predictions: tuple[Path, ...],
    *,
    questions: Path | None,
    pairing: str,
    **given: Any,
) -> dict[str, Inputs]:
    from share_sql.errors import UsageError
    from share_sql.evaluation.benchmark_cases import read_benchmark, read_questions

    databases = databases or places_named()
    needed = {"--questions": questions, "--databases": databases, "--predictions": predictions or None}
    missing = [flag for flag, value in needed.items() if value is None]
    if questions is None or databases is None or missing:
        raise UsageError(f"--benchmark {benchmark} also needs {' and '.join(missing)}")
    named = _names(predictions)
    loaded = read_questions(benchmark, questions, databases)
    by_position = pairing == "position"
    return {
        name: read_benchmark(loaded, predictions=path, by_position=by_position, **given)
        for name, path in named.items()
    }


def _show(
    runs: dict[str, tuple[Evaluation, Evaluation | None]],
    linked: dict[str, dict[str, LinkingScore]],
    *,
    as_json: bool,
) -> None:
    """Print evaluations by name, each with the one on corrected gold and its linking beside it."""
    from share_sql.evaluation.compare import comparison_json, comparison_lines, scored_run
    from share_sql.evaluation.linking import linking_json
    from share_sql.evaluation.sides import on_both_golds, sides_json
    from share_sql.evaluation.summary import as_json as to_json
    from share_sql.evaluation.tables import corrected_table, tables

    reports = []
    for name, (evaluation, corrected) in runs.items():
        if as_json or len(runs) > 1:
            report = to_json(evaluation)
            if corrected is not None:
                report["corrected_gold"] = to_json(corrected)
                report["both_golds"] = sides_json(on_both_golds(evaluation, corrected))
            if name in linked:
                report["linking"] = linking_json(linked[name])
            reports.append({"name": name, **report})
        if not as_json:
            _print_lines([f"{name}:"] if len(runs) > 1 else [])
            _print_lines(tables(evaluation, linked.get(name, {})))
            if corrected is not None:
                _print_lines(["", *corrected_table(evaluation, corrected)])
    if len(runs) == 1:
        if as_json:
            print_json(reports[0])
        return
    sides = [scored_run(report, str(report["name"])) for report in reports]
    if as_json:
        print_json({"runs": reports, "comparison": comparison_json(sides)})
    else:
        _print_lines(comparison_lines(sides))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


COMPARE_EXAMPLES = """\b
Examples:
  share eval --benchmark bird --questions dev.json --databases dev_databases
    --predictions out/first --drafts gpt-4o.json --json > out/first/eval.json
  share eval compare out/first out/second
  share eval compare first.json second.json --json
"""


@command.command("compare", epilog=COMPARE_EXAMPLES)
@click.argument("runs", nargs=-1, type=ANY, required=True)
@as_json
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Compare RUNS: what `share eval --json` printed, or folders with it as eval.json.

    For every two runs: who alone is right where, and McNemar's exact p. Where the runs had drafts, also
    who fixed and who broke what.
    """
    from share_sql.evaluation.compare import comparison_json, comparison_lines, read_scored_run

    read = [run for path in runs for run in read_scored_run(path)]
    if as_json:
        print_json(comparison_json(read))
        return
    _print_lines(comparison_lines(read))
