"""Fitting a model to examples: batches by tokens, AdamW, a schedule that ends by steps or by the clock."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from small.batches import batches_by_length, shuffled_batches
from small.examples import Examples
from small.llama import Llama

BATCH_TOKENS = 24_576
"""Of a batch, padding included: what one large GPU takes."""
WARM_UP = 0.05
"""Share of the schedule in which the rate rises."""


def fit(
    model: Llama,
    examples: Examples,
    *,
    epochs: float,
    rate: float,
    decay: float = 0.0,
    seed: int = 0,
    seconds: float = math.inf,
    tokens: int = BATCH_TOKENS,
) -> None:
    """Fit to the answers: AdamW, linear warm-up, cosine to nothing. Prints its progress.

    Args:
        model: trained where its parameters ask for gradients.
        examples: prompts and answers.
        epochs: may be a fraction.
        rate: highest learning rate.
        decay: weight decay.
        seed: fixes the batches.
        seconds: the schedule ends here at the latest.
        tokens: of a batch, padding included.
    """
    rng = random.Random(seed)
    lengths = examples.lengths()
    total = max(1, round(epochs * len(batches_by_length(lengths, tokens))))
    plan: list[list[int]] = []
    while len(plan) < total:
        plan += shuffled_batches(lengths, tokens, rng)
    wanted = [each for each in model.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(
        wanted, lr=rate, betas=(0.9, 0.98), weight_decay=decay, fused=model.device.type != "cpu"
    )
    model.train()
    started, losses, seen = time.monotonic(), [], 0
    for step, batch in enumerate(plan[:total], 1):
        # A schedule by the clock where that runs out first: other trainings may share the GPU.
        share = max(step / total, (time.monotonic() - started) / seconds)
        if share > 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(share)
        ids, places, targets = padded(examples, batch, model.device)
        hidden = model(ids).flatten(0, 1)
        loss = functional.cross_entropy(model.logits(hidden[places]), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(wanted, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += ids.numel()
        losses.append(loss.detach())
        each = max(1, total // 12)
        if step % each == 0:
            recent = torch.stack(losses[-each:]).mean().item()
            spent = time.monotonic() - started
            print(
                f"  step {step}/{total} loss {recent:.4f}, {spent:.0f} s, {seen / spent:,.0f} tokens/s",
                flush=True,
            )
    model.eval()


def schedule(share: float) -> float:
    """What part of the highest rate is used when this share of the schedule is done."""
    if share < WARM_UP:
        return share / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def padded(examples: Examples, batch: list[int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """A batch: ids [rows, length], the flat places whose next token is an answer's, and those tokens."""
    both = [np.concatenate((examples.prompts[i], examples.answers[i])) for i in batch]
    ids = rows_of(both)
    places = [
        row * ids.shape[1] + np.arange(len(each) - len(examples.answers[i]), len(each)) - 1
        for row, (i, each) in enumerate(zip(batch, both, strict=True))
    ]
    targets = np.concatenate([examples.answers[i] for i in batch]).astype(np.int64)
    found = (ids, np.concatenate(places), targets)
    return tuple(torch.from_numpy(each).to(device, non_blocking=True) for each in found)  # type: ignore[return-value]


def rows_of(texts: list[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Token ids as rows of one length, a multiple of 16, with zeros behind."""
    ids = np.zeros((len(texts), -(-max(map(len, texts)) // 16) * 16), np.int64)
    for row, each in enumerate(texts):
        ids[row, : len(each)] = each
    return ids
