"""`share data`: training data for BAM, SAM and LOM out of labelled SQL."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from share_sql.cli.common import (
    BENCHMARK,
    FILE,
    FOLDER,
    as_json,
    benchmark_options,
    concurrency_option,
    limit_option,
    models_for,
    options,
    refuse,
)
from share_sql.cli.data_config import check_data_config, configured_files, data_config_options
from share_sql.cli.terminal import complain, interruptible, print_json, progress_bar, say
from share_sql.database.address import shown
from share_sql.dialects import DIALECTS

if TYPE_CHECKING:
    from share_sql.training.datasets import Material, Wording
    from share_sql.training.drafts import DraftRow
    from share_sql.training.sources import TrajectoryRow

EXAMPLES = """\b
Examples:
  share data teacher data/spider --benchmark spider --questions train.json
    --tables tables.json --databases database
  share data teacher data/bird --benchmark bird --questions train.json
    --tables train_tables.json --meanings column_meaning.json
    --drafts baseline_sql.json
  share data teacher data/bird --data-config configs/data_config.json --part bird-train
  share data bam data/bird data/spider --out ft_data
  share data sam data/bird --out ft_data
  share data lom data/bird --out ft_data
  share data drafter data/spider --out ft_data
  share data stats ft_data
"""

PROFILE = "error_profile.json"

_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group("data", epilog=EXAMPLES)
def command() -> None:
    """Make training data out of labelled SQL.

    First `teacher` makes a data folder with a proved trajectory for each gold query; then `bam`, `sam` and
    `lom` make the examples for each model, as LLaMA-Factory reads them, and `drafter` those for a model
    whose drafts are to be learnt from; `stats` tells what is in them.
    """


_models = click.option(
    "--models",
    default="none",
    show_default=True,
    metavar="none|recorded:DIR|FILE.toml",
    help="Who answers; none takes the symbolic road.",
)
_prompts = click.option(
    "--prompts", default="default", show_default=True, help="Prompt set: a name or a folder."
)
_concurrency = concurrency_option("Cases asked at once.")


@command.command(
    "teacher",
    epilog="\b\nExample:\n  share data teacher data/shop --cases labelled.jsonl --models none",
)
@click.argument("folder", type=FOLDER)
@click.option("--cases", type=FILE, help="JSON Lines with id, question, database, gold; draft if there.")
@benchmark_options
@data_config_options(None)
@click.option(
    "--made-up", is_flag=True, help="Make rows up for databases that are not there, and compare on them."
)
@click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    help="Of gold, for databases that are not there.  [default: that of plain files]",
)
@click.option("--name", help="What examples say they come from.  [default: the folder's name]")
@click.option(
    "--rule",
    type=BENCHMARK,
    help="Whose execution match says whether a draft is right.  [default: the benchmark's, else spider's]",
)
@_models
@_prompts
@limit_option
@_concurrency
@as_json
def teacher(
    folder: Path,
    cases: Path | None,
    benchmark: str | None,
    data_config: Path | None,
    part: str | None,
    made_up: bool,
    name: str | None,
    rule: str | None,
    dialect: str | None,
    models: str,
    prompts: str,
    limit: int | None,
    concurrency: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a data folder: a trajectory for each gold query, each proved.

    A trajectory is proved where its text compiles to SQL that gives gold's rows, or, without a database,
    that reads back as the same trajectory. With --models, `teacher` writes the trajectories and `judge`
    (else the teacher) has the last word where rows differ. Every case has a row in trajectories.jsonl; one
    that failed says why. Work that was stopped is gone on with.
    """
    from share_sql.prompts.library import load_prompts
    from share_sql.training.sources import SourceFiles, load_source
    from share_sql.training.teacher import teach

    check_data_config(data_config)
    if (cases is not None) + (benchmark is not None) + (data_config is not None) != 1:
        raise click.UsageError("Give exactly one of --cases, --benchmark and --data-config.")
    if data_config is not None:
        found = configured_files(data_config, part, given["drafts"])
        benchmark = found.benchmark
        given |= {what: getattr(found, what) for what in given}
        # The file names the folder whether or not it was downloaded; BIRD's for training are large.
        if isinstance(found.databases, Path) and not found.databases.is_dir():
            complain(f"there is no folder {found.databases}; it is done without the databases")
            given["databases"] = None
    if benchmark is not None and given["questions"] is None:
        raise click.UsageError(f"--benchmark {benchmark} needs --questions.")
    if cases is not None and (given["questions"] or given["drafts"]):
        raise click.UsageError("--questions and --drafts belong to --benchmark; --cases holds both.")
    if made_up and given["tables"] is None:
        raise click.UsageError("--made-up needs the schemas of the databases; give --tables.")
    asked = models_for(models)
    if asked and "teacher" not in asked:
        raise click.UsageError(f"{models} sets no model for the role teacher.")
    if not asked:
        refuse("is for models; name some by --models.", "prompts")
    databases = given.pop("databases")
    if isinstance(databases, str) and shown(databases) != databases:
        raise click.UsageError(
            "A data folder keeps where its databases lie, and no secrets: leave the password out of "
            "--databases (a server's own password file or variable has it, such as PGPASSWORD)."
        )
    files = {**given, "cases": cases, "made_up": folder / "made_up" if made_up else None}
    source_files = SourceFiles(
        name or folder.absolute().name,
        rule or benchmark or "spider",
        benchmark=benchmark,
        databases=str(databases.absolute()) if isinstance(databases, Path) else databases,
        dialect=dialect,
        **{what: str(path.absolute()) for what, path in files.items() if path is not None},
    )
    source = load_source(source_files)
    with interruptible("; the same command goes on"), progress_bar("teaching") as progress:
        rows = teach(
            source,
            folder,
            models=asked,
            prompts=load_prompts(prompts),
            limit=limit,
            concurrency=concurrency,
            progress=progress,
        )
    source.close()
    counts: dict[str, Any] = {
        "cases": len(rows),
        "proved": sum(row.proved for row in rows),
        "proofs": _counted(row.proof for row in rows if row.proof),
        "proved in the paper's text": sum(row.paper for row in rows),
        "outside the schema": sum(bool(row.outside) for row in rows),
        "failed": _counted(row.cause or "" for row in rows if not row.proved),
        "model calls": sum(spent["requests"] for row in rows for spent in row.usage.values()),
    }
    _tell(counts, as_json=as_json)
    if _lost(rows) or (rows and not counts["proved"]):
        raise SystemExit(1)


def _dataset_options(wording: str, *, drafts: bool = False) -> Callable[[_Function], _Function]:
    """Options of verbs that make examples.

    Args:
        wording: the default wording of the answers.
        drafts: with the options of models that are shown drafts.
    """
    common = (
        click.argument("folders", type=FOLDER, nargs=-1, required=True),
        click.option("--out", type=FOLDER, required=True, help="Folder for LLaMA-Factory's files."),
        _prompts,
        click.option(
            "--longest", type=click.IntRange(min=1), help="Leave out examples of more characters than this."
        ),
        as_json,
        click.option(
            "--wording",
            type=click.Choice(["paper", "proved"]),
            default=wording,
            show_default=True,
            help="paper: answers without joins. proved: with those that keys cannot give back.",
        ),
    )
    if not drafts:
        return options(*common)
    profile = "Proportions of errors.  [default: measured on the folders' drafts]"
    return options(
        *common,
        click.option("--seed", type=int, default=0, show_default=True, help="Fixes what is drawn."),
        click.option("--profile", type=FILE, help=profile),
        _models,
        _concurrency,
    )


@command.command("bam", epilog="\b\nExample:\n  share data bam data/bird data/spider --out ft_data")
@_dataset_options("paper")
def bam(**given: Any) -> None:
    """Make BAM's examples: gold SQL to its trajectory."""
    _make("bam", **given)


@command.command("sam", epilog="\b\nExample:\n  share data sam data/bird --out ft_data --models bam.toml")
@_dataset_options("paper", drafts=True)
def sam(**given: Any) -> None:
    """Make SAM's examples: a draft's masked trajectory to gold's.

    A model for the role bam in --models writes the drafts' trajectories; without it they are symbolic.
    A folder without drafts is taken with gold made wrong, in the measured proportions, as its drafts.
    """
    _make("sam", **given)


@command.command("lom", epilog="\b\nExample:\n  share data lom data/bird --out ft_data --unchanged 0.1")
@_dataset_options("proved", drafts=True)
@click.option(
    "--unchanged",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Chance of a further example with nothing to mend, beside each perturbed one.",
)
def lom(**given: Any) -> None:
    """Make LOM's examples: a wrong trajectory to gold's, by the paper's rule.

    Where a draft uses all of gold's columns and gives other rows, its own trajectory is the wrong one;
    where it gives gold's rows, a perturbed one is. Drafts with a wrong schema are left out.
    """
    _make("lom", **given)


@command.command("drafter", epilog="\b\nExample:\n  share data drafter data/spider --out ft_data")
@_dataset_options("proved")
def drafter(**given: Any) -> None:
    """Make the drafter's examples: a question to its SQL, without a draft.

    Stored values that a question names are told, where the database is there.
    """
    _make("drafter", **given)


@command.command("stats", epilog="\b\nExample:\n  share data stats ft_data")
@click.argument("folder", type=FOLDER)
@as_json
def stats(folder: Path, as_json: bool) -> None:
    """Tell what is in a folder of training data."""
    from share_sql.training.stats import data_stats

    found = data_stats(folder)
    if as_json:
        print_json(found)
        return
    from rich.console import Console

    from share_sql.training.stats import drawn

    say(drawn(found, width=Console().width))


def _counted(values: Any) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _materials(
    folders: tuple[Path, ...], models: str | None, prompts: str, concurrency: int
) -> list[Material]:
    """The data folders, loaded; with `models`, their drafts looked at."""
    from share_sql.prompts.library import load_prompts
    from share_sql.training.datasets import Material
    from share_sql.training.drafts import look_at_drafts
    from share_sql.training.sources import SourceFiles, load_source, read_rows

    asked = models_for(models) if models is not None else {}
    if asked and "bam" not in asked:
        raise click.UsageError(f"{models} sets no model for the role bam, which drafts are shown to.")
    materials = []
    for folder in folders:
        material = Material(load_source(SourceFiles.of(folder)), read_rows(folder))
        if models is not None and material.has_drafts:
            with interruptible("; the same command goes on"), progress_bar("drafts") as progress:
                material.drafts = look_at_drafts(
                    material.source,
                    folder,
                    models=asked,
                    prompts=load_prompts(prompts),
                    # Drafts of cases that the teacher has not come to (--limit) are of no use.
                    limit=_taught(material),
                    concurrency=concurrency,
                    progress=progress,
                )
        materials.append(material)
    if not any(material.has_drafts for material in materials):
        refuse("is for drafts, and the folders hold none.", "models", "concurrency")
    names = [material.source.name for material in materials]
    if len(set(names)) < len(names):
        raise click.UsageError(
            f"Two folders are named {names[0]}; give each its own --name in `share data teacher`."
        )
    return materials


def _taught(material: Material) -> int:
    """How many of the first cases the teacher has rows for."""
    ids = [each.case.id for each in material.source.cases]
    return max((at + 1 for at, name in enumerate(ids) if name in material.rows), default=0)


def _make(
    role: str,
    *,
    folders: tuple[Path, ...],
    out: Path,
    prompts: str,
    longest: int | None,
    as_json: bool,
    wording: Wording,
    models: str | None = None,
    profile: Path | None = None,
    seed: int = 0,
    concurrency: int = 8,
    unchanged: float = 0.0,
) -> None:
    """Make a role's examples; `models` is None for roles that are shown no drafts."""
    from share_sql.prompts.library import load_prompts
    from share_sql.training.datasets import Making, make_dataset, measured_profile
    from share_sql.training.drafts import selection_counts
    from share_sql.training.llamafactory import save

    materials = _materials(folders, models, prompts, concurrency)
    making = Making(load_prompts(prompts), wording, seed=seed, unchanged=unchanged, longest=longest)
    if models is not None:
        from dataclasses import replace

        from share_sql.training.error_profile import ErrorProfile

        found = ErrorProfile.read(profile) if profile else measured_profile(materials)
        making = replace(making, profile=found)
        out.mkdir(parents=True, exist_ok=True)
        (out / PROFILE).write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
    with interruptible(), progress_bar(role) as progress:
        dataset = make_dataset(role, materials, making, progress)
    path = save(dataset, out)
    for material in materials:
        material.source.close()
    counts: dict[str, Any] = {
        "file": str(path),
        "examples": len(dataset.examples),
        "kinds": _counted(example.kind for example in dataset.examples),
        "left out": _counted(each.cause for each in dataset.left_out),
    }
    drafts = [draft for material in materials for draft in material.drafts.values()]
    if drafts:
        counts["drafts"] = selection_counts(drafts)
    _tell(counts, as_json=as_json)
    if _lost(drafts) or not dataset.examples:
        raise SystemExit(1)


def _lost(rows: Sequence[TrajectoryRow | DraftRow]) -> int:
    """How many cases lost a model; told on standard error, with the first reason."""
    lost = [row for row in rows if row.lost]
    if lost:
        complain(
            f"{len(lost)} of {len(rows)} cases lost a model ({lost[0].cause}); the same "
            "command asks for them again"
        )
    return len(lost)


def _tell(counts: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(counts)
        return
    for key, value in counts.items():
        if isinstance(value, dict):
            say(f"{key}:")
            for name, count in list(value.items())[:12]:
                say(f"  {count:>6}  {name}")
        else:
            say(f"{key}: {value}")
