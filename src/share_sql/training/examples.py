"""Examples to train on: what a model is shown and what it shall answer, with where they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from share_sql.models.base import Message


@dataclass(frozen=True)
class Example:
    """One example."""

    id: str
    """The case's id within its source."""
    source: str
    """The source's name."""
    database: str
    kind: str
    """What the model is shown. gold: the query itself. wrong draft, right draft: a real draft. perturbed:
    gold made wrong. unchanged: gold's own trajectory, with nothing to mend."""
    instruction: str
    """The user's message."""
    output: str
    """The answer."""
    system: str = ""
    """The system message; empty where the prompt set has none."""
    errors: tuple[str, ...] = ()
    """What is wrong with the input, where it was measured or made: the kinds of change that mend it."""
    edits: str = ""
    """The same as the paper counts it (arXiv 2506.00391), `; ` between: `delete where; substitute select`."""
    proof: str = ""
    """How the answer's trajectory was proved: rows, made-up rows, trajectory or model."""
    wrong_by: str = ""
    """How the input was found wrong (or right): rows, made-up rows or trajectory."""
    dialect: str = ""
    """The answer's dialect: paper (joins left out) or extended."""


@dataclass(frozen=True)
class LeftOut:
    """A case that makes no example."""

    id: str
    source: str
    cause: str
    """Why, in one line."""


@dataclass(frozen=True)
class Dataset:
    """The examples for one model, and what was left out: a line for every case."""

    role: str
    """bam, sam or lom."""
    examples: tuple[Example, ...]
    left_out: tuple[LeftOut, ...]


def message_texts(messages: Iterable[Message]) -> tuple[str, str]:
    """System and user text of a rendered prompt."""
    texts = {"system": "", "user": ""}
    for message in messages:
        if message.role in texts:
            texts[message.role] += message.content
    return texts["system"], texts["user"]


def fenced(trajectory: str) -> str:
    """A trajectory as models answer it."""
    return f"```SR\n{trajectory}\n```"
