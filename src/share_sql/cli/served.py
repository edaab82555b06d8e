"""What `share serve` and `share mcp` have in common: options, and the desk that they make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    cache_option,
    cores,
    fill_catalog,
    kinds_of,
    models_for,
    models_option,
    options,
    policy_options,
    prompts_of,
)
from share_sql.cli.configured import check_name, config_option, place_named, settings
from share_sql.cli.terminal import complain
from share_sql.database.address import own_name, place_of
from share_sql.database.file_look import absolute, look
from share_sql.errors import ShareError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from share_sql.catalog import Catalog
    from share_sql.serve.desk import Desk
    from share_sql.settings import ServiceSettings, Settings

demo_option = click.option("--demo", is_flag=True, help="Serve the demo's shop, with its drafts to try.")
served_options = options(models_option("none"), policy_options, cache_option, config_option)
"""Options of verbs that serve: with whom and how drafts are corrected. `served_desk` takes what they give."""


@contextmanager
def served_desk(
    service: ServiceSettings,
    *,
    demo: bool,
    models: str,
    policy: str,
    prompts: str | None,
    conventions: str | None,
    without: str | None,
    only: str | None,
    min_confidence: float,
    cache: Path | None,
    db: str | None = None,
    naming: str = "--demo",
) -> Iterator[Desk]:
    """A desk over the databases that the settings name, and over the demo's shop where it is asked for; all
    is given back at the end of the block.

    Args:
        service: how many cases are worked on at once, in how many processes, and how long each may take.
        demo: the demo's shop too.
        db: this database alone in place of those of the settings: a name of theirs, a file or a URL.
        naming: the flags of this verb that name a database, for the message where there is none.
        models, policy, prompts, conventions, without, only, min_confidence, cache: what the flags say.

    Raises:
        UsageError: there is no database to serve, or a flag cannot be used.
        DatabaseMissing, DatabaseUnreadable: `db` is no database.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.serve.demo import demo_shop
    from share_sql.serve.desk import MODEL_PATIENCE, Desk

    found = settings()
    with ExitStack() as stack:
        catalog = Catalog(cache=cache)
        if db is not None:
            _add(catalog, db)
        elif found is not None:
            _fill(catalog, found)
        examples = stack.enter_context(demo_shop(catalog)) if demo else ()
        if not catalog.names:
            raise UsageError(f"there is no database to serve; name some in share.toml, or call with {naming}")
        asked = models_for(models)
        correcting = partial(
            Assistant,
            catalog=catalog,
            conventions=conventions or ("benchmark" if demo else "none"),
            without=kinds_of(without),
            only=kinds_of(only),
            inspect=True,
            concurrency=service.workers,
            processes=service.processes or cores(),
            case_seconds=service.case_seconds,
        )
        assistant = correcting(
            models=asked,
            policy=policy,
            prompts=prompts_of(prompts, asked),
            min_confidence=min_confidence,
            model_patience=MODEL_PATIENCE,
        )
        checker = correcting() if asked else assistant
        desk = Desk(
            catalog=catalog,
            names=catalog.names,
            assistant=assistant,
            checker=checker,
            examples=examples,
            models={role: model.name for role, model in asked.items()},
            case_seconds=service.case_seconds,
        )
        stack.callback(desk.close)
        yield desk


def _fill(catalog: Catalog, found: Settings) -> None:
    """Make the settings' databases known; what keeps one from being served is told, the others are served."""
    for name, problem in found.problems.items():
        if name:
            complain(f"{name} is not served: {problem}")
    for name in found.databases:
        try:
            fill_catalog(catalog, [name])
        except ShareError as error:
            complain(f"{name} is not served: {error}")


def _add(catalog: Catalog, db: str) -> None:
    """Make a database known under a short name, which tells whoever asks for it no path."""
    if place_named(db) is not None:
        fill_catalog(catalog, [db])
        return
    check_name(db)
    _, file = place_of(db)
    name = own_name(db) or "database"
    if file is not None:
        look(absolute(file, name), name)
    catalog.add(name, db)
