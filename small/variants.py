"""A drafter's prompt with its tables in another order, and fewer of them where they are long."""

from __future__ import annotations

import random
import re

LONGEST_SCHEMA = 2_600
"""Characters of a schema's tables, about 900 tokens."""
_PROMPT = re.compile(r"(Tables:\n)(.*?)(\n(?:Keys|Values): .*)", re.DOTALL)


def varied(prompt: str, answer: str, rng: random.Random, *, shuffled: bool) -> str:
    """The prompt changed so that nothing is learnt of its tables' order or number.

    Args:
        prompt: of the prompt set `brief`, a line a table.
        answer: tables that it names stay in the prompt; where a schema is long, others are left out by lot.
        rng: draws.
        shuffled: whether the order changes too.

    Raises:
        ValueError: the prompt is of another set.
    """
    match = _PROMPT.fullmatch(prompt)
    if match is None:
        raise ValueError("this is no drafter's prompt of the set `brief`")
    head, block, tail = match.groups()
    tables = block.split("\n")
    kept = {
        table for table in tables if re.search(rf"(?<!\w){re.escape(table.partition('(')[0])}(?!\w)", answer)
    }
    others = [table for table in tables if table not in kept]
    rng.shuffle(others)
    room = LONGEST_SCHEMA - sum(len(table) for table in tables if table in kept)
    for table in others:
        room -= len(table)
        if room > 0:
            kept.add(table)
    tables = [table for table in tables if table in kept]
    if shuffled:
        rng.shuffle(tables)
    return head + "\n".join(tables) + tail
