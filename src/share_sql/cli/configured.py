"""What a call has from the settings file: databases by name, and defaults of flags."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from share_sql.settings import Settings

_META, _FAULT = "share_sql.settings", "share_sql.settings.fault"
FILE = click.Path(dir_okay=False, path_type=Path)
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _configure(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Read the settings file before any other option is looked at: what it says stands in for flags that
    neither the call nor the environment gives."""
    from share_sql.settings import load_settings

    if context.resilient_parsing:
        return
    found = load_settings(path)
    context.meta[_META] = found
    context.default_map = {**found.flags, **(context.default_map or {})}


def _configure_leniently(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """The same for a verb that tells itself what is wrong with the file."""
    from share_sql.errors import SettingsError

    try:
        _configure(context, parameter, path)
    except SettingsError as error:
        context.meta[_FAULT] = str(error)


def _config(
    callback: Callable[[click.Context, click.Parameter, Path | None], None],
) -> Callable[[_Function], _Function]:
    return click.option(
        "--config",
        type=FILE,
        is_eager=True,
        expose_value=False,
        envvar="SHARE_CONFIG",
        callback=callback,
        help="Settings file.  [default: share.toml, where there is one]",
    )


config_option = _config(_configure)
"""`--config`, for verbs that use a database or models."""
lenient_config_option = _config(_configure_leniently)
"""The same, where a file that cannot be used does not end the call; see `settings_fault`."""

db_option = click.option(
    "--db",
    required=True,
    metavar="FILE|URL|NAME",
    help="The database, opened read-only: a file, a URL, or a name from the settings.",
)
"""`--db`, for verbs that use one database."""


def settings() -> Settings:
    """The running call's settings; empty ones where its verb takes none."""
    from share_sql.settings import Settings

    context = click.get_current_context(silent=True)
    found = context.meta.get(_META) if context is not None else None
    return found if found is not None else Settings()


def settings_fault() -> str:
    """What keeps the running call's settings file from being used; empty where nothing does."""
    return str(click.get_current_context().meta.get(_FAULT, ""))


def place_named(name: str) -> str | None:
    """Path or URL of a database that the settings name; None for any other. Raises SettingsError."""
    found = settings().database(name)
    return found.where if found is not None else None


def places_named() -> Callable[[str], str | None] | None:
    """Where databases lie that are known by name, where the settings name any; None where they name none."""
    return place_named if settings().names else None


def known_as(database: str) -> str:
    """A database's name in cases, messages and files: as it was given, without a password."""
    from share_sql.database.address import shown

    return shown(database)


def check_name(name: str) -> None:
    """Refuse a name that is no database of the settings and no file, where the settings name some.

    Raises:
        DatabaseMissing: there is none; the message names the nearest known one.
    """
    from share_sql.errors import DatabaseMissing
    from share_sql.toml_file import nearest

    known: Iterable[str] = settings().names
    plain = name.strip() and not any(sign in name for sign in "/\\.:\x00")
    if known and plain and name not in known and not os.path.exists(name):
        raise DatabaseMissing(
            f"there is no database {name}: {settings().file} does not name it, and there is no such file"
            f"{nearest(name, known)}"
        )
