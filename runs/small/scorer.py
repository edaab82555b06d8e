"""The scorer: SmolLM2-135M fitted to answer with yes or no whether a change mends a draft.

    python runs/small/scorer.py GGUF TOKENIZER PAIRS OUT [SECONDS] [FROM]

PAIRS is what `pairs.py` wrote; those of held-out databases are not learnt from. FROM is an adapter to go on
from. OUT gets the adapter, and held.jsonl with the scores of the held-out pairs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
from examples import EOS, Examples
from finetune import chatml
from held_out import report
from llama import Llama, causal, load_adapter, save_adapter, train

RANK, ALPHA, RATE, EPOCHS = 16, 32, 6e-4, 1.5


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(sys.argv[2])
    pairs = [json.loads(line) for line in Path(sys.argv[3]).read_text("utf-8").splitlines()]
    out = Path(sys.argv[4])
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 1e9
    torch.manual_seed(0)
    texts = [chatml("", f"{pair['question']}\n{pair['change']}\nBetter?") for pair in pairs]
    prompts = [np.array(each.ids[:512], dtype=np.uint16) for each in tokenizer.encode_batch(texts)]
    no, yes = tokenizer.encode("no").ids[0], tokenizer.encode("yes").ids[0]
    answers = [np.array([yes if pair["label"] else no, EOS], dtype=np.uint16) for pair in pairs]
    every = Examples(prompts, answers)
    learn = [i for i, pair in enumerate(pairs) if not pair["held"]]
    held = [i for i, pair in enumerate(pairs) if pair["held"]]
    print(f"scorer: {len(learn)} pairs to learn, {len(held)} held out", flush=True)
    model = Llama(Path(sys.argv[1]), RANK, ALPHA)
    if len(sys.argv) > 6:
        load_adapter(model, Path(sys.argv[6]))
    model = model.to(device)
    train(
        model, every.take(learn), epochs=EPOCHS, rate=RATE, seconds=seconds, tokens=16_384,
        log=lambda line: print(line, flush=True),
    )  # fmt: skip
    save_adapter(model, out)
    rows = []
    held.sort(key=lambda i: len(prompts[i]))
    with torch.inference_mode():
        for start in range(0, len(held), 128):
            part = held[start : start + 128]
            longest = max(len(prompts[i]) for i in part)
            ids = np.full((len(part), longest), EOS, dtype=np.int64)
            for row, i in enumerate(part):
                ids[row, : len(prompts[i])] = prompts[i]
            given = torch.from_numpy(ids).to(device)
            hidden = model(
                given, torch.arange(longest, device=device)[None].expand_as(given), lambda _: causal
            )
            last = torch.tensor([len(prompts[i]) - 1 for i in part], device=device)
            scores = model.logits(hidden[torch.arange(len(part), device=device), last]).float()
            for i, score in zip(part, (scores[:, yes] - scores[:, no]).tolist(), strict=True):
                rows.append((pairs[i]["kind"], pairs[i]["label"], score))
    with (out / "held.jsonl").open("w", encoding="utf-8") as file:
        for kind, label, score in rows:
            file.write(json.dumps({"kind": kind, "label": label, "score": score}) + "\n")
    report(rows)


if __name__ == "__main__":
    main()
