"""`share run`: many drafts into a run folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    as_json,
    benchmark_options,
    budget_options,
    cache_option,
    concurrency_option,
    cores,
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
from share_sql.errors import BudgetUsedUp
from share_sql.models.base import Usage

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import CaseFile, LabelledCase
    from share_sql.benchmarks.files import BenchmarkFiles
    from share_sql.benchmarks.places import Places
    from share_sql.catalog import Catalog
    from share_sql.runfolder.counts import RunCounts

AT_ONCE, AT_A_SERVER = 8, 64
"""Cases of one database under way at once; more where they mostly wait for a server, which answers many
together: while it does, a case holds no thread."""
MOST_REASONS = 10
"""Reasons for failed cases that are told."""
_AGAIN = {
    "database": "; --resume does that again",
    BudgetUsedUp.cause: "; --resume with a larger one goes on",
}
"""By cause, the mend of a failed case."""
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
@concurrency_option(
    "Cases of one database under way at once.", None, f"{AT_A_SERVER} where a server is asked, else {AT_ONCE}"
)
@click.option(
    "--processes",
    type=click.IntRange(1, 1024),
    help="Processes that work on cases, once one is full of work; no more than --concurrency.  "
    "[default: one a core]",
)
@click.option(
    "--case-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=900.0,
    show_default=True,
    help="What one case may take, models and queries included.",
)
@budget_options
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
    concurrency: int | None,
    processes: int | None,
    case_seconds: float,
    max_tokens: int | None,
    max_cost: float | None,
    max_seconds: float | None,
    case_tokens: int | None,
    case_cost: float | None,
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
    done on a database that has changed since; what a model has answered is not asked, or paid for, again.

    Where a budget is used up, cases end by what they have, and those that have not begun are kept; --resume
    with a larger one goes on. Tokens and money count over all calls of a run, seconds from each start.

    Exit code 1 where a case failed so, where no answer of a model was of use, or where not one case could be
    worked on. A run whose model never answers stops early.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.driver.budget import Budget
    from share_sql.errors import RunStopped
    from share_sql.models.base import other_names
    from share_sql.runfolder.execute import RunSettings, file_fingerprint, run_cases
    from share_sql.runfolder.ledger import Ledger

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
    concurrency = concurrency or (AT_A_SERVER if any(map(_server, asked.values())) else AT_ONCE)
    if engine == "ray":
        counts = run_on_ray(
            found, out, settings, catalog, models, asked, cache=cache, concurrency=concurrency,
            case_seconds=case_seconds, form=parts, resume=resume, as_json=as_json,
        )  # fmt: skip
        _end(counts, out, as_json=as_json)
        return
    ledger = Ledger(asked)
    with (
        Assistant(
            catalog=catalog,
            models=ledger.models,
            policy=policy,
            prompts=prompt_set,
            concurrency=concurrency,
            processes=processes or cores(),
            case_seconds=case_seconds,
            conventions=settings.conventions,
            without=settings.without,
            only=settings.only,
            min_confidence=settings.min_confidence,
            budget=Budget(max_tokens, max_cost, max_seconds, case_tokens, case_cost),
        ) as assistant,
        interruptible("; go on with --resume"),
        progress_bar("correcting") as progress,
    ):
        try:
            counts = run_cases(
                assistant, labelled, Path(out), settings,
                catalog=catalog, ledger=ledger, resume=resume, progress=progress,
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


def _server(model: object) -> str:
    """The server that is asked, behind a cache or not; empty for a model in this process."""
    return getattr(getattr(model, "model", model), "server", "")


def _report(counts: RunCounts, out: Path | str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "out": str(out),
                "cases": counts.cases,
                "verdicts": counts.verdicts,
                **counts.told(),
                "usage": counts.spending,
                "cost": counts.total_cost,
            }
        )
    else:
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.verdicts.items())
        causes = ", ".join(f"{count} {cause}" for cause, count in counts.causes.items())
        failed = f"; {len(counts.failed)} failed ({causes})" if counts.failed else ""
        say(f"{counts.cases} cases: {verdicts}{failed}. Written to {out}.")
        if told := _spending(counts):
            say(told)
        if counts.not_running:
            say(f"The SQL handed back does not run in {counts.not_running} of them.")
    _tell_failures(counts)


def _spending(counts: RunCounts) -> str:
    """What models cost, in a line; empty where none was asked."""
    total = sum(counts.usage.values(), Usage())
    if not total.requests:
        return ""
    told = f"{total.tokens:,} tokens in {total.requests:,} calls of models"
    unknown = [stage for stage, cost in counts.cost.items() if cost is None]
    known = {stage: cost for stage, cost in counts.cost.items() if cost}
    if known:
        stages = ", ".join(f"{stage} {_usd(cost)}" for stage, cost in known.items())
        told += f", {_usd(sum(known.values()))} USD" + (f" ({stages})" if len(known) > 1 else "")
    if unknown:
        what = "whose price" if len(unknown) == 1 else "whose prices"
        told += f"{', without' if known else ';'} {' and '.join(unknown)}, {what} "
        told += f"{'is' if len(unknown) == 1 else 'are'} not known (`price` in a models file)"
    return f"{told}."


def _usd(cost: float) -> str:
    return f"{cost:,.4f}" if cost >= 0.01 else f"{cost:.2g}"


def _tell_failures(counts: RunCounts) -> None:
    """What failed, a line a reason, on standard error: a thousand cases on one missing file are one line."""
    from collections import Counter

    from share_sql.runfolder.counts import NO_MODEL

    reasons = Counter((each.cause, each.error) for each in counts.failed)
    for (cause, error), count in reasons.most_common(MOST_REASONS):
        some = next(each for each in counts.failed if (each.cause, each.error) == (cause, error))
        which = f" ({_short(some.id, LONGEST_ID)})" if count == 1 else ""
        what = "could not be worked on" if cause in NO_MODEL else "lost a model"
        if cause == BudgetUsedUp.cause:
            what = "met a budget"
        again = _AGAIN.get(cause, "")
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
