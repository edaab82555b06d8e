"""Which table a count is about, read from the question's words: "how many heroes …" counts heroes."""

from __future__ import annotations

import re
from functools import lru_cache

from share_sql.schema.model import Schema

_COUNTED = re.compile(
    r"\b(?:how many(?: percent(?:age)? of)?|number of|percent(?:age)? of|count of|proportion of|ratio of)\s+"
    r"((?:[\w'-]+\s*){1,4})",
    re.IGNORECASE,
)

_ENDS = frozenset((
    "have", "has", "had", "are", "is", "were", "was", "do", "does", "did", "in", "of", "with", "that",
    "who", "which", "there", "from", "on", "by", "for", "can", "could", "will", "would", "to", "at",
    "than", "whose", "when", "and", "or", "not",
))  # fmt: skip
"""Words behind which the counted noun has passed."""


def counted_table(schema: Schema, used: list[str], hint: str) -> str | None:
    """The table whose rows the question counts, where the trajectory only uses another one.

    A count over a look-up table alone (`power_name = 'Stealth'`) counts one row; "how many heroes have
    stealth" counts heroes. The table is the only one whose name the counted words hold.

    Returns:
        The table's name; None where the words name no table, several, or one already used.
    """
    if not hint:
        return None
    match = _COUNTED.search(hint)
    if match is None:
        return None
    words = []
    for word in re.findall(r"[a-z]+", match[1].lower()):
        if word in _ENDS:
            break
        words.append(_stem(word))
    names = {table.name.lower() for table in schema.tables}
    here = {table.lower() for table in used}
    found = [table.name for table in schema.tables if _likeness(table.name, words) == 2]
    if not found:
        found = [
            table.name
            for table in schema.tables
            if _likeness(table.name, words) == 1 and "_" not in table.name and table.name.lower() in names
        ]
    if len(found) != 1 or found[0].lower() in here:
        return None
    return found[0]


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and len(word) > 4 and word[-3] in "osxz":
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def _likeness(table: str, words: list[str]) -> int:
    """2: a word is the table's name; 1: the name ends in a word (`superhero`, `heroes`); 0: neither."""
    name = _stem(table.lower())
    if name in words or name.replace("_", "") in words:
        return 2
    return int(any(len(word) > 3 and name.endswith(word) for word in words))
