"""`--models auto`: the small models where they can work, none elsewhere, and a line that says which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from share_sql.errors import SettingsError

if TYPE_CHECKING:
    from share_sql.models.base import Model


@dataclass(frozen=True)
class Chosen:
    """What `auto` stands for on this machine."""

    models: Mapping[str, Model]
    """By role; empty where there are none."""
    told: str
    """One line for people: which models, or why none and how to get them."""


def choose(small: Callable[[], Mapping[str, Model]]) -> Chosen:
    """The small models that come with the package where their base weights are pulled and the engine is
    installed; else none, with the reason. Nothing is fetched.

    Args:
        small: gives the small models, or raises SettingsError where they cannot work.
    """
    try:
        models = small()
    except SettingsError as error:
        # Whatever keeps the small models from working, the work itself goes on without them.
        return Chosen({}, f"models: none ({error})")
    return Chosen(models, f"models: embedded ({', '.join(models)}); --models none is quicker")
