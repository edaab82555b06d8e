"""Stored values that a text names: the column that stores `Paris` says what a question means by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from share_sql.schema.model import ValueMatch

MOST_VALUES = 6
"""Most values in the result; longer phrases first."""
MOST_COLUMNS = 3
"""Most columns named for one value."""
_LONGEST = 5
"""Words of a phrase."""
_WORD = re.compile(r"[^\W_][\w'&.+/-]*")
_QUOTED = re.compile(r"['\"\u2018\u201c]([^'\"\u2018\u2019\u201c\u201d]{1,60})['\"\u2019\u201d]")
_COMMON = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "did", "do", "does", "find", "for", "from",
    "give", "had", "has", "have", "how", "if", "in", "is", "it", "its", "list", "many", "me", "more",
    "most", "much", "name", "names", "not", "number", "of", "on", "or", "show", "tell", "than", "that",
    "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "was", "were",
    "what", "when", "where", "which", "who", "whose", "will", "with", "you", "all", "any", "each",
    "every", "other", "only", "id", "ids", "type", "types", "total", "average", "maximum", "minimum",
    "least", "first", "last", "no", "yes",
))  # fmt: skip
"""Words that no phrase begins or ends with."""


def phrases(text: str) -> tuple[str, ...]:
    """What in a text may be a stored value: quoted parts, and runs of words that neither begin nor end with a
    common one; longer ones first."""
    words = [match[0].rstrip(".'-/") for match in _WORD.finditer(text)]
    found = [quoted.strip() for quoted in _QUOTED.findall(text)]
    for length in range(_LONGEST, 0, -1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            if not ({run[0].lower(), run[-1].lower()} & _COMMON) and not run[0].isdigit():
                found.append(" ".join(run))
    return tuple(dict.fromkeys(phrase for phrase in found if len(phrase) > 1))


def spoken_values(
    asked: Iterable[str], look_up: Callable[[str], Iterable[ValueMatch]]
) -> tuple[ValueMatch, ...]:
    """The stored values that are spelled as phrases are, but for case.

    Args:
        asked: what `phrases` gave.
        look_up: gives the stored values nearest to a text.

    Returns:
        At most MOST_VALUES; a phrase within one that was found is not looked up.
    """
    found: list[ValueMatch] = []
    kept: list[str] = []
    for phrase in asked:
        if any(phrase.lower() in longer for longer in kept):
            continue
        same = [match for match in look_up(phrase) if match.value.casefold() == phrase.casefold()]
        if same:
            kept.append(phrase.lower())
            found += same[:MOST_COLUMNS]
        if len(found) >= MOST_VALUES:
            break
    return tuple(found[:MOST_VALUES])


def told(values: Iterable[ValueMatch]) -> str:
    """`singer.Country 'France', city.Name 'Paris'`."""
    return ", ".join(f"{match.table}.{match.column} {match.value!r}" for match in values)
