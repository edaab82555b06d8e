"""Batches of packed sequences: what a GPU takes in one step."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from small.arrays import Arrays, is_real
from small.batches import batches_by_length, shuffled_batches
from small.llama import Llama
from small.packed import Packed, sequences

_STEP = 16
"""Sequences are padded to a multiple of this, which attention with a mask wants."""
_LATER = 0.25
"""Share of an epoch in which there is nothing but real errors, and at whose end there is none."""


@dataclass(frozen=True)
class Batch:
    """Sequences on the device."""

    ids: Tensor
    positions: Tensor
    bias: Tensor
    """[sequences, 1, length, length]: 0 where a token sees another, minus infinity elsewhere."""
    places: Tensor
    """The flat places whose next token is an answer's."""
    targets: Tensor
    """Those tokens."""

    @classmethod
    def of(cls, packed: Sequence[Packed], model: Llama) -> Batch:
        """A batch of sequences."""
        length = -(-max(map(len, packed)) // _STEP) * _STEP
        ids, positions = np.zeros((2, len(packed), length), np.int64)
        # Padding is an example of its own, and no other sees it.
        of = np.full((len(packed), length), -1, np.int64)
        places: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        for row, each in enumerate(packed):
            start = len(each.begin)
            ids[row, :start], positions[row, :start], of[row, :start] = each.begin, np.arange(start), 0
            at = start
            for number, (rest, answer) in enumerate(zip(each.rest, each.answers, strict=True), 1):
                end = at + len(rest)
                ids[row, at:end], of[row, at:end] = rest, number
                positions[row, at:end] = start + np.arange(len(rest))
                places.append(row * length + np.arange(end - answer, end) - 1)
                targets.append(rest[len(rest) - answer :].astype(np.int64))
                at = end
        on = [torch.from_numpy(each).to(model.device, non_blocking=True) for each in (ids, positions, of)]
        order = torch.arange(length, device=model.device)
        belongs = (on[2][:, None, :] == 0) | (on[2][:, :, None] == on[2][:, None, :])
        sees = (order[:, None] >= order) & belongs
        bias = torch.zeros(sees.shape, dtype=model.dtype, device=model.device)
        bias.masked_fill_(~sees, float("-inf"))
        at_once = (np.concatenate(places), np.concatenate(targets))
        flat = [torch.from_numpy(each).to(model.device, non_blocking=True) for each in at_once]
        return cls(on[0], on[1], bias[:, None], *flat)

    def hidden(self, model: Llama) -> Tensor:
        """The states before the answers' tokens."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            # Keys and values are repeated here: with a mask only the slow way of attention takes fewer of
            # them.
            each = q.shape[1] // k.shape[1]
            k, v = k.repeat_interleave(each, 1), v.repeat_interleave(each, 1)
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=self.bias)

        found: Tensor = model(self.ids, self.positions, lambda _: attend).flatten(0, 1)[self.places]
        return found


def ordered(arrays: Arrays, tokens: int, rng: random.Random) -> list[list[Packed]]:
    """All examples once, in batches in random order, those about real errors earlier by and large: where time
    runs out, they have been learnt.

    Args:
        arrays: the examples.
        tokens: of a batch, padding included.
        rng: draws.
    """
    real = np.isin(arrays.group, np.unique(arrays.group[is_real(arrays)]))
    drawn: list[tuple[float, list[Packed]]] = []
    for part, start in ((np.flatnonzero(real), 0.0), (np.flatnonzero(~real), _LATER)):
        chosen = arrays.take(part)
        packed = sequences(chosen.examples, chosen.group.tolist(), rng)
        lengths = np.array([len(each) for each in packed])
        batches = shuffled_batches(lengths, tokens, rng) if packed else []
        drawn += [(start + rng.random() * (1 - _LATER), [packed[i] for i in batch]) for batch in batches]
    return [batch for _, batch in sorted(drawn, key=lambda each: each[0])]


def sample(arrays: Arrays, most: int, tokens: int) -> list[tuple[Arrays, list[Packed]]]:
    """Some examples, the same each time, a batch each with the examples in the order of its answers.

    Args:
        arrays: the examples.
        most: examples.
        tokens: of a batch.
    """
    rng = random.Random(0)
    chosen = arrays.take(sorted(rng.sample(range(len(arrays)), min(most, len(arrays)))))
    # Each is a sequence of its own, so that a score's example is known.
    packed = [
        Packed(prompt[:-1], (np.concatenate((prompt[-1:], answer)),), (len(answer),))
        for prompt, answer in zip(chosen.examples.prompts, chosen.examples.answers, strict=True)
    ]
    lengths = np.array([len(each) for each in packed])
    batches = batches_by_length(lengths, tokens) if packed else []
    return [(chosen.take(batch), [packed[i] for i in batch]) for batch in batches]
