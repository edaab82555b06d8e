"""What the scorer reads: a question, and how a candidate's trajectory differs from the draft's.

A small model judges a difference better than two long texts that are nearly alike, so both are written as
one, with what changes in braces: `select ( singer.Name { , singer.Age => } )`.
"""

from __future__ import annotations

import difflib
import re

from share_sql.prompts.brief import brief_meaning
from share_sql.query.examined import Examined, Ran
from share_sql.schema.model import Schema
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.write import write

_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|[\w.]+|[<>=!]+|\S")
_KEYWORD = re.compile(r"\b(?:element|filter|by|value) = ")
_STEP = re.compile(r"(\w+) = (\w+)\.(.*)", re.DOTALL)
_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*\.[A-Za-z_]\w*")
_LEAST_ALIKE = 0.4
"""Below this share of common tokens the two are written one after the other: that is no change any more."""
_MOST_MEANINGS = 4
_LONGEST_MEANING = 60


def question_text(question: str, evidence: str) -> str:
    """The first of the scorer's two texts."""
    return f"{question} | {evidence}" if evidence.strip() else question


def query_text(query: Ran) -> str:
    """A query's trajectory on one line, without the names of steps that only pass rows on.

    The SQL itself where it cannot be written as one.
    """
    trajectory = query.trajectory if isinstance(query, Examined) else None
    if isinstance(trajectory, Trajectory):
        return shortened(write(trajectory, "extended"))
    return " ".join(query.sql.split())


def shortened(trajectory: str) -> str:
    """A trajectory's text as `query_text` gives it."""
    lines = [_KEYWORD.sub("", line.strip()) for line in trajectory.splitlines() if line.strip()]
    parts = []
    previous = "df"
    for at, line in enumerate(lines):
        match = _STEP.fullmatch(line)
        if match is None:
            parts.append(line)
            previous = ""
            continue
        name, source, actions = match.groups()
        text = actions if source in (previous, "df") else f"{source}.{actions}"
        later = [other for other in lines[at + 1 :] if re.search(rf"\b{name}\b", other)]
        follows = len(later) == 1 and at + 1 < len(lines) and later[0] is lines[at + 1]
        chained = follows and lines[at + 1].count(name) == 1 and f"= {name}." in lines[at + 1]
        parts.append(text if chained or name == "res" else f"{text} as {name} ;")
        previous = name if chained else ""
    return " ".join(parts)


def change_text(draft: str, candidate: str, schema: Schema) -> str:
    """The second of the scorer's two texts.

    Args:
        draft: its `query_text`.
        candidate: its `query_text`.
        schema: for the meanings of columns that change.
    """
    old, new = _TOKEN.findall(draft), _TOKEN.findall(candidate)
    matcher = _matcher(old, new)
    if matcher.ratio() < _LEAST_ALIKE:
        changed = f"{draft} {candidate}"
        text = f"{{ {draft} => {candidate} }}"
    else:
        parts, moved = [], []
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind == "equal":
                parts.append(" ".join(old[a:b]))
            else:
                parts.append(" ".join(["{", *old[a:b], "=>", *new[c:d], "}"]))
                moved += [*old[a:b], *new[c:d]]
        text, changed = " ".join(parts), " ".join(moved)
    return text + "".join(f" | {meaning}" for meaning in _meanings(changed, schema))


def alike(draft: str, candidate: str) -> bool:
    """Whether two queries, as `query_text` gives them, have enough in common to call it a change."""
    return _matcher(_TOKEN.findall(draft), _TOKEN.findall(candidate)).ratio() >= _LEAST_ALIKE


def _matcher(old: list[str], new: list[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, old, new, autojunk=False)


def _meanings(changed: str, schema: Schema) -> list[str]:
    found: dict[str, str] = {}
    for name in _NAME.findall(changed):
        table, _, column = name.partition(".")
        known = schema.column(table, column)
        if known is not None and known.meaning and len(found) < _MOST_MEANINGS:
            text = brief_meaning(known.meaning)
            if len(text) > _LONGEST_MEANING:
                text = text[:_LONGEST_MEANING].rsplit(" ", 1)[0]
            found[name] = f"{name}: {text}"
    return list(found.values())
