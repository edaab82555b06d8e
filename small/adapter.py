"""LoRA adapters from the examples that `share data` writes.

    python -m small.adapter EXAMPLES OUT --role ROLE [--seconds S] [--tokens T] [--base GGUF] [--prompts SET]

ROLE is bam, sam or lom; `python -m small.scorer` trains the scorer the same way. Examples of held-out
databases are not learnt from. OUT gets the adapter as PEFT writes it, and the card that SHARE reads beside
it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from share_sql.models.load import CARD
from share_sql.models.weights_file import base_weights
from share_sql.prompts.library import BRIEF_SET, SHIPPED_SETS
from small.examples import Reader, read_rows
from small.fit import BATCH_TOKENS, fit
from small.folds import learnable
from small.llama import Llama, save_adapter


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained."""

    rank: int
    alpha: int
    epochs: float
    rate: float
    """Highest learning rate."""
    seconds: float
    """Bound on the training by the clock; about what the shipped adapters had on one H200."""
    longest: int = 1600
    """Tokens; longer examples are left out."""
    ends: bool = True
    """Whether the end of an answer is learnt too. The scorer's answer is one word."""


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "bam": Recipe(rank=8, alpha=16, epochs=2, rate=1e-3, seconds=60),
        "sam": Recipe(rank=16, alpha=32, epochs=3, rate=8e-4, seconds=190),
        "lom": Recipe(rank=16, alpha=32, epochs=4, rate=8e-4, seconds=265),
        "scorer": Recipe(rank=24, alpha=48, epochs=3, rate=6e-4, seconds=325, longest=512, ends=False),
    }
)


def trained(role: str, rows: list[dict[str, Any]], args: argparse.Namespace) -> tuple[Llama, Reader]:
    """Train a role's adapter and write it.

    Args:
        role: a key of RECIPES.
        rows: examples; those of held-out databases are not learnt from.
        args: what `arguments` parsed; `out` gets adapter and card.

    Returns:
        The model and its tokenizer.
    """
    recipe, base = RECIPES[role], args.base or base_weights()
    torch.manual_seed(0)
    reader = Reader.of(base)
    examples, _ = reader.examples(learnable(rows), recipe.longest, ends=recipe.ends)
    print(f"{role}: {len(examples)} examples, {examples.lengths().sum():,} tokens", flush=True)
    model = Llama(base, recipe.rank, recipe.alpha).to(device())
    seconds = args.seconds or recipe.seconds
    fit(model, examples, epochs=recipe.epochs, rate=recipe.rate, seconds=seconds, tokens=args.tokens)
    save_adapter(model, args.out)
    (args.out / CARD).write_text(json.dumps({"prompts": args.prompts}) + "\n", encoding="utf-8")
    return model, reader


def device() -> str:
    """Where to compute."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def arguments(description: str | None, *files: str) -> argparse.ArgumentParser:
    """A parser of files, and of the options that all trainings have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in files:
        parser.add_argument(name, type=Path)
    parser.add_argument("--seconds", type=float, help="bound on the training, in place of its own")
    parser.add_argument("--tokens", type=int, default=BATCH_TOKENS, help="of a batch; some 2000 on a CPU")
    parser.add_argument(
        "--base", type=Path, help="GGUF file of the base; default: what `share models pull` got"
    )
    parser.add_argument(
        "--prompts", default=BRIEF_SET, choices=SHIPPED_SETS, help="set that the examples were made with"
    )
    return parser


def main() -> None:
    """Train bam, sam or lom."""
    parser = arguments(__doc__, "examples", "out")
    parser.add_argument("--role", required=True, choices=[role for role in RECIPES if role != "scorer"])
    args = parser.parse_args()
    trained(args.role, read_rows(args.examples), args)


if __name__ == "__main__":
    main()
