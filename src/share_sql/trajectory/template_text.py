"""The text of an Sql node: `{}` is a hole, `{{` and `}}` are braces."""

from __future__ import annotations

import re

_PARTS = re.compile(r"\{\{|\}\}|\{\}")


def pieces(text: str) -> list[str]:
    """The text between the holes, one piece more than there are holes; a lone brace stands for itself."""
    found = [""]
    at = 0
    for match in _PARTS.finditer(text):
        found[-1] += text[at : match.start()]
        at = match.end()
        if match[0] == "{}":
            found.append("")
        else:
            found[-1] += match[0][0]
    found[-1] += text[at:]
    return found


def hole_count(text: str) -> int:
    """How many holes a text has."""
    return len(pieces(text)) - 1


def with_holes(parts: list[str]) -> str:
    """The text of these pieces with holes between them."""
    return "{}".join(part.replace("{", "{{").replace("}", "}}") for part in parts)
