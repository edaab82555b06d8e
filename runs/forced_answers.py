"""Answers of a recorded run, handed back while an engine does the work of their lengths.

A small base rambles on prompts that it was not trained on, so that two ways to ask it would differ by
noise. So each answer is forced: the engine reads the prompt as it is and writes as many tokens as the
recorded answer has (`ignore_eos`, `min_tokens`, `max_tokens`), and the recorded text stands in the answer's
place, so that the next stage gets what it would get from the published models.

Only the standard library is used: vLLM's environment reads this too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROLES = ("bam", "mask", "sam", "lom", "generator")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Forced:
    """One recorded answer."""

    case: str
    """The case's id."""
    role: str
    """Whose answer it is."""
    keys: tuple[str, ...]
    """A prompt that holds one of these is the one that is answered so."""
    text: str
    """The answer."""
    tokens: int = 0
    """Its length, as the engine counts it."""

    def sampling(self) -> dict[str, Any]:
        """What the engine is told, so that it writes as much."""
        return {"max_tokens": self.tokens, "min_tokens": self.tokens, "ignore_eos": True}


class Answers:
    """All recorded answers, found by what a prompt holds.

    Args:
        recorded: of each role.
    """

    def __init__(self, recorded: Iterable[Forced]) -> None:
        self.recorded = tuple(recorded)
        self._keys: dict[str, list[tuple[str, Forced]]] = {role: [] for role in ROLES}
        for each in self.recorded:
            self._keys[each.role] += [(folded(key), each) for key in each.keys if folded(key)]
        for keys in self._keys.values():
            keys.sort(key=lambda pair: -len(pair[0]))  # one question may be a part of another

    def find(self, prompt: str, role: str | None = None) -> Forced | None:
        """The answer to a prompt; None where it is of no case. Where the role is not told, the prompt's form
        says it: the reference shows questions to sam and lom alone, and masks to mask and sam."""
        prompt = folded(prompt)
        if role is not None:
            return next((found for key, found in self._keys[role] if key in prompt), None)
        masks = "[MASK]" in prompt
        return self.find(prompt, "sam" if masks else "lom") or self.find(prompt, "mask" if masks else "bam")


def folded(text: str) -> str:
    """A text by which prompts are compared: white space is one space, and SQL may end with a semicolon."""
    return _SPACE.sub(" ", text).strip().rstrip(";").strip()


def write_answers(path: Path, answers: Iterable[Forced]) -> None:
    """Write recorded answers to a file."""
    path.write_text(json.dumps([asdict(each) for each in answers], indent=1) + "\n", encoding="utf-8")


def read_answers(path: Path) -> Answers:
    """Read what `write_answers` wrote."""
    rows: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return Answers(Forced(**{**row, "keys": tuple(row["keys"])}) for row in rows)


def log(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a line to a log of calls."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
