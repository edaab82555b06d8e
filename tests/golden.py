"""Golden pairs: blocks of `key: value` lines under a title, `== title`."""

from __future__ import annotations

from pathlib import Path


def titled_pairs(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Title and lines of each block; what stands before the first title is a comment."""
    found = []
    for block in path.read_text(encoding="utf-8").split("\n== ")[1:]:
        title, *lines = block.strip().splitlines()
        found.append((title, dict(line.split(": ", 1) for line in lines)))
    return found
