"""Examples as token ids, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EOS = 2
"""`<|im_end|>`, which ends each message and each answer."""


@dataclass
class Examples:
    """Prompts and answers as token ids, back to back; an answer ends in EOS."""

    prompts: list[np.ndarray]
    answers: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.prompts)

    def lengths(self) -> np.ndarray:
        """Tokens of each example."""
        return np.array([len(p) + len(a) for p, a in zip(self.prompts, self.answers, strict=True)])

    def take(self, which: Sequence[int]) -> Examples:
        """Some of them."""
        return Examples([self.prompts[i] for i in which], [self.answers[i] for i in which])

    def save(self, path: Path) -> None:
        """Write as one compressed file."""
        np.savez_compressed(
            path,
            prompts=np.concatenate(self.prompts).astype(np.uint16),
            answers=np.concatenate(self.answers).astype(np.uint16),
            prompt_ends=np.cumsum([len(p) for p in self.prompts]),
            answer_ends=np.cumsum([len(a) for a in self.answers]),
        )

    @classmethod
    def load(cls, path: Path) -> Examples:
        """Read what `save` wrote."""
        held = np.load(path)
        return cls(
            np.split(held["prompts"], held["prompt_ends"][:-1]),
            np.split(held["answers"], held["answer_ends"][:-1]),
        )
