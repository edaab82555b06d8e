"""`share run --engine ray`: its options, and the run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from share_sql.cli.common import BUDGET, fill_catalog, options, refuse
from share_sql.cli.configured import settings as configured
from share_sql.cli.terminal import interruptible, print_json, progress_bar

if TYPE_CHECKING:
    from share_sql.benchmarks.places import Places
    from share_sql.catalog import Catalog
    from share_sql.models.base import Model
    from share_sql.runfolder.counts import RunCounts
    from share_sql.runfolder.execute import RunSettings
    from share_sql.scale.survey import Survey

_RAY = "share_sql.cli.on_ray"


class _PathOrUrl(click.ParamType["Path | str"]):
    """A path on this machine, or the URL of another place."""

    name = "place"

    def __init__(self, what: str) -> None:
        self._what = what

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"{self._what}|URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        return value if isinstance(value, str) and "://" in value else Path(value)


FILE_OR_URL = _PathOrUrl("FILE")
FOLDER_OR_URL = _PathOrUrl("DIRECTORY")

engine_options = options(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="local: this machine. ray: the workers of a Ray cluster; --cases may then be a folder, Parquet, "
        "and URLs such as s3://… as --out too.",
    ),
    click.option(
        "--ray-address", metavar="HOST:PORT|auto", help="A running cluster.  [default: one is started]"
    ),
    click.option(
        "--parts",
        type=click.Choice(["parquet", "jsonl"]),
        default="parquet",
        show_default=True,
        help="What the workers of --engine ray write.",
    ),
)
"""Options that say where cases are worked on."""


def check_engine(engine: str, cases: Path | str | None, out: Path | str) -> None:
    """Refuse what an engine cannot do. Raises click.UsageError."""
    if engine == "ray":
        if cases is None:
            raise click.UsageError("--engine ray needs --cases; a benchmark's files are read by one machine.")
        refuse("needs --engine local", "processes", *BUDGET)
        return
    refuse("needs --engine ray", "ray_address", "parts")
    for flag, value in (("--cases", cases), ("--out", out)):
        if isinstance(value, str):
            raise click.UsageError(f"{flag} is a URL, which needs --engine ray.")
    if cases is not None and os.path.isdir(cases):
        raise click.UsageError("--cases is a folder, which needs --engine ray.")
    if os.path.isfile(out):
        raise click.UsageError("--out is a file; give a folder.")


def survey_on_ray(
    address: str | None,
    cases: Path | str,
    limit: int | None,
    catalog: Catalog,
    databases: Places | None,
    tables: Path | None,
    meanings: Path | None,
) -> Survey:
    """Join or start the cluster, until the call ends, and look at the input; its databases become known to
    the catalog.

    Raises:
        UsageError: there is no cluster, or the input cannot be used; as `fill_catalog`.
    """
    from share_sql.scale.cluster import cluster
    from share_sql.scale.survey import survey

    context = click.get_current_context()
    with interruptible(""):
        ray = context.meta[_RAY] = context.with_resource(cluster(address))
        found = survey(ray, str(cases), limit=limit)
    beside = None
    if isinstance(cases, Path):
        beside = cases.absolute() if cases.is_dir() else cases.absolute().parent
    fill_catalog(
        catalog, found.databases, databases=databases, tables=tables, meanings=meanings, beside=beside
    )
    return found


def run_on_ray(
    found: Survey,
    out: Path | str,
    settings: RunSettings,
    catalog: Catalog,
    models: str,
    asked: Mapping[str, Model],
    *,
    cache: Path | None,
    concurrency: int,
    case_seconds: float,
    form: str,
    resume: bool,
    as_json: bool,
) -> RunCounts:
    """Correct the cases on the cluster that `survey_on_ray` has joined. Raises as `scale.run.run_on_ray`."""
    from share_sql.errors import RunStopped
    from share_sql.scale.recipe import Recipe, known_to
    from share_sql.scale.run import run_on_ray as run

    spec, file = _portable(models, asked)
    recipe = Recipe(
        settings=settings,
        models=spec,
        models_file=file,
        databases=known_to(catalog),
        cache=cache.absolute() if cache is not None else None,
        concurrency=concurrency,
        case_seconds=case_seconds,
        out=str(out),
        form=form,
    )
    ray = click.get_current_context().meta[_RAY]
    with interruptible("; go on with --resume"), progress_bar("correcting") as progress:
        try:
            return run(ray, recipe, found, resume=resume, progress=progress)
        except RunStopped as stopped:
            if as_json:
                told = {"tried": stopped.tried, "failed": stopped.failed, "stopped": str(stopped)}
                print_json({"out": str(out), "cases": found.cases, **told})
            raise


def _portable(models: str, asked: Iterable[str]) -> tuple[str, tuple[str, Mapping[str, Any]] | None]:
    """What `--models` means on any machine: its text, and a models file's path and content."""
    from share_sql.models.load import read_models_file

    if models == "auto":
        return ("embedded" if asked else "none"), None
    if models.endswith(".toml"):
        path, found = Path(models).absolute(), configured()
        if found is not None and path == found.file:
            return models, (str(path), found.models_file)
        return models, (str(path), read_models_file(path))
    kind, _, folder = models.partition(":")
    if kind in ("recorded", "embedded") and os.path.isdir(folder):
        return f"{kind}:{os.path.abspath(folder)}", None
    return models, None
