"""Databases of a resumed run: what was done on another state of one is done again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from share_sql.errors import DatabaseError

if TYPE_CHECKING:
    from share_sql.catalog import Catalog
    from share_sql.runfolder.journal import Journal

MOST_NAMES = 5
"""Databases that a line names."""

log = logging.getLogger("share_sql")


def reopen_changed(journal: Journal, catalog: Catalog) -> None:
    """Have finished cases done again whose database is not any more as it was when they began.

    Both are told in the log, a line each: the cases that are done again, and those whose database cannot be
    looked at now. The latter stay as they are: nothing speaks against them, and without their database they
    could not be done again.

    Args:
        journal: the run's.
        catalog: opens the databases.
    """
    stale: dict[str, list[int]] = {}
    unseen: dict[str, int] = {}
    why = ""
    for name, states in sorted(journal.databases().items()):
        try:
            now = catalog.fingerprint(name)
        except DatabaseError as error:
            why = why or str(error)
            unseen[name] = sum(len(positions) for positions in states.values())
            continue
        changed = [at for fingerprint, positions in states.items() if fingerprint != now for at in positions]
        if changed:
            stale[name] = changed
    if stale:
        again = [at for positions in stale.values() for at in positions]
        journal.reopen(again)
        count, has = len(again), "has" if len(stale) == 1 else "have"
        cases = "1 case is" if count == 1 else f"{count} cases are"
        log.warning("%s done again: %s %s changed since", cases, _named(list(stale)), has)
    if unseen:
        count = sum(unseen.values())
        cases = "1 case stays as it is" if count == 1 else f"{count} cases stay as they are"
        log.warning("%s: %s cannot be looked at now (%s)", cases, _named(list(unseen)), why)


def _named(names: list[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"the database{'' if len(names) == 1 else 's'} {shown}{more}"
