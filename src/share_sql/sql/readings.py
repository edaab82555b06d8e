"""From what a model wrote to the queries that it may mean, the likeliest first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from share_sql.sql.answer import cleaned, pieces, unescaped, without_thoughts
from share_sql.sql.statements import Statement, begins_as_query, creates, statements, writes

MOST_TEXTS = 32
"""Texts that are tried at most, of all readings together."""
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
        The likeliest first, `MOST_TEXTS` texts at most; nothing where there is no SQL.
    """
    answer, thoughts = without_thoughts(cleaned(text))
    if writes(answer):
        return (Reading((answer.strip(),), True),) if begins_as_query(answer) else ()
    found = _read(answer) or (_read(thoughts) if thoughts and not writes(thoughts) else [])
    kept: list[Reading] = []
    seen: set[str] = set()
    for reading in found:
        texts = tuple(each for each in dict.fromkeys(reading.texts) if each not in seen)
        texts = texts[: MOST_TEXTS - len(seen)]
        seen.update(texts)
        if texts:
            kept.append(Reading(texts, reading.sure))
    return tuple(kept)


def _read(text: str, depth: int = 0) -> list[Reading]:
    found: list[Reading] = []
    if begins_as_query(text):
        found += _queries(text)
        if found and "\n" not in text and len(found[0].texts) == 1 and len(found) == 1:
            return found
    else:
        for piece in pieces(text):
            for inside in piece.texts:
                found += _queries(inside.strip(), sure=piece.rank < 5)
        found += _queries(text)
    if depth < 2:
        for other in (_PROMPT.sub("", text), _TOKEN.sub("\n", text)):
            if other != text:
                found += _read(other, 2)
        if "\\n" in text or '\\"' in text:
            found += _read(unescaped(text), depth + 1)
    if not found and depth == 0:
        found += _misspelt(text)
    return found


def _queries(text: str, *, sure: bool = True) -> list[Reading]:
    """The queries in a piece of text; nothing beside a statement that makes tables."""
    if creates(text):
        return []
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
