"""One LoRA adapter of SmolLM2-135M from the examples that `share data` writes.

    python runs/small/finetune.py GGUF TOKENIZER EXAMPLES OUT [--rank R] [--alpha A] [--epochs E] [--rate LR]
                                  [--seconds S] [--longest T]

EXAMPLES is `bam_train_data.json` or another of LLaMA-Factory's layout (instruction, output, system), without
examples of held-out databases; or `drafting.npz` as `draft_data.py` writes it, whose held-out examples are
not learnt from but tell how well the model does. Rank 0 fits the whole model, which is only reported on. OUT
gets the adapter as PEFT writes it. The same can be had from `share train`; this is many times faster on one
large GPU.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
from examples import EOS, Examples
from folds import held_out
from llama import Llama, answer, batches, causal, padded, save_adapter, train


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
    for prompt, output in zip(prompts, answers, strict=True):
        if len(prompt.ids) + len(output.ids) < longest:
            found.prompts.append(np.array(prompt.ids, dtype=np.uint16))
            found.answers.append(np.array([*output.ids, EOS], dtype=np.uint16))
    return found


def read_drafting(path: Path, longest: int) -> tuple[Examples, Examples]:
    """What to learn from, and the held-out examples in their schema's own order."""
    every = Examples.load(path)
    told = [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]
    hidden = [held_out(row["source"], row["database"]) for row in told]
    fits = every.lengths() < longest
    learn = [i for i in range(len(told)) if not hidden[i] and fits[i]]
    held = [i for i, row in enumerate(told) if hidden[i] and fits[i] and not row["variant"]]
    return every.take(learn), every.take([i for i in held if told[i]["source"].startswith("spider")])


@torch.inference_mode()
def report(model: Llama, held: Examples) -> None:
    """The loss a token of held-out answers, and how many are given word for word."""
    lost = tokens = 0.0
    device = str(model.embedding.device)
    for batch in batches(held.lengths(), 32_768, random.Random(0)):
        ids, places, targets = padded(held, batch, device)
        positions = torch.arange(ids.shape[1], device=ids.device)[None].expand_as(ids)
        hidden = model(ids, positions, lambda _: causal).flatten(0, 1)[places]
        lost += float(functional.cross_entropy(model.logits(hidden).float(), targets, reduction="sum"))
        tokens += len(targets)
    same = sum(ids == held.answers[i][:-1].tolist() for i, ids, _ in answer(model, held.prompts))
    print(f"  held out: {len(held)} examples, loss {lost / tokens:.4f}, {same} word for word", flush=True)


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
    held = None
    if args.examples.suffix == ".npz":
        examples, held = read_drafting(args.examples, args.longest)
    else:
        examples = read_examples(args.examples, Tokenizer.from_file(args.tokenizer), args.longest)
    print(f"{args.out.name}: {len(examples)} examples, {examples.lengths().sum():,} tokens", flush=True)
    model = Llama(args.gguf, args.rank, args.alpha).to(device)
    train(
        model,
        examples,
        epochs=args.epochs,
        rate=args.rate,
        seconds=args.seconds,
        tokens=24_576,
        log=lambda line: print(line, flush=True),
    )
    if held is not None:
        report(model, held)
    if args.rank:
        save_adapter(model, args.out)
    print(f"  {args.out} after {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
