"""Is a stored value the one that is meant, spelled otherwise, or another value?

What is asked for may rightly be in no row: no customer is from Iran where some are from Iraq. So likeness is
not enough. The question must have the stored value in its words, or the difference must be one that changes
no meaning: capitals, accents, blanks, an ending, a doubled letter.
"""

from __future__ import annotations

import re

from share_sql.schema.value_text import folded, squashed

NEAR = 84.0
"""Likeness (0 to 100) from which one text may count as the other misspelt; below it, it is another value."""
_NEGATIONS = frozenset((
    "un", "in", "non", "dis", "im", "il", "ir", "not", "anti", "a", "ex", "pre", "post", "re", "sub", "semi",
))  # fmt: skip
_EMPTY_WORDS = frozenset({"and", "the", "of", "a", "an", "in", "for", "s"})
_ENDINGS = ("s", "es", "ing")
_SIGN = re.compile(r"(?<!\w)[-+](?=\w)|[-+#*%$€£!]+(?!\w)|(?<=\d)[.,](?=\d)")
"""Signs that make another value: A+ and A-, C and C#, -5 and 5, 1.5 and 15."""


def same_letters(left: str, right: str) -> bool:
    """Equal but for case, accents, spacing and punctuation that has no meaning."""
    if not squashed(left).isalnum() or squashed(left) != squashed(right):
        return False
    return _SIGN.findall(left.strip()) == _SIGN.findall(right.strip())


def is_padded(stored: str, written: str) -> bool:
    """Whether a stored value is equal to a text but for blanks around it, and capitals."""
    return stored != stored.strip() and stored.strip().casefold() == written.strip().casefold()


def is_misspelt(written: str, stored: str, asked: str) -> bool:
    """Whether a text is a stored value misspelt.

    Args:
        written: the text that the query has; no row holds it.
        stored: a value that is like it.
        asked: the question and the evidence.
    """
    if re.findall(r"\d+", written) != re.findall(r"\d+", stored) or _negated(written, stored):
        return False
    if _SIGN.findall(written.strip()) != _SIGN.findall(stored.strip()):
        return False
    # Where one is a part of the other, its words in the longer one say nothing.
    is_longer = len(stored) >= len(written)
    names_stored = _has(asked if is_longer else _without(asked, written), stored)
    if names_stored and not _has(_without(asked, stored) if is_longer else asked, written):
        return True
    ours, theirs = _words(written), _words(stored)
    if len(ours) != len(theirs):
        return False
    changes = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    return not changes or (len(changes) == 1 and _same_word(*changes[0]))


def _has(asked: str, text: str) -> bool:
    """Whether the words of a text stand in another, one after the other."""
    return f" {' '.join(_split(text))} " in f" {' '.join(_split(asked))} "


def _without(asked: str, text: str) -> str:
    """What is asked without each place where the words of a text stand in it."""
    return re.sub(rf"(?<!\S){re.escape(' '.join(_split(text)))}(?!\S)", ".", " ".join(_split(asked)))


def _split(text: str) -> list[str]:
    return re.findall(r"\w+", folded(text))


def _words(text: str) -> list[str]:
    return [word for word in _split(text) if word not in _EMPTY_WORDS]


def _negated(written: str, stored: str) -> bool:
    """Whether one of the two is the other with something before it, as "inactive" and "active"."""
    one, other = sorted((squashed(written), squashed(stored)), key=len)
    return any(other == before + one for before in _NEGATIONS)


def _same_word(left: str, right: str) -> bool:
    short, long = sorted((left, right), key=len)
    if len(short) >= 4 and any(long == short + ending for ending in _ENDINGS):
        return True
    if len(short) < 6:
        return False
    # A letter that is doubled in one of the two, or two neighbours that have changed places.
    if re.sub(r"(.)\1", r"\1", left) == re.sub(r"(.)\1", r"\1", right):
        return True
    at = [place for place in range(len(short)) if left[place : place + 1] != right[place : place + 1]]
    swapped = len(left) == len(right) and len(at) == 2 and at[1] == at[0] + 1
    return swapped and at[0] > 0 and left[at[0]] == right[at[1]] and left[at[1]] == right[at[0]]
