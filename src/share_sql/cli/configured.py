"""What a call has from the settings file: databases by name, and defaults of flags."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from share_sql.benchmarks.files import BenchmarkDatabase
    from share_sql.catalog import Catalog
    from share_sql.settings import DatabaseSettings, Settings

NAME = "share.toml"
"""The settings file in the working folder."""
_META, _FAULT = "share_sql.settings", "share_sql.settings.fault"
FILE = click.Path(dir_okay=False, path_type=Path)
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _configure(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Read the settings file before any other option is looked at: what it says stands in for flags that
    neither the call nor the environment gives."""
    # Most calls have no such file, and need not wait for its reader.
    if context.resilient_parsing or (path is None and not os.path.isfile(NAME)):
        return
    from share_sql.settings import load_settings

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


def settings() -> Settings | None:
    """The running call's settings; None where there is no file, or its verb takes none."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_META) if context is not None else None


def settings_fault() -> str:
    """What keeps the running call's settings file from being used; empty where nothing does."""
    return str(click.get_current_context().meta.get(_FAULT, ""))


def database_named(name: str) -> DatabaseSettings | None:
    """What the settings say of a database; None where they do not name it. Raises SettingsError."""
    found = settings()
    return found.database(name) if found is not None else None


def place_named(name: str) -> str | None:
    """Path or URL of a database that the settings name; None for any other. Raises SettingsError."""
    named = database_named(name)
    return named.where if named is not None else None


def places_named() -> Callable[[str], str | None] | None:
    """Where databases lie that are known by name, where the settings name any; None where they name none."""
    found = settings()
    return place_named if found is not None and found.names else None


def bound(catalog: Catalog, databases: Iterable[BenchmarkDatabase]) -> None:
    """Let the settings' namespaces and limits hold for a benchmark's databases that they name."""
    for database in databases:
        named = database_named(database.name)
        if named is not None:
            catalog.add(
                database.name,
                database.where,
                database.declared,
                database.meanings or None,
                namespaces=named.namespaces,
                limits=named.limits,
            )


def fingerprint_of(names: Iterable[str]) -> str | None:
    """A short hash of what the settings say of databases, wherever they lie: a resumed run must have the
    same. None where they name none of them."""
    import hashlib
    import json

    known = settings()
    if known is None:
        return None
    said: list[Any] = []
    for name in sorted(names):
        found = known.databases.get(name)
        if found is not None:
            files = [
                file and hashlib.sha256(_content(file)).hexdigest() for file in (found.meanings, found.tables)
            ]
            said.append([name, found.namespaces, found.rows, found.seconds, files])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16] if said else None


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""  # whoever reads it says so


def known_as(database: str) -> str:
    """A database's name in cases, messages and files: as it was given, without a password."""
    from share_sql.database.address import shown

    return shown(database)


def check_name(name: str) -> None:
    """Refuse a name that is no database of the settings and no file, where the settings name some.

    Raises:
        DatabaseMissing: there is none; the message names the nearest known one.
    """
    known = settings()
    plain = name.strip() and not any(sign in name for sign in "/\\.:\x00")
    if known is not None and plain and known.names and name not in known.names and not os.path.exists(name):
        from share_sql.errors import DatabaseMissing
        from share_sql.toml_file import nearest

        raise DatabaseMissing(
            f"there is no database {name}: {known.file} does not name it, and there is no such file"
            f"{nearest(name, known.names)}"
        )
