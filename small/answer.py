"""Answers of a model to many prompts at once: the likeliest of each, and others drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from small.batches import batches_by_length
from small.examples import Ids
from small.fit import rows_of
from small.llama import Attention, Llama, causal

ROOM = 1_500_000
"""Tokens of prompts and answers whose keys and values are kept at once; SmolLM2-135M takes 23 KB a token."""
_LOOKED_AFTER = 16
"""Steps after which finished answers are taken out of the batch."""


class _Cache:
    """Keys and values of a batch: those of its prompts, then of its answers."""

    def __init__(self, model: Llama, lengths: Tensor, width: int, room: int) -> None:
        shape = model.shape
        size = (shape.layers, len(lengths), shape.kv_heads, width + room, shape.head)
        self.keys = torch.empty(size, dtype=model.dtype, device=model.device)
        self.values = torch.empty_like(self.keys)
        place = torch.arange(width + room, device=model.device)
        self.hidden = (place >= lengths[:, None]) & (place < width)
        """[rows, room]: padding behind prompts."""
        self.used = width
        """Columns that are filled."""

    def of_prompts(self, number: int, each: int) -> Attention:
        """A layer's attention of whole prompts, which keeps their keys and values in `each` rows."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self.keys[number, :, :, : self.used] = k.repeat_interleave(each, 0)
            self.values[number, :, :, : self.used] = v.repeat_interleave(each, 0)
            return causal(q, k, v)

        return attend

    def of_token(self, number: int) -> Attention:
        """A layer's attention of the newest token of each row."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = (kept[number, :, :, : self.used] for kept in (self.keys, self.values))
            keys[:, :, -1], values[:, :, -1] = k[:, :, 0], v[:, :, 0]
            rows, heads, _, head = q.shape
            grouped = q.view(rows, k.shape[1], heads // k.shape[1], head)
            score = (grouped @ keys.transpose(-1, -2)).float() / math.sqrt(head)
            score = score.masked_fill(self.hidden[:, None, None, : self.used], -1e9)
            return (score.softmax(-1).to(q.dtype) @ values).view(rows, heads, 1, head)

        return attend

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        self.hidden = self.hidden[rows]


@torch.inference_mode()
def answers(
    model: Llama,
    prompts: list[Ids],
    end: int,
    *,
    samples: int = 0,
    temperature: float = 1.0,
    longest: int = 160,
    seed: int = 0,
) -> Iterator[tuple[int, list[int], float]]:
    """Answers to prompts: of each the likeliest by greedy choice, then `samples` drawn.

    Args:
        model: on the device to use.
        prompts: token ids.
        end: the token that ends an answer.
        samples: answers to draw beside the likeliest.
        temperature: of the drawn ones.
        longest: tokens of an answer.
        seed: fixes what is drawn.

    Yields:
        Position of the prompt, token ids without `end`, their summed log-probability at temperature 1.
    """
    torch.manual_seed(seed)
    each = 1 + samples
    lengths = np.array([len(prompt) for prompt in prompts])
    for batch in batches_by_length(lengths + longest, ROOM // each):
        tokens, sums = _of_batch(model, [prompts[i] for i in batch], end, each, temperature, longest)
        for row, ids in enumerate(tokens):
            yield batch[row // each], ids[: ids.index(end)] if end in ids else ids, sums[row]


def _of_batch(
    model: Llama, prompts: list[Ids], end: int, each: int, temperature: float, longest: int
) -> tuple[list[list[int]], list[float]]:
    """`each` answers a prompt, the greedy one first, with their log-probabilities."""
    device = model.device
    given = torch.from_numpy(rows_of(prompts)).to(device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    place = lengths.repeat_interleave(each)
    cache = _Cache(model, place, given.shape[1], longest)
    hidden = model(given, attend=lambda number: cache.of_prompts(number, each))
    last = hidden[torch.arange(len(prompts), device=device), lengths - 1].repeat_interleave(each, 0)
    rows = len(place)
    greedy = torch.arange(rows, device=device) % each == 0
    tokens = torch.full((rows, longest), end, dtype=torch.long, device=device)
    sums = torch.zeros(rows, device=device)
    done = torch.zeros(rows, dtype=torch.bool, device=device)
    live = torch.arange(rows, device=device)
    for step in range(longest):
        scores = model.logits(last)
        chosen = scores.argmax(-1)
        if each > 1:
            drawn = torch.multinomial((scores / temperature).softmax(-1), 1)[:, 0]
            chosen = torch.where(greedy[live], chosen, drawn)
        logprob = scores.log_softmax(-1).gather(1, chosen[:, None])[:, 0]
        sums[live] += torch.where(done[live], 0.0, logprob)
        tokens[live, step] = torch.where(done[live], end, chosen)
        done[live] |= chosen == end
        if (step + 1) % _LOOKED_AFTER == 0:
            going = ~done[live]
            if not bool(going.any()):
                break
            if int(going.sum()) < 0.8 * len(live):
                cache.keep(going)
                live, chosen, place = live[going], chosen[going], place[going]
        cache.used += 1
        last = model(chosen[:, None], place[:, None] + step, cache.of_token)[:, 0]
    return tokens.tolist(), sums.tolist()
