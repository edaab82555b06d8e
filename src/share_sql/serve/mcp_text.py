"""Texts made fit for an agent: short, in one line, with nothing in them that nobody sees."""

from __future__ import annotations

import json


def cut(text: str, longest: int) -> str:
    """A text, cut with a mark that tells how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]} (+{len(text) - longest:,} characters)…"


def one_line(text: str, longest: int) -> str:
    """A text in one line, cut."""
    return cut(" ".join(text.split()), longest)


def visible(text: str) -> str:
    """A text in which control characters, and those that nobody sees, are written as JSON escapes them: they
    steer a terminal, or tell a model what its user does not read."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
