"""One LoRA adapter of SmolLM2-135M from the examples that `share data` writes.

    python runs/small/finetune.py GGUF TOKENIZER EXAMPLES OUT [--rank R] [--alpha A] [--epochs E] [--rate LR]
                                  [--seconds S] [--longest T]

EXAMPLES is `bam_train_data.json` or another of LLaMA-Factory's layout (instruction, output, system). OUT
gets the adapter as PEFT writes it. The same can be had from `share train`; this is many times faster on one
large GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
from examples import EOS, Examples
from llama import Llama, save_adapter, train


def chatml(system: str, user: str) -> str:
    """As `share_sql.models.embedded.chatml`, which is not at hand where training runs."""
    parts = [("system", system)] if system else []
    parts.append(("user", user))
    return (
        "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in parts) + "<|im_start|>assistant\n"
    )


def read_examples(path: Path, tokenizer: Tokenizer, longest: int) -> Examples:
    """Tokenised, without those that are too long."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    prompts = tokenizer.encode_batch([chatml(row.get("system", ""), row["instruction"]) for row in rows])
    answers = tokenizer.encode_batch([row["output"] for row in rows])
    found = Examples([], [])
    for prompt, answer in zip(prompts, answers, strict=True):
        if len(prompt.ids) + len(answer.ids) < longest:
            found.prompts.append(np.array(prompt.ids, dtype=np.uint16))
            found.answers.append(np.array([*answer.ids, EOS], dtype=np.uint16))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf", type=Path)
    parser.add_argument("tokenizer")
    parser.add_argument("examples", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=float, default=32)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--longest", type=int, default=1600)
    args = parser.parse_args()
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    started = time.time()
    examples = read_examples(args.examples, Tokenizer.from_file(args.tokenizer), args.longest)
    print(f"{args.out.name}: {len(examples)} examples, {examples.lengths().sum():,} tokens", flush=True)
    model = Llama(args.gguf, args.rank, args.alpha).to(device)
    train(
        model,
        examples,
        epochs=args.epochs,
        rate=args.rate,
        seconds=args.seconds,
        tokens=20_480,
        log=lambda line: print(line, flush=True),
    )
    save_adapter(model, args.out)
    print(f"  {args.out} after {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
