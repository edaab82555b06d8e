"""A scorer that was tried and is not shipped: MiniLM-L6 fitted to say whether a change mends a draft.

    python runs/small/encoder_scorer.py CHECKPOINT PAIRS OUT [SECONDS]

CHECKPOINT is a folder with MiniLM's model.safetensors and tokenizer.json, PAIRS what `pairs.py` wrote.
Pairs of held-out databases are not learnt from; OUT/held.jsonl gets their scores, OUT the fitted weights
(model.safetensors, without the word embeddings, which stay as they are).
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(Path(__file__).parent))
from held_out import report

EPOCHS = 4.0
RATE = 2e-4
TOKENS = 49_152
LONGEST = 320
IDLE_WEIGHT = 0.5
"""Of pairs in which both are wrong: to take such a candidate changes nothing."""


def config() -> BertConfig:
    """MiniLM-L6's shape, with one output."""
    return BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        type_vocab_size=2,
        num_labels=1,
        problem_type="regression",
    )


def load(folder: Path) -> BertForSequenceClassification:
    """The encoder with a new head; word embeddings do not learn."""
    model = BertForSequenceClassification(config())
    held = {name.removeprefix("bert."): t for name, t in load_file(folder / "model.safetensors").items()}
    missing, surplus = model.bert.load_state_dict(held, strict=False)
    print("missing", missing, "surplus", surplus)
    model.bert.embeddings.word_embeddings.weight.requires_grad = False
    return model


def batch_of(encoded: list[Any], rows: list[int], device: str) -> dict[str, Tensor]:
    """Padded inputs."""
    longest = -(-max(len(encoded[i].ids) for i in rows) // 8) * 8

    def padded(which: str) -> Tensor:
        return torch.tensor(
            [getattr(encoded[i], which) + [0] * (longest - len(encoded[i].ids)) for i in rows], device=device
        )

    return {
        "input_ids": padded("ids"),
        "token_type_ids": padded("type_ids"),
        "attention_mask": padded("attention_mask"),
    }


def batches(encoded: list[Any], which: list[int], rng: random.Random) -> list[list[int]]:
    """Indices by about equal lengths, in random order."""
    order = sorted(which, key=lambda i: len(encoded[i].ids) + rng.uniform(0, 6))
    found: list[list[int]] = [[]]
    for i in order:
        if found[-1] and (len(encoded[i].ids) + 8) * (len(found[-1]) + 1) > TOKENS:
            found.append([])
        found[-1].append(i)
    rng.shuffle(found)
    return found


def main() -> None:
    checkpoint, out = Path(sys.argv[1]), Path(sys.argv[3])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 1e9
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    torch.manual_seed(0)
    pairs = [json.loads(line) for line in Path(sys.argv[2]).read_text("utf-8").splitlines()]
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    encoded = tokenizer.encode_batch([(pair["question"], pair["change"]) for pair in pairs])
    learn = [i for i, pair in enumerate(pairs) if not pair["held"]]
    held = [i for i, pair in enumerate(pairs) if pair["held"]]
    labels = torch.tensor([float(pair["label"]) for pair in pairs], device=device)
    weights = torch.tensor(
        [IDLE_WEIGHT if pair["kind"].startswith("idle") else 1.0 for pair in pairs], device=device
    )
    model = load(checkpoint).to(device)
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(wanted, lr=RATE, weight_decay=0.01, fused=device == "cuda")
    each = batches(encoded, learn, rng)
    total = max(1, round(EPOCHS * len(each)))
    print(f"{len(learn)} pairs to learn, {len(held)} held out, {total} steps", flush=True)
    started, step, losses = time.time(), 0, []
    model.train()
    while step < total:
        for rows in batches(encoded, learn, rng):
            if step >= total or time.time() - started > seconds:
                step = total
                break
            share = min(1.0, max((step + 1) / total, (time.time() - started) / seconds))
            factor = share / 0.06 if share < 0.06 else 0.5 * (1 + math.cos(math.pi * (share - 0.06) / 0.94))
            for group in optimiser.param_groups:
                group["lr"] = RATE * factor
            with torch.autocast(device, torch.bfloat16):
                scores = model(**batch_of(encoded, rows, device)).logits[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(scores.float(), labels[rows], weights[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(wanted, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            losses.append(loss.detach())
            step += 1
            if step % max(1, total // 10) == 0:
                recent = torch.stack(losses[-max(1, total // 10) :]).mean().item()
                print(f"  step {step}/{total} loss {recent:.4f} {time.time() - started:.0f} s", flush=True)
    model.eval()
    found: dict[int, float] = {}
    if not held:
        print("no pair is held out")
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for rows in batches(encoded, held, rng) if held else ():
            scores = model(**batch_of(encoded, rows, device)).logits[:, 0].float().tolist()
            found.update(zip(rows, scores, strict=True))
    with (out / "held.jsonl").open("w", encoding="utf-8") as file:
        for i in held:
            file.write(
                json.dumps({"kind": pairs[i]["kind"], "label": pairs[i]["label"], "score": found[i]}) + "\n"
            )
    report([(pairs[i]["kind"], pairs[i]["label"], found[i]) for i in held])
    kept = {
        name: t.to(torch.float16).cpu().contiguous()
        for name, t in model.state_dict().items()
        if "word_embeddings" not in name and "position_ids" not in name
    }
    save_file(kept, out / "model.safetensors")
    print(f"  {out} after {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
