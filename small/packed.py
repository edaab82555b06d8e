"""Examples of one database in one sequence: what their prompts begin with alike is read once.

A drafter's prompt begins with the database's tables, which are most of it. A sequence is that beginning, then
what follows in each example; an example sees the beginning and itself. So a question costs its own words and
its answer, a third of its prompt.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from small.examples import Examples, Ids
from small.llama import attention

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
        return len(self.begin) + len(self.rest) * max(map(len, self.rest))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Ids and positions [1, length], the places whose next token is an answer's, and those tokens. Each
        example takes as many places as the longest."""
        start, room = len(self.begin), max(map(len, self.rest))
        ids = np.zeros(len(self), np.int64)
        ids[:start] = self.begin
        positions = np.concatenate((np.arange(start), *(start + np.arange(room) for _ in self.rest)))
        places, targets = [], []
        for number, (each, answer) in enumerate(zip(self.rest, self.answers, strict=True)):
            at = start + number * room
            ids[at : at + len(each)] = each
            places.append(np.arange(at + len(each) - answer, at + len(each)) - 1)
            targets.append(each[len(each) - answer :].astype(np.int64))
        found = (ids[None], positions[None], np.concatenate(places), np.concatenate(targets))
        return tuple(torch.from_numpy(each) for each in found)  # type: ignore[return-value]

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention: the beginning sees itself, each example the beginning and itself."""
        start, count, room = len(self.begin), len(self.rest), max(map(len, self.rest))
        sees = torch.ones(room, start + room, dtype=torch.bool, device=q.device).tril(start)
        whole = torch.ones(start, start, dtype=torch.bool, device=q.device).tril()
        of_begin = attention(q[:, :, :start].contiguous(), k[:, :, :start], v[:, :, :start], whole)

        def each(x: Tensor) -> Tensor:
            return x[0, :, start:].unflatten(1, (count, room)).transpose(0, 1)

        def behind(x: Tensor) -> Tensor:
            return torch.cat((x[:, :, :start].expand(count, -1, -1, -1), each(x)), 2)

        of_rest = attention(each(q).contiguous(), behind(k), behind(v), sees)
        return torch.cat((of_begin, of_rest.transpose(0, 1).flatten(1, 2)[None]), 2)


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
        # Examples of about one length, so that little is padded.
        room = {i: len(examples.prompts[i]) - common + len(examples.answers[i]) for i in members}
        members.sort(key=lambda i: room[i] * rng.uniform(0.85, 1.15))
        chosen: list[int] = []
        for i in members:
            if chosen and max(room[j] for j in (*chosen, i)) * (len(chosen) + 1) > tokens:
                found.append(_sequence(examples, chosen, common))
                chosen = []
            chosen.append(i)
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
