"""One thing looked at, and how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    group: str
    """What it belongs to: installation, settings, cache, models, database, role."""
    name: str
    """What was looked at."""
    status: Status
    """failed: something will not work. warning: it works, and could be better."""
    text: str
    """How it stands, one line; holds no password."""
    mend: str = ""
    """What to do; empty where nothing is to be done."""


Group: TypeAlias = Callable[[], Iterator[Check]]
"""Looks at the things of one group."""
