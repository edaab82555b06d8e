"""Mends of the text itself, for drafts that no parser takes as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from share_sql.schema.model import Schema

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]")
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True)
class TextEdit:
    """One change of the text."""

    kind: str
    message: str
    sql: str


def text_edits(sql: str, schema: Schema) -> Iterator[TextEdit]:
    """Changes that may make a text readable: names quoted that need it, parentheses closed.

    Args:
        sql: the draft, stripped of prose.
        schema: whose names to look for.
    """
    quoted, names = _quote_names(sql, schema)
    if names:
        shown = ", ".join(names)
        yield TextEdit("unquoted-name", f"{shown} must be quoted", quoted)
    missing = _open_parentheses(quoted)
    if 0 < missing <= 3:
        what = "a closing parenthesis is" if missing == 1 else f"{missing} closing parentheses are"
        yield TextEdit("unclosed-parenthesis", f"{what} missing at the end", quoted + ")" * missing)


def _quote_names(sql: str, schema: Schema) -> tuple[str, list[str]]:
    """Quote each of the schema's names that is no plain identifier, where it stands unquoted."""
    odd = {table.name for table in schema.tables} | {column.name for _, column in schema.columns()}
    names = sorted((name for name in odd if not _PLAIN.match(name)), key=len, reverse=True)
    if not names:
        return sql, []
    pattern = re.compile(
        rf"{_QUOTED.pattern}|(?<![\w.])(?P<lead>(?:\w+\.)?)(?P<name>{'|'.join(map(re.escape, names))})(?!\w)",
        re.IGNORECASE,
    )
    spelled = {name.lower(): name for name in names}
    found: list[str] = []

    def quote(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        name = spelled[match["name"].lower()]
        if name not in found:
            found.append(name)
        doubled = name.replace('"', '""')
        return f'{match["lead"]}"{doubled}"'

    return pattern.sub(quote, sql), found


def _open_parentheses(sql: str) -> int:
    """How many parentheses stay open; negative where one closes that was never opened."""
    bare = _QUOTED.sub("", sql)
    depth = 0
    for char in bare:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return -1
    return depth
