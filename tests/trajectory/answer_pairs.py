"""Golden pairs: plain text with titles, `# title`, the input, a line of dots, the expected output."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Pair:
    title: str
    given: str
    expected: str
    unread: int = 0


def pairs(name: str) -> list[Pair]:
    """The pairs of one file."""
    found = []
    for block in re.split(r"(?m)^# ", (FOLDER / name).read_text(encoding="utf-8"))[1:]:
        title, body = block.split("\n", 1)
        given, expected = body.split("\n....\n")
        expected, _, unread = expected.strip().partition("\n! ")
        found.append(Pair(title, given, expected, int(unread or 0)))
    return found
