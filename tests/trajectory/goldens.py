"""Reads golden files: `# title`, then parts divided by lines of four dots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "golden_sql"


@dataclass(frozen=True)
class Golden:
    title: str
    parts: tuple[str, ...]


def goldens(name: str, folder: Path = FOLDER) -> list[Golden]:
    """The entries of one file."""
    text = (folder / name).read_text("utf-8")
    found = []
    for entry in text.split("\n# ")[1:]:
        title, _, body = entry.partition("\n")
        found.append(Golden(title, tuple(part.strip("\n") for part in body.split("\n....\n"))))
    return found
