"""All that `share doctor` looks at, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.doctor.check import Check
from share_sql.doctor.configuration import check_settings
from share_sql.doctor.database import Looked, check_database
from share_sql.doctor.installation import check_installation
from share_sql.doctor.models import check_models, check_weights
from share_sql.doctor.storage import check_cache
from share_sql.settings import Settings

if TYPE_CHECKING:
    from share_sql.models.base import Model


def examine(
    settings: Settings,
    fault: str,
    cache: Path | None,
    models: Callable[[], Mapping[str, Model]] | None,
) -> list[Check]:
    """Look at all but a database.

    Args:
        settings: as they were read.
        fault: what keeps their file from being used; empty where nothing does.
        cache: the folder for value indexes; None for the user's.
        models: gives the models that a call would ask; None where none is set.
    """
    return [
        *check_installation(),
        *check_settings(settings, fault),
        *check_cache(cache),
        *check_weights(),
        *(check_models(models) if models is not None else ()),
    ]


def examine_database(settings: Settings, database: str) -> Looked:
    """Look at a database: a path, a URL or a name from the settings. Raises SettingsError for a name that
    cannot be used."""
    from share_sql.database.address import shown
    from share_sql.schema.introspect import introspect

    named = settings.database(database)
    if named is None:
        return check_database(database, shown(database), introspect)
    return check_database(named.where, database, partial(introspect, namespaces=named.namespaces))
