"""From an answer to statements: the fence, the prose around it, and one text per step."""

from __future__ import annotations

import re
from dataclasses import dataclass

from share_sql.trajectory.lexer import quote, without_strings
from share_sql.trajectory.words import STOP_WORDS, word_set


@dataclass(frozen=True, slots=True)
class Statement:
    """One step, not parsed yet."""

    name: str
    """The step's name."""
    text: str
    """Its value, on as many lines as it was written."""


_START = re.compile(
    r"\s*(?:>\s*)?(`[^`]+`|[^\W\d][\w.]*(?:\[MASK\d*\]\w*)*|\[MASK\d*\]\w*)\s*=(?!=)\s*(.*)", re.DOTALL
)
_FRAME_VALUE = re.compile(r"[(\s]*(?:df\d*|tmp\w*|res)\b", re.IGNORECASE)
_KEYWORDS = word_set(
    "element filter value values by on distinct when then else using as element2 filter2 pattern mode"
    " operation function natural columns offset schema sql"
)
_EXPRESSION = re.compile(r"\s*(?:df\d*|tmp_res\d*)\s*\.\s*\w+\s*\(", re.IGNORECASE)
_CONTINUES = re.compile(r"\s*(?:[.,)\]*/|+=-]|and\b|or\b|as\b)", re.IGNORECASE)
_PROSE = re.compile(r"\s*([^\W\d]\w*)\s+([^\W\d]\w*)")
_OPENERS = word_set("not case distinct exists interval")
_LONG_STEP = 2_000
_MOST_QUOTED = 50
"""Semicolons in quotes that are looked at in one line: the line up to each is gone through."""
_SEVERAL = re.compile(r";\s*(?=[^\W\d]\w*\s*=\s*df)")
_COMMENT = re.compile(r"\s*(?:#|--|//)")


def statements_of(text: str) -> tuple[str | None, list[Statement], list[str]]:
    """Find the steps in an answer.

    Args:
        text: what the model wrote.

    Returns:
        The fence's word (None without a fence), the statements, and notes on what was left out.
    """
    notes: list[str] = []
    best: tuple[str | None, list[Statement], list[str]] | None = None
    for fence, body in _blocks(text):
        own: list[str] = []
        found = _split(body, own)
        if not found:
            continue
        if best is not None:
            defined = {step.name.lower() for step in found}
            used = {
                name.lower() for step in found for name in re.findall(r"\b(?:df|tmp_res)\d+\b", step.text)
            }
            if used - defined:  # the block goes on where the one before it ended
                found = [*best[1], *found]
                notes.append("the trajectory goes on in a further fenced block")
            elif (best[0] or "").lower() == "sr" and (fence or "").lower() != "sr":
                continue
        best = (fence, found, own)
    if best is None:
        return None, [], notes
    return best[0], best[1], notes + best[2]


def _blocks(text: str) -> list[tuple[str | None, str]]:
    """Fenced blocks, an unclosed one to the end; the whole text where there is none."""
    if "```" not in text:
        return [(None, text)]
    blocks: list[tuple[str | None, str]] = []
    pieces = text.split("```")
    if any(map(_is_start, pieces[0].split("\n"))):
        blocks.append((None, pieces[0]))
    for piece in pieces[1:]:
        word = re.match(r"[ \t]*([\w+-]*)[ \t]*(?:\n|$)", piece)
        if word:
            blocks.append((word[1], piece[word.end() :]))
        else:
            first = piece.split(None, 1)
            named = bool(first) and first[0].lower() in ("sr", "sql", "python", "text")
            blocks.append((first[0], first[1]) if named and len(first) > 1 else ("", piece))
    return blocks


def _is_start(line: str) -> re.Match[str] | None:
    match = _START.match(line)
    return match if match and match[1].lower() not in _KEYWORDS else None


def _split(body: str, notes: list[str]) -> list[Statement]:
    """Cut a block into statements."""
    found: list[list[str]] = []
    names: set[str] = set()
    open_brackets = 0
    for line in body.replace("\r\n", "\n").split("\n"):
        if not line.strip() or _COMMENT.match(line):
            continue
        for part in _several(line) if ";" in line else (line,):
            match = _is_start(part)
            if (
                match
                and (open_brackets <= 0 or _FRAME_VALUE.match(match[2]))
                and (open_brackets > 0 or _is_value(match[2], names))
            ):
                found.append([match[1].strip("`"), match[2]])
                names.add(found[-1][0].lower())
                open_brackets = _open(match[2])
            elif found and (
                open_brackets > 0
                or _CONTINUES.match(part)
                or found[-1][1].rstrip().endswith(("=", "\\", ","))
            ):
                found[-1][1] += "\n" + part
                # A text in quotes may go on over lines; of a long step each line is counted by itself.
                is_long = len(found[-1][1]) > _LONG_STEP
                open_brackets = open_brackets + _open(part) if is_long else _open(found[-1][1])
            elif _EXPRESSION.match(part):
                found.append(["res", part])
                names.add("res")
                notes.append("a step without a name was taken as res")
                open_brackets = _open(part)
            else:
                notes.append(f"left out: {' '.join(part.split())[:80]}")
    return [Statement(name, text) for name, text in found]


def _is_value(text: str, names: set[str]) -> bool:
    """Whether what stands after `name =` can be a step's value and is no prose: two words in a row, the first
    of them no step's name."""
    prose = _PROSE.match(text)
    if not prose or _FRAME_VALUE.match(text):
        return True
    first, second = prose[1].lower(), prose[2].lower()
    if first in _OPENERS or second in STOP_WORDS:
        return True
    return first in names


def _several(line: str) -> list[str]:
    """The statements on one line; a semicolon in quotes parts nothing."""
    parts: list[str] = []
    at = quoted = 0
    for match in _SEVERAL.finditer(line):
        left = without_strings(line[at : match.start()])
        if "'" not in left and '"' not in left and "`" not in left:
            parts.append(line[at : match.start()])
            at = match.end()
        else:
            quoted += 1
            if quoted == _MOST_QUOTED:
                break
    return [*parts, line[at:]]


def _open(text: str) -> int:
    """How many brackets are open at the end of a text."""
    count = text.count("(") - text.count(")")
    if count or "[" in text or "{" in text:
        bare = without_strings(text)
        count = bare.count("(") - bare.count(")") + bare.count("[") - bare.count("]")
        count += bare.count("{") - bare.count("}")
    return count


_FILTER = re.compile(
    r"(\b(?:filter\d?|value|pattern)\s*=\s*)(['\"])(.{0,500}?)(?:\2|(?=\)\s*\Z))(?=\s*\)+\s*(?:\Z|\.\s*\w+\s*\()|\s*,\s*\w+\s*=\s)",
    re.DOTALL,
)


def mend_quotes(text: str) -> str:
    """Quote the filters of a statement again, each as one text up to where it must end.

    A model's `filter = 'in ('a', 'b')'` or `filter = 'Women's Soccer'` ends where its bracket closes and
    the chain goes on or the line ends, not at the first quote inside.
    """
    if len(text) > 20_000:
        return text

    def requote(match: re.Match[str]) -> str:
        inner, mark = match[3], match[2]
        if "(" not in inner and re.search(f"{mark}\\s*,\\s*{mark}", inner):
            return match[0]  # several texts, not one
        inner = inner.replace("\\" + mark, mark).replace(mark + mark, mark)
        return match[1] + quote(inner)

    return _FILTER.sub(requote, text)
