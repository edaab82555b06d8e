"""Golden pairs: blocks of `key: value` lines under a title, `== title`; `| ` goes on with the line before."""

from __future__ import annotations

from pathlib import Path


def titled_pairs(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Title and lines of each block; what stands before the first title is a comment."""
    found = []
    for block in path.read_text(encoding="utf-8").split("\n== ")[1:]:
        title, *lines = block.strip().splitlines()
        pair: dict[str, str] = {}
        key = ""
        for line in lines:
            if line.startswith("|"):
                pair[key] += "\n" + line[1:].removeprefix(" ")
            else:
                key, pair[key] = line.split(":", 1)
                pair[key] = pair[key].removeprefix(" ")
        found.append((title, pair))
    return found
