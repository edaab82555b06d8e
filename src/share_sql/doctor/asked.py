"""What doctor asks of a database: one entry a dialect, in the dialect's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from share_sql.database.base import Row
from share_sql.doctor.check import Check, Status

ROLE = "role"
"""The group of checks of what a role may do."""
MOST_NAMES = 5
"""Names that a line tells."""


@dataclass(frozen=True)
class Known:
    """What a dialect's own checks are given."""

    where: str
    """Path or URL; may hold a password."""
    ask: Callable[[str], tuple[Row, ...]]
    """Rows of a query on the read-only connection; DatabaseError where it fails."""
    namespaces: tuple[str, ...]
    """Those that hold tables that the role sees."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a dialect's databases."""

    version: str
    """A query for the server's version."""
    settings: str
    """A query for name and value of what holds on the connection; empty where nothing can be asked."""
    rights: Callable[[Known], Iterator[Check]]
    """What the role could do beside reading, as warnings; an ok where there is nothing."""
    recipe: Callable[[Known], str]
    """How to make a role (or a file) that can only be read: text to paste."""


def right(name: str, text: str, mend: str, status: Status = "warning") -> Check:
    """A check of something that a role could do beside reading."""
    return Check(ROLE, name, status, text, mend)


def some(names: list[str]) -> str:
    """The first names of many, in words."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
