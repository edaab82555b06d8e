"""Examples of one database in one sequence: what their prompts begin with alike is read once.

A drafter's prompt begins with the database's tables, which are most of it. A sequence is that beginning, then what
follows in each example; an example sees the beginning and itself. So a question costs its own words and its answer,
a third of its prompt.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from small.examples import Examples, Ids
from small.llama import Attention

SEQUENCE = 1_100
"""Tokens of a sequence behind its beginning, at most; a longer example has one of its own."""


@dataclass(frozen=True)
class Packed:
    """A beginning, and the examples that follow it."""

    begin: Ids
    rest: tuple[Ids, ...]
    """Of each example, its prompt behind the beginning and its answer."""
    answers: tuple[int, ...]
    """Tokens of each answer."""

    def __len__(self) -> int:
        return len(self.begin) + sum(map(len, self.rest))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Ids and positions [1, length], what each token sees [length, length], the places whose next token is an
        answer's, and those tokens."""
        start, length = len(self.begin), len(self)
        ids = np.concatenate((self.begin, *self.rest)).astype(np.int64)
        of = np.zeros(length, np.int64)
        positions, places, targets = np.arange(length), [], []
        at = start
        for number, (each, answer) in enumerate(zip(self.rest, self.answers, strict=True), 1):
            of[at : at + len(each)] = number
            positions[at : at + len(each)] = start + np.arange(len(each))
            places.append(np.arange(at + len(each) - answer, at + len(each)) - 1)
            targets.append(each[len(each) - answer :].astype(np.int64))
            at += len(each)
        order = np.arange(length)
        sees = (order[:, None] >= order) & ((of[None] == 0) | (of[:, None] == of[None]))
        found = (ids[None], positions[None], sees, np.concatenate(places), np.concatenate(targets))
        return tuple(torch.from_numpy(each) for each in found)  # type: ignore[return-value]


def seeing(sees: Tensor) -> Attention:
    """Attention of a sequence whose tokens see what `sees` says."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=sees, enable_gqa=True)

    return attend


def sequences(
    examples: Examples, groups: Sequence[Hashable], rng: random.Random, tokens: int = SEQUENCE
) -> list[Packed]:
    """Examples as sequences, in random order.

    Args:
        examples: prompts and answers.
        groups: of each example, what it shares its prompt's beginning with: its database.
        rng: draws the order.
        tokens: of a sequence behind its beginning.
    """
    by_group: dict[Hashable, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        by_group[group].append(i)
    found = []
    for members in by_group.values():
        common = _common([examples.prompts[i] for i in members])
        rng.shuffle(members)
        chosen: list[int] = []
        used = 0
        for i in members:
            room = len(examples.prompts[i]) - common + len(examples.answers[i])
            if chosen and used + room > tokens:
                found.append(_sequence(examples, chosen, common))
                chosen, used = [], 0
            chosen.append(i)
            used += room
        found.append(_sequence(examples, chosen, common))
    rng.shuffle(found)
    return found


def _common(prompts: Sequence[Ids]) -> int:
    """Tokens with which all prompts begin; at least one is left to each."""
    first = prompts[0]
    common = min(map(len, prompts)) - 1
    for each in prompts[1:]:
        differ = np.flatnonzero(first[:common] != each[:common])
        common = int(differ[0]) if len(differ) else common
    return common


def _sequence(examples: Examples, members: Sequence[int], common: int) -> Packed:
    rest = tuple(np.concatenate((examples.prompts[i][common:], examples.answers[i])) for i in members)
    begin = examples.prompts[members[0]][:common]
    return Packed(begin, rest, tuple(len(examples.answers[i]) for i in members))
