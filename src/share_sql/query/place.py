"""Places in the SQL as places in the draft that it was taken out of."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.case import Place

_TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)
_LONGEST = 8_000
"""Longer drafts are not compared token by token, which takes quadratic time."""
_MOST_PAIRS = 300_000
"""Pairs of equal tokens that are compared at most: of one sign a thousand times there are a million."""


def place_in_draft(draft: str, sql: str, place: Place | None) -> Place | None:
    """Where a part of the SQL stands in the draft.

    Args:
        draft: what the model wrote, with text around the SQL.
        sql: the SQL taken out of it; escapes may be gone.
        place: start and end in the SQL.

    Returns:
        Start and end in the draft; None where the part does not stand there letter by letter.
    """
    if place is None:
        return None
    at = draft.find(sql)
    if at >= 0:
        return at + place[0], at + place[1]
    if len(draft) > _LONGEST:
        return None
    start, end = place
    whole = _mapped(draft, sql)
    if whole is None:
        return None
    if start == end:
        before = whole[start - 1] if 0 < start <= len(whole) else None
        return (before + 1, before + 1) if before is not None else None
    first, last = (whole[start], whole[end - 1]) if start < end <= len(whole) else (None, None)
    return (first, last + 1) if first is not None and last is not None else None


def _mapped(draft: str, sql: str) -> list[int | None] | None:
    """For each character of the SQL its place in the draft, where the two are alike; None where there is too
    much to compare."""
    theirs, ours = list(_TOKEN.finditer(draft)), list(_TOKEN.finditer(sql))
    counts, others = (Counter(match[0] for match in found) for found in (theirs, ours))
    if sum(count * others[token] for token, count in counts.items()) > _MOST_PAIRS:
        return None
    matcher = difflib.SequenceMatcher(None, [m[0] for m in theirs], [m[0] for m in ours], autojunk=False)
    found: list[int | None] = [None] * len(sql)
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            here, there = ours[block.b + step], theirs[block.a + step]
            for offset in range(len(here[0])):
                found[here.start() + offset] = there.start() + offset
    return found
