"""What a model wrote, taken apart: thoughts, fences, tags, quoted strings that hold a query.

Nothing is parsed here. Each search is linear: patterns have no nested repetition, and what is found is
bounded.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from share_sql.sql.statements import OPENING, begins_as_query
from share_sql.sql.tag import split_tag

T = TypeVar("T")
_MOST_OBJECTS = 8
_MOST_PIECES = 16
"""Pieces of one kind that are looked at; models do not write more answers into one."""
_THOUGHTS = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
_THOUGHT = re.compile(
    rf"[<\[](?P<tag>{_THOUGHTS})\b[^<>\[\]]*[>\]].*?(?:[<\[]/(?P=tag)\s*[>\]]|\Z)", re.DOTALL | re.IGNORECASE
)
_THOUGHT_END = re.compile(rf"[<\[]/(?:{_THOUGHTS})\s*[>\]]", re.IGNORECASE)
_CHANNEL = "<|message|>"
_FENCE = re.compile(
    r"(?P<mark>`{3,9}|~{3,9}|^[ \t]*(?:'''|\"\"\"))[ \t]*(?P<info>[\w+#-]*)(?P<text>.*?)(?:(?P=mark)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_QUERY = OPENING
_TAG = re.compile(
    rf"<(?P<name>[A-Za-z_][\w:.-]*(?:=\"?[\w.-]+\"?)?)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[\s*)?(?=\(*{_QUERY})",
    re.IGNORECASE,
)
# Each comment ends where it may first: else many of them could be told apart in many ways.
_BEGINS = re.compile(rf"\s*+(?>(?:--[^\n]*+|/\*.*?\*/)\s*+)*+(?:\(\s*+)*+{_QUERY}", re.IGNORECASE | re.DOTALL)
_TAG_END = re.compile(r"\]\]>|</|\Z")
_OPENING = re.compile(rf"[\"'`“‘«](?=\s*(?:\(\s*)*{_QUERY})", re.IGNORECASE)
_CLOSING = {"“": "”", "‘": "’", "«": "»"}
_NAMED = re.compile(r"[\"']?(?P<name>[A-Za-z][\w .-]*)[\"']?\s*[:=]\s*\(?\s*[fFrRbBuU]{0,2}\Z")
_GOOD_NAME = re.compile(
    r"sql|query|answer|code|final|statement|correct|fixed|output|result|response", re.IGNORECASE
)
_BAD_NAME = re.compile(
    r"wrong|bad|old|orig|draft|previous|before|intermediate|example|sample|alternat|check|schema|thought"
    r"|reason|plan|incorrect|invalid|verif|first|initial|attempt|explain|explanation",
    re.IGNORECASE,
)
_NOT_THIS = re.compile(r"\b(?:not|instead of|rather than|avoid|unlike|than|never)\s*\Z", re.IGNORECASE)
_FINAL_NAME = re.compile(r"final|answer|correct(?!ion)|fixed", re.IGNORECASE)
_NOT_SQL = frozenset((
    "python", "py", "bash", "sh", "shell", "zsh", "console", "output", "json", "xml", "yaml", "csv", "html",
    "javascript", "js", "java", "php", "ruby", "r", "typescript", "ts", "go", "mermaid", "diff", "markdown",
))  # fmt: skip
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " ", "\n": ""}


@dataclass(frozen=True)
class Piece:
    """A part of a text that a model set apart, which may hold a query."""

    texts: tuple[str, ...]
    """Its text; several where its end or its escapes can be read in several ways, best first."""
    rank: int
    """How it presents itself: 0 as the final answer, 1 as the SQL, 2 as code, 3 as a text in quotes, 5 as
    something else than the answer."""
    at: int
    """Where it begins."""


def cleaned(text: str) -> str:
    """The text without BIRD's tag, marks of byte order and width at its ends, and NUL."""
    text, _ = split_tag(text.replace("\x00", ""))
    return text.strip("\ufeff\u200b\u200c\u200d\u2060 \t\r\n\f\v")


def without_thoughts(text: str) -> tuple[str, str]:
    """The text without the blocks in which a model thinks aloud, and those blocks.

    A block may lack its opening or its closing tag.
    """
    if _CHANNEL in text:
        thoughts, _, answer = text.rpartition(_CHANNEL)
        return re.sub(r"<\|\w+\|>", "\n", answer), thoughts
    if _THOUGHT_END.search(text) is None and _THOUGHT.search(text) is None:
        return text, ""
    answer = _THOUGHT.sub("\n", text)
    past = 0
    for end in _THOUGHT_END.finditer(answer):
        past = end.end()
    return answer[past:], _THOUGHT_END.sub("\n", text)


def unescaped(text: str) -> str:
    """The text with the escapes of JSON and Python resolved."""

    def plain(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            char = chr(int(escape[1:], 16))
            return "�" if "\ud800" <= char <= "\udfff" else char
        return _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(plain, text)


def pieces(text: str) -> list[Piece]:
    """Fences, tags and quoted strings that may hold a query, best first; the last of equals first."""
    found = [*_ends_of(list(_values(text))), *_fences(text), *_tags(text), *_strings(text)]
    return sorted(found, key=lambda piece: (piece.rank, -piece.at))


def _last(matches: Iterator[re.Match[str]]) -> list[re.Match[str]]:
    """The last matches, with the first; no more than `_MOST_PIECES`."""
    return _ends_of(list(matches))


def _ends_of(every: list[T]) -> list[T]:
    return every if len(every) <= _MOST_PIECES else [every[0], *every[1 - _MOST_PIECES :]]


def _values(text: str, at: int = 0, depth: int = 0) -> Iterator[Piece]:
    """The strings of JSON in a text that hold a query, those inside strings of JSON too."""
    decoder = json.JSONDecoder(strict=False)
    past = tries = 0
    for match in re.finditer(r"[{\[]", text):
        if match.start() < past:
            continue
        if tries >= _MOST_OBJECTS:
            return
        tries += 1
        try:
            value, past = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        for name, inside in _texts_of(value):
            if depth < 2 and inside.lstrip()[:1] in ("{", "["):
                yield from _values(inside, at + match.start(), depth + 1)
            elif begins_as_query(inside.strip()) or "```" in inside:
                yield Piece((inside,), _name_rank(name, 2), at + match.start())


def _texts_of(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Each string inside a value of JSON, with the key that it stands under."""
    waiting: deque[tuple[str, object]] = deque([(name, value)])
    while waiting:
        name, value = waiting.popleft()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            waiting += [(f"{key}", inside) for key, inside in value.items()]
        elif isinstance(value, list):
            waiting += [(name, inside) for inside in value]


def _fences(text: str) -> Iterator[Piece]:
    for match in _last(_FENCE.finditer(text)):
        info, inside = match["info"], match["text"]
        if re.match(r"(?:SELECT|WITH)\Z", info, re.IGNORECASE):
            info, inside = "", info + inside
        begins = _BEGINS.match(inside)
        if info.lower() in _NOT_SQL and not begins:
            continue
        rank = 5 if info.lower() in _NOT_SQL else 1
        yield Piece((inside,), _led(text[: match.start()], rank), match.start())


def _led(before: str, rank: int) -> int:
    """The rank of a piece, after the line that leads to it is heard."""
    lead = before[-300:].rstrip("\n \t*:").rpartition("\n")[2]
    lead = re.split(r"[.!?]\s", lead)[-1]
    if re.search(
        r"\b(?:alternativ\w*|verify|sanity|double.check|wrong|incorrect|original|schema|first (?:try|attempt)"
        r"|initial(?:ly)?|instead of|(?:does|did) ?n.t work|to (?:check|test|inspect)|expected|for example"
        r"|intermediate|draft)\b",
        lead,
        re.IGNORECASE,
    ):
        return 5
    return 0 if re.search(r"\b(?:final|corrected|fixed)\b", lead, re.IGNORECASE) else rank


def _name_rank(name: str, otherwise: int) -> int:
    if _BAD_NAME.search(name):
        return 5
    if _FINAL_NAME.search(name):
        return 0
    return 1 if _GOOD_NAME.search(name) else otherwise


def _tags(text: str) -> Iterator[Piece]:
    for match in _last(_TAG.finditer(text)):
        end = _TAG_END.search(text, match.end())
        assert end is not None
        inside = text[match.end() : end.start()]
        yield Piece((inside,), _name_rank(match["name"], 2), match.start())


def _strings(text: str) -> Iterator[Piece]:
    """Quoted strings that begin as a query does: JSON's values, Python's strings, code in prose."""
    past = 0
    for match in _last(_OPENING.finditer(text)):
        at = match.start()
        if at < past:
            continue
        quote = match[0]
        closing = _CLOSING.get(quote, quote)
        if text[at - 2 : at + 1] == quote * 3 and quote in "\"'":
            closing = quote * 3
        end = _end_of_string(text, match.end(), closing)
        inside = text[match.end() : end]
        past = end + len(closing)
        named = _NAMED.search(text[max(0, at - 60) : at].rstrip(quote))
        # In SQL a quoted string may begin with SELECT too, but only SQL stands round it then.
        rank = _name_rank(named["name"], 3) if named else 3
        if _NOT_THIS.search(text[max(0, at - 40) : at].rstrip("`")):
            rank = 5
        yield Piece(tuple(dict.fromkeys(_insides(text, inside, match.end(), past, quote))), rank, at)


def _insides(text: str, inside: str, start: int, past: int, quote: str) -> Iterator[str]:
    """Readings of one string: its escapes resolved, strings that follow joined, its own quotes left alone."""
    if quote == "`":
        yield inside
    else:
        joined, after = [inside], past
        for _ in range(40):
            more = re.compile(r"[\s+\\]*[fFrR]?" + re.escape(quote)).match(text, after)
            if more is None or (quote not in "\"'") or (after == more.end() - 1 and quote == "'"):
                break
            end = _end_of_string(text, more.end(), quote)
            joined.append(text[more.end() : end])
            after = end + 1
        yield unescaped("".join(joined))
        yield inside
        if quote == "'":
            yield inside.replace("''", "'")
    # Quotes inside that nobody escaped: the string goes on to the last one.
    last = text.rfind(_CLOSING.get(quote, quote))
    if last > start:
        yield text[start:last]
        if "\\" in text[start:last]:
            yield unescaped(text[start:last])


def _end_of_string(text: str, start: int, closing: str) -> int:
    """Where the string that begins at `start` is closed; the text's end where it is not."""
    at = start
    while True:
        at = text.find(closing, at)
        if at < 0:
            return len(text)
        slashes = 0
        while at - slashes > start and text[at - slashes - 1] == "\\":
            slashes += 1
        doubled = closing == "'" and text[at + 1 : at + 2] == "'"
        if slashes % 2:
            at += 1
        elif doubled:
            at += 2
        else:
            return at
