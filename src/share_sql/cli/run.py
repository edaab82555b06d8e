"""`share run`: many drafts into a run folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    as_json,
    benchmark_options,
    cache_option,
    concurrency_option,
    fill_catalog,
    kinds_of,
    limit_option,
    models_for,
    models_option,
    policy_options,
    prompts_of,
    verbose_option,
)
from share_sql.cli.configured import bound, config_option, fingerprint_of, known_as, places_named
from share_sql.cli.data_config import check_data_config, configured_files, data_config_options
from share_sql.cli.on_ray import (
    FILE_OR_URL,
    FOLDER_OR_URL,
    check_engine,
    engine_options,
    run_on_ray,
    survey_on_ray,
)
from share_sql.cli.terminal import complain, interruptible, print_json, progress_bar, say

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import CaseFile, LabelledCase
    from share_sql.benchmarks.files import BenchmarkFiles
    from share_sql.benchmarks.places import Places
    from share_sql.catalog import Catalog
    from share_sql.runfolder.counts import RunCounts

MOST_REASONS = 10
"""Reasons for failed cases that are told."""
LONGEST_REASON, LONGEST_ID = 1000, 80
"""Characters of a reason, and of a case's id, that are told; corrections.jsonl has the whole."""

EXAMPLES = """\b
Examples:
  share run --cases cases.jsonl --out out/cases --models none
  share run --benchmark bird --questions dev.json --tables dev_tables.json
    --databases dev_databases --meanings column_meaning.json
    --drafts gpt-4o.json --out out/bird --resume
  share run --benchmark bird --questions mini_dev_postgresql.json
    --databases 'postgresql://user@host/{name}' --drafts gpt-4.json --out out/mini
  share run --engine ray --cases cases.jsonl --out out/cases --models none
  share run --data-config configs/data_config.json --drafts baseline_sql.json --out out/dev
"""


@click.command("run", epilog=EXAMPLES)
@click.option("--cases", type=FILE_OR_URL, help="JSON Lines with id, question, evidence, database, draft.")
@benchmark_options
@data_config_options("dev")
@click.option("--out", type=FOLDER_OR_URL, required=True, help="The run folder.")
@click.option("--resume", is_flag=True, help="Go on with the run that the folder holds, if any.")
@limit_option
@concurrency_option("Cases under way at once.")
@click.option(
    "--case-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=900.0,
    show_default=True,
    help="What one case may take, models and queries included.",
)
@engine_options
@models_option("auto")
@policy_options
@cache_option
@config_option
@verbose_option
@as_json
def command(
    cases: Path | str | None,
    benchmark: str | None,
    data_config: Path | None,
    part: str,
    out: Path | str,
    resume: bool,
    limit: int | None,
    concurrency: int,
    case_seconds: float,
    engine: str,
    ray_address: str | None,
    parts: str,
    models: str,
    policy: str,
    prompts: str | None,
    conventions: str | None,
    without: str | None,
    only: str | None,
    min_confidence: float,
    cache: Path | None,
    as_json: bool,
    databases: Places | None,
    **files: Path | None,
) -> None:
    """Correct drafts and write the run folder.

    The small models work where their weights are pulled; a line on standard error says whether. What must
    come out alike everywhere names its --models.

    Every case ends with a verdict in corrections.jsonl, whatever is wrong with it. A run that was stopped
    goes on with --resume, which also does again what failed for want of a model or a database, and what was
    done on a database that has changed since. Exit code 1 where a case failed so, where no answer of a model
    was of use, or where not one case could be worked on. A run whose model never answers stops early.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.errors import RunStopped
    from share_sql.models.base import other_names
    from share_sql.runfolder.execute import RunSettings, file_fingerprint, run_cases

    catalog = Catalog(cache=cache)
    check_engine(engine, cases, out)
    given = (cases is not None) + (benchmark is not None) + (data_config is not None)
    if given != 1:
        raise click.UsageError("Give exactly one of --cases, --benchmark and --data-config.")
    check_data_config(data_config)
    if cases is not None:
        if files["questions"] or files["drafts"]:
            raise click.UsageError("--questions and --drafts belong to --benchmark; --cases holds both.")
        if engine == "ray":
            found = survey_on_ray(
                ray_address, cases, limit, catalog, databases, files["tables"], files["meanings"]
            )
            names = frozenset(map(known_as, found.databases))
        else:
            file = _cases(Path(cases), limit, catalog, databases, files["tables"], files["meanings"])
            labelled: Collection[LabelledCase] = file
            names = frozenset(map(known_as, file.databases))
    else:
        from share_sql.benchmarks.files import load

        places = (
            configured_files(data_config, part, files["drafts"], needs_drafts=True)
            if data_config
            else _benchmark_files(benchmark, databases=databases, **files)
        )
        loaded = load(places)
        loaded.register(catalog)
        if databases is None:
            bound(catalog, loaded.databases.values())
        labelled = loaded.cases[:limit]
        names = frozenset(each.case.database for each in labelled)
        files |= {"tables": places.tables, "meanings": places.meanings}
    inputs = {what: files[what] for what in ("tables", "meanings")}
    prints = {what: file_fingerprint(path) for what, path in inputs.items() if path is not None}
    if said := fingerprint_of(names):
        prints["share.toml"] = said
    asked = models_for(models)
    conventions = conventions or ("none" if cases is not None else "benchmark")
    prompt_set = prompts_of(prompts, asked)
    settings = RunSettings(
        policy=policy,
        models={role: model.name for role, model in asked.items()},
        prompts=prompt_set,
        conventions=conventions,
        without=kinds_of(without),
        only=kinds_of(only),
        min_confidence=min_confidence,
        inputs=prints,
    )
    if engine == "ray":
        counts = run_on_ray(
            found, out, settings, catalog, models, asked, cache=cache, concurrency=concurrency,
            case_seconds=case_seconds, form=parts, resume=resume, as_json=as_json,
        )  # fmt: skip
        _end(counts, out, as_json=as_json)
        return
    with (
        Assistant(
            catalog=catalog,
            models=asked,
            policy=policy,
            prompts=prompt_set,
            concurrency=concurrency,
            case_seconds=case_seconds,
            conventions=settings.conventions,
            without=settings.without,
            only=settings.only,
            min_confidence=settings.min_confidence,
        ) as assistant,
        interruptible("; go on with --resume"),
        progress_bar("correcting") as progress,
    ):
        try:
            counts = run_cases(
                assistant, labelled, Path(out), settings, catalog=catalog, resume=resume, progress=progress,
                answered_as=lambda: {role: other_names(model) for role, model in asked.items()},
            )  # fmt: skip
        except RunStopped as stopped:
            if as_json:
                told = {"tried": stopped.tried, "failed": stopped.failed, "stopped": str(stopped)}
                print_json({"out": str(out), "cases": len(labelled), **told})
            raise
    _end(counts, out, as_json=as_json)


def _end(counts: RunCounts, out: Path | str, *, as_json: bool) -> None:
    """Tell how the cases ended. Raises SystemExit where some did not as they should."""
    _report(counts, out, as_json=as_json)
    if counts.again or counts.useless or len(counts.failed) == counts.cases:
        raise SystemExit(1)


def _cases(
    path: Path,
    limit: int | None,
    catalog: Catalog,
    databases: Places | None,
    tables: Path | None,
    meanings: Path | None,
) -> CaseFile:
    from share_sql.benchmarks.cases import CaseFile

    # What is written into the run folder holds no password, and a password that has changed is no other case.
    file = CaseFile(path, ("question", "database", "draft"), limit=limit, known_as=known_as)
    beside = path.absolute().parent
    fill_catalog(
        catalog, file.databases, databases=databases, tables=tables, meanings=meanings, beside=beside
    )
    return file


def _benchmark_files(
    name: str | None,
    *,
    questions: Path | None,
    databases: Places | None,
    drafts: Path | None,
    **others: Path | None,
) -> BenchmarkFiles:
    from share_sql.benchmarks.files import BenchmarkFiles

    databases = databases or places_named()
    if questions and databases and drafts:
        return BenchmarkFiles(name or "", questions, databases, drafts=drafts, **others)
    needed = {"--questions": questions, "--databases": databases, "--drafts": drafts}
    missing = next(flag for flag, path in needed.items() if path is None)
    raise click.UsageError(f"--benchmark {name} needs {missing}.")


def _report(counts: RunCounts, out: Path | str, *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json(
            {
                "out": str(out),
                "cases": counts.cases,
                "verdicts": counts.verdicts,
                **counts.told(),
                "usage": {stage: asdict(usage) for stage, usage in counts.usage.items()},
            }
        )
    else:
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.verdicts.items())
        causes = ", ".join(f"{count} {cause}" for cause, count in counts.causes.items())
        failed = f"; {len(counts.failed)} failed ({causes})" if counts.failed else ""
        say(f"{counts.cases} cases: {verdicts}{failed}. Written to {out}.")
        if counts.not_running:
            say(f"The SQL handed back does not run in {counts.not_running} of them.")
    _tell_failures(counts)


def _tell_failures(counts: RunCounts) -> None:
    """What failed, a line a reason, on standard error: a thousand cases on one missing file are one line."""
    from collections import Counter

    from share_sql.runfolder.counts import NO_MODEL

    reasons = Counter((each.cause, each.error) for each in counts.failed)
    for (cause, error), count in reasons.most_common(MOST_REASONS):
        some = next(each for each in counts.failed if (each.cause, each.error) == (cause, error))
        which = f" ({_short(some.id, LONGEST_ID)})" if count == 1 else ""
        what = "could not be worked on" if cause in NO_MODEL else "lost a model"
        again = "; --resume does that again" if cause == "database" else ""
        line = f"{count} of {counts.cases} cases {what}{which}: {_short(error, LONGEST_REASON)}{again}"
        complain(line)
    if len(reasons) > MOST_REASONS:
        rest = len(reasons) - MOST_REASONS
        complain(f"{rest} more reasons stand in corrections.jsonl, as `error`")
    if counts.lost:
        complain(f"{counts.lost} cases lost a model in all; --resume does them again")
    for name, count in counts.changed.items():
        line = f"the database {_short(name, LONGEST_ID)} changed while the run went on; --resume does "
        complain(f"{line}again what came before ({count} of {counts.cases} cases)")
    for role, count in counts.unusable.items():
        answered = counts.answered.get(role, 0)
        complain(
            f"{role} gave nothing of use in {count} of {count + answered} cases; `failures` in "
            "corrections.jsonl says why"
        )


def _short(text: str, longest: int) -> str:
    """A text from the input as part of a line for people."""
    line = " ".join(text[: 2 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
