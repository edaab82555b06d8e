"""What verbs share: options, and the catalog they speak of."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from share_sql.benchmarks.places import Places
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.cli.configured import check_name, database_named, known_as, settings
from share_sql.cli.terminal import say
from share_sql.database.address import is_url
from share_sql.errors import UsageError

if TYPE_CHECKING:
    from share_sql.catalog import Catalog
    from share_sql.models.base import Model
    from share_sql.prompts.library import PromptSet

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class _Databases(click.ParamType[Places]):
    """A folder of databases, or a URL with `{name}` where the database's name is to stand."""

    name = "databases"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "DIRECTORY|URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Places:
        if not isinstance(value, str) or not is_url(value):
            folder: Path = FOLDER.convert(value, param, ctx)
            return folder
        return value


DATABASES = _Databases()
"""Where databases lie that are given by name, see `benchmarks.places`."""
DATABASES_HELP = "Folder with NAME/NAME.sqlite or NAME.duckdb, or a URL, postgresql://user@host/{name}."

_Function = TypeVar("_Function", bound=Callable[..., Any])

BENCHMARK = click.Choice(list(BENCHMARKS))


def speak_up(count: int) -> None:
    """Let more of the package's log reach stderr: -v its stages and what is waited for, -vv all."""
    if count:
        logging.getLogger("share_sql").setLevel(logging.INFO if count == 1 else logging.DEBUG)


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def options(*each: Callable[[_Function], _Function]) -> Callable[[_Function], _Function]:
    """Several options as one decorator, in the order in which `--help` shows them."""

    def add(function: _Function) -> _Function:
        for option in reversed(each):
            function = option(function)
        return function

    return add


def refuse(why: str, *names: str) -> None:
    """Refuse options of the running command that would do nothing.

    Args:
        why: what the option needs, after its name.
        names: the options' parameters; those that the caller left out pass.

    Raises:
        click.UsageError: one was given.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in names:
            raise click.UsageError(f"{parameter.opts[0]} {why}", context)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
cache_option = click.option(
    "--cache",
    type=FOLDER,
    envvar="SHARE_CACHE",
    help="Folder for value indexes.  [default: the user's cache folder]",
)
verbose_option = click.option(
    "-v",
    "--verbose",
    count=True,
    expose_value=False,
    callback=lambda context, parameter, count: speak_up(count),
    help="Tell each stage as it ends; twice: all there is to tell.",
)
limit_option = click.option("--limit", type=click.IntRange(min=1), help="Only the first N cases.")


BUDGET = ("max_tokens", "max_cost", "max_seconds", "case_tokens", "case_cost")
"""The parameters of `budget_options`."""


def budget_options(command: _Function) -> _Function:
    """What models may cost: `--max-tokens`, `--max-cost`, `--max-seconds` of the run, `--case-tokens`,
    `--case-cost` of each case."""
    tokens, above = click.IntRange(min=1), click.FloatRange(min=0, min_open=True)
    options = (
        click.option("--max-tokens", type=tokens, metavar="N", help="Tokens that the run may take."),
        click.option("--max-cost", type=above, metavar="USD", help="Money that the run may take."),
        click.option(
            "--max-seconds", type=above, metavar="S", help="Time after which no case begins or asks."
        ),
        click.option("--case-tokens", type=tokens, metavar="N", help="Tokens that one case may take."),
        click.option("--case-cost", type=above, metavar="USD", help="Money that one case may take."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def concurrency_option(
    about: str, default: int | None = 8, shown: bool | str = True
) -> Callable[[_Function], _Function]:
    """`--concurrency`, with its line of help."""
    return click.option(
        "--concurrency", type=click.IntRange(1, 1024), default=default, show_default=shown, help=about
    )


benchmark_options = options(
    click.option("--benchmark", type=BENCHMARK, help="Read a benchmark's own files."),
    click.option("--questions", type=FILE, help="The benchmark's questions (dev.json, train.json)."),
    click.option("--tables", type=FILE, help="The benchmark's schemas (tables.json)."),
    click.option("--databases", type=DATABASES, help=DATABASES_HELP),
    click.option("--meanings", type=FILE, help="column_meaning.json."),
    click.option("--drafts", type=FILE, help="JSON by id, JSON list, JSON Lines, or one query a line."),
)
"""Options of verbs that read a benchmark's own files."""


def models_option(default: str) -> Callable[[_Function], _Function]:
    """`--models`, with what the verb takes where it is not given."""
    return click.option(
        "--models",
        default=default,
        show_default=True,
        envvar="SHARE_MODELS",
        metavar="auto|none|embedded[:DIR|:NAME]|recorded:DIR|openai:MODEL|URL#MODEL|FILE.toml",
        help="Who answers for bam, mask, sam, lom, generator and scorer. auto: the small models where their "
        "weights are pulled (share models pull), none elsewhere.",
    )


policy_options = options(
    click.option(
        "--policy",
        type=click.Choice(["gated", "always", "errors"]),
        default="gated",
        show_default=True,
        envvar="SHARE_POLICY",
        help="gated: a candidate must earn its place. always: the last one wins, as in the paper. "
        "errors: only drafts that fail are touched.",
    ),
    click.option(
        "--prompts",
        help="Prompt set: a name or a folder.  [default: what each model was trained on, else default]",
    ),
    click.option(
        "--conventions",
        type=click.Choice(["none", "benchmark"]),
        help="benchmark: follow habits of benchmarks too, such as no count beside what was asked for. "
        "none: mend faults alone.  [default: benchmark where benchmark files are given, else none]",
    ),
    click.option("--without", metavar="KIND,…", help="Kinds of change that may not act (share explain)."),
    click.option("--only", metavar="KIND,…", help="Kinds of change that alone may act."),
    click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        envvar="SHARE_MIN_CONFIDENCE",
        help="Keep the draft where a change is less sure than this.",
    ),
)
"""Options of verbs that correct drafts: how; `models_option` says with whom."""


def fill_catalog(
    catalog: Catalog,
    names: Iterable[str],
    *,
    databases: Places | None = None,
    tables: Path | None = None,
    meanings: Path | None = None,
    beside: Path | None = None,
    others_too: bool = False,
) -> None:
    """Make the databases that cases name known to a catalog, under their names without a password.

    What the settings say of a name holds where the flags say nothing.

    Args:
        catalog: takes them.
        names: as the cases have them: a name, a path or a URL.
        databases: folder with `<name>/<name>.sqlite`, or a URL with `{name}`, for names.
        tables: tables.json; its entry for the name, or for a path's stem, completes the schema.
        meanings: column_meaning.json, likewise.
        beside: folder that relative paths are looked for in as well, after the current one.
        others_too: tables and meanings may be for other databases than these.

    Raises:
        BenchmarkError: a file cannot be used.
        UsageError: there is no such folder, or a file knows none of the names.
    """
    from share_sql.benchmarks.places import place_of
    from share_sql.cli.described import Described

    if isinstance(databases, Path) and not databases.is_dir():
        raise UsageError(f"there is no folder {databases}; --databases is one with NAME/NAME.sqlite")
    # The case itself will say that it names no database.
    asked = [name for name in dict.fromkeys(names) if name.strip() and "\x00" not in name]
    given, known = Described(tables, meanings), settings()
    named_here = known.databases if known is not None else {}
    if not others_too:
        given.check((name, named_here[name].where if name in named_here else name) for name in asked)
    for name in asked:
        where = name
        # os.path, not Path: what no file can be called (too long, say) is no file, and no error.
        if not is_url(name) and not os.path.isfile(name):
            places = [place_of(databases, name)] if databases else []
            places += [beside / name] if beside else []
            # A URL of --databases is where names lie that are no file.
            there = (place for place in places if isinstance(place, str) or os.path.isfile(place))
            where = str(next(there, name))
        named = database_named(name) if where == name else None
        if named is None:
            declared, meant = given.of(name, name)
            catalog.add(known_as(name), where, declared, meant)
            continue
        own = Described(tables or _path(named.tables), meanings or _path(named.meanings))
        own.check([(name, named.where)])
        declared, meant = own.of(name, named.where)
        catalog.add(name, named.where, declared, meant, namespaces=named.namespaces, limits=named.limits)


def use_database(
    catalog: Catalog, database: str, tables: Path | None = None, meanings: Path | None = None
) -> str:
    """Make the database that `--db` names known to a catalog.

    Returns:
        The name that the catalog has it under.

    Raises:
        DatabaseMissing: it is a name that neither the settings nor a file has.
        BenchmarkError, UsageError: as `fill_catalog`.
    """
    check_name(database)
    fill_catalog(catalog, [database], tables=tables, meanings=meanings)
    return known_as(database)


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None


def models_for(spec: str) -> Mapping[str, Model]:
    """The models that `--models` names, by role. What `auto` chose is told on standard error, and what
    `embedded` does without."""
    from share_sql.models.load import chosen_models, load_models, models_of, not_pulled

    found = settings()
    if found is not None and spec.endswith(".toml") and Path(spec).absolute() == found.file:
        models = models_of(found.file, found.models_file)
    elif spec == "auto":
        chosen = chosen_models()
        say(chosen.told, err=True)
        models = chosen.models
    else:
        models = load_models(spec)
    if models and spec in ("auto", "embedded"):
        for role, base in not_pulled().items():
            say(f"models: {role} is left out; `share models pull {base}` fetches its base", err=True)
    return models


def prompts_of(prompts: str | None, models: Mapping[str, Model]) -> PromptSet:
    """The prompt set that `--prompts` names; without it, what each model was trained on."""
    from share_sql.assistant import prompts_for
    from share_sql.prompts.library import load_prompts

    return prompts_for(models) if prompts is None else load_prompts(prompts)


def kinds_of(names: str | None) -> tuple[str, ...]:
    """The kinds that `--without` or `--only` lists."""
    return tuple(name.strip() for name in (names or "").split(",") if name.strip())


def read_stdin() -> str:
    """All of standard input; bytes that are no UTF-8 become replacement characters."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
