"""In which order a run's cases begin: those of one database next to each other.

Their prompts begin with the same schema, which a server that caches prefixes then computes once. Where files
are ordered so it changes nothing; files of cases are mixed where several sources were joined, or shuffled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase

WINDOW = 2000
"""Cases that are read before the first of them begins: a few megabytes, whatever the file's length."""


def together(
    numbered: Iterable[tuple[int, LabelledCase]], window: int = WINDOW
) -> Iterator[tuple[int, LabelledCase]]:
    """Cases with their positions, in each window those of one database next to each other.

    Args:
        numbered: in the file's order.
        window: how many are held.

    Returns:
        All of them: databases in the order in which a window has them first, cases of each in theirs.
    """
    reading = iter(numbered)
    while held := list(islice(reading, window)):
        of_databases: dict[str, list[tuple[int, LabelledCase]]] = {}
        for each in held:
            of_databases.setdefault(each[1].case.database, []).append(each)
        for those in of_databases.values():
            yield from those
