"""From what a model wrote to the queries that it may mean, the likeliest first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from share_sql.sql.answer import cleaned, pieces, unescaped, without_thoughts
from share_sql.sql.statements import Statement, begins_as_query, creates, statements, writes

MAX_TEXT = 1_000_000
"""Longer texts are not read; models write some ten thousand characters, thoughts some hundred thousand."""
MOST_TEXTS = 32
"""Texts that are tried at most, of all readings together."""
MOST_CHARACTERS = 200_000
"""Characters of these texts together, without the first: each costs a query and a parse."""
LONGEST_OTHER = 100_000
"""Characters of the longest of them, without the first: what is longer is not parsed
(`sql.size.MAX_SQL_BYTES`)."""
_MOST_SCANNED = 3_000_000
"""Characters that are gone through at most, over all ways in which one text is read."""
_PROMPT = re.compile(
    r"^[ \t]*(?:>(?![=\s]*\d)|(?:sqlite|mysql|\w{0,30}[=#])>|\.\.\.>|->)[ \t]?", re.MULTILINE | re.IGNORECASE
)
_TOKEN = re.compile(r"<\|[\w ]{1,30}\|>|</?s>|\[/?INST\]|<｜[^｜<>]{1,30}｜>")
_MISSPELT = re.compile(r"\(*\s*(?P<word>[A-Za-z]{4,9}\w*)\b")


@dataclass(frozen=True)
class Reading:
    """A query that a text may mean."""

    texts: tuple[str, ...]
    """What its SQL may be, where its end is open; the one to try first first."""
    sure: bool
    """Whether it stands where an answer does, not amid a sentence."""


def readings(text: str) -> tuple[Reading, ...]:
    """The queries that a text may mean.

    A text that is one query comes back as one reading with one text, unchanged but for surrounding space and
    the final semicolon. What changes data is never cut out: beside it no query is read, and the text is one
    reading as it stands.

    Args:
        text: what a model wrote.

    Returns:
        The likeliest first, `MOST_TEXTS` texts at most, and no longer together than `MOST_CHARACTERS` beside
        the first; nothing where there is no SQL, or the text is longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        return ()
    answer, thoughts = without_thoughts(cleaned(text))
    if writes(answer):
        return (Reading((answer.strip(),), True),) if begins_as_query(answer) else ()
    found = _Reader().read(answer)
    if not found and thoughts and not writes(thoughts):
        found = _Reader().read(thoughts)
    kept: list[Reading] = []
    seen: set[str] = set()
    left = MOST_CHARACTERS
    for reading in found:
        texts = []
        for each in reading.texts:
            if each in seen or len(seen) >= MOST_TEXTS or (seen and len(each) > min(left, LONGEST_OTHER)):
                continue
            left -= len(each) if seen else 0
            seen.add(each)
            texts.append(each)
        if texts:
            kept.append(Reading(tuple(texts), reading.sure))
    return tuple(kept)


class _Reader:
    """Reads one text in several ways, and counts the characters that it goes through."""

    def __init__(self) -> None:
        self.left = _MOST_SCANNED

    def read(self, text: str, depth: int = 0) -> list[Reading]:
        """The queries of a text, of its pieces, and of what it is without prompts, marks and escapes."""
        found: list[Reading] = []
        if begins_as_query(text):
            found += self.queries(text)
            if found and "\n" not in text and len(found[0].texts) == 1 and len(found) == 1:
                return found
        else:
            for piece in pieces(text):
                for inside in piece.texts:
                    # The whole must be read, too.
                    if len(inside) + len(text) <= self.left:
                        found += self.queries(inside.strip(), sure=piece.rank < 5)
            found += self.queries(text)
        if depth < 2:
            for other in (_PROMPT.sub("", text), _TOKEN.sub("\n", text)):
                if other != text and len(other) <= self.left:
                    found += self.read(other, 2)
            if ("\\n" in text or '\\"' in text) and len(text) <= self.left:
                found += self.read(unescaped(text), depth + 1)
        if not found and depth == 0:
            found += _misspelt(text)
        return found

    def queries(self, text: str, *, sure: bool = True) -> list[Reading]:
        """The queries in a piece of text; nothing beside a statement that makes tables."""
        if len(text) > self.left or creates(text):
            return []
        self.left -= len(text)
        return [Reading(each.texts, each.sure and sure) for each in statements(text)]


def _misspelt(text: str) -> list[Reading]:
    """A text whose first word is nearly SELECT, or that begins after it."""
    from rapidfuzz import distance

    if re.search(r"\b(?:FROM|FORM)\b", text[:2_000], re.IGNORECASE) is None:
        return []
    match = _MISSPELT.match(text)
    word = match["word"].upper() if match else ""
    if word.startswith("SELECT") or (word and distance.OSA.distance(word, "SELECT") <= 2 and word[0] == "S"):
        return [Reading((text.rstrip("; \n"),), True)]
    if re.search(r"\bFROM\b", text[:2_000]) and re.match(r"[\w*\"`(\[]", text):
        cut = statements("SELECT " + text)
        return [Reading(each.texts, False) for each in cut[-1:] if isinstance(each, Statement)]
    return []
