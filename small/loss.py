"""The loss on answers without their scores over the whole vocabulary at once.

Scores over 150,000 tokens take more memory than all else of a small model. Where the embedding is not
trained, the gradient is known with the loss, so that both are worked out in pieces and no scores are kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_AT_ONCE = 1_024
"""Tokens whose scores are there at once; 0.6 GB of 150,000 words."""


class _AnswerLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
        total = torch.zeros((), device=hidden.device)
        grad = torch.empty_like(hidden)
        for start in range(0, len(hidden), _AT_ONCE):
            part, wanted = hidden[start : start + _AT_ONCE], targets[start : start + _AT_ONCE]
            scores = (part @ embedding.T).float()
            sums = scores.logsumexp(-1, keepdim=True)
            total += (sums[:, 0] - scores.gather(1, wanted[:, None])[:, 0]).sum()
            scores = scores.sub_(sums).exp_()
            scores.scatter_add_(1, wanted[:, None], -torch.ones_like(scores[:, :1]))
            grad[start : start + _AT_ONCE] = (scores / len(hidden)).to(hidden.dtype) @ embedding
        ctx.save_for_backward(grad)
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (grad,) = ctx.saved_tensors
        return grad * above.to(grad.dtype), None, None


def answer_loss(hidden: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the tokens that come next.

    Args:
        hidden: states [tokens, width] before them.
        embedding: [vocabulary, width], of the same type, not trained.
        targets: [tokens].
    """
    found: Tensor = _AnswerLoss.apply(hidden, embedding, targets)
    return found
