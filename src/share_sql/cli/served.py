"""What `share serve` and `share mcp` have in common: options, and the desk that they make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    cache_option,
    fill_catalog,
    kinds_of,
    models_for,
    models_option,
    options,
    policy_options,
    prompts_of,
)
from share_sql.cli.configured import config_option, settings
from share_sql.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from share_sql.serve.desk import Desk

demo_option = click.option("--demo", is_flag=True, help="Serve the demo's shop, with its drafts to try.")
served_options = options(models_option("none"), policy_options, cache_option, config_option)
"""Options of verbs that serve: with whom and how drafts are corrected. `served_desk` takes what they give."""


@contextmanager
def served_desk(
    *,
    demo: bool,
    workers: int,
    models: str,
    policy: str,
    prompts: str | None,
    conventions: str | None,
    without: str | None,
    only: str | None,
    min_confidence: float,
    cache: Path | None,
) -> Iterator[Desk]:
    """A desk over the databases that the settings name, and over the demo's shop where it is asked for; all
    is given back at the end of the block.

    Args:
        demo: the demo's shop too.
        workers: cases under way at once.
        models, policy, prompts, conventions, without, only, min_confidence, cache: what the flags say.

    Raises:
        UsageError: there is no database to serve, or a flag cannot be used.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.serve.demo import demo_shop
    from share_sql.serve.desk import Desk

    found = settings()
    with ExitStack() as stack:
        catalog = Catalog(cache=cache)
        fill_catalog(catalog, found.databases if found is not None else ())
        examples = stack.enter_context(demo_shop(catalog)) if demo else ()
        if not catalog.names:
            raise UsageError("there is no database to serve; name some in share.toml, or call with --demo")
        asked = models_for(models)
        correcting = partial(
            Assistant,
            catalog=catalog,
            conventions=conventions or ("benchmark" if demo else "none"),
            without=kinds_of(without),
            only=kinds_of(only),
            inspect=True,
        )
        assistant = correcting(
            models=asked,
            policy=policy,
            prompts=prompts_of(prompts, asked),
            min_confidence=min_confidence,
            concurrency=workers,
        )
        checker = correcting() if asked else assistant
        desk = Desk(
            catalog=catalog, names=catalog.names, assistant=assistant, checker=checker, examples=examples
        )
        stack.callback(desk.close)
        yield desk
