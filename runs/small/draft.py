"""Drafts by a small text-to-SQL model, for databases that it has not seen.

    python runs/small/draft.py GGUF TOKENIZER FOLDER [SECONDS]

FOLDER holds what `draft_data.py` wrote. For each fold SmolLM2-135M is fitted whole to the other folds, in
at most SECONDS (default 60, on a GPU), and drafts for this one: its likeliest answer and SAMPLES drawn
ones. Writes FOLDER/drafts.jsonl: `source`, `id`, and `drafts`, a list of [SQL, log-probability, times
drawn].
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
from llama import Examples, Llama, answer, train

SAMPLES = 5
TEMPERATURE = 0.8
EPOCHS = 3.0
RATE = 4e-4


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(sys.argv[2])
    folder = Path(sys.argv[3])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 60.0
    examples = Examples.load(folder / "drafting.npz")
    told = [json.loads(line) for line in (folder / "drafting.jsonl").read_text("utf-8").splitlines()]
    with (folder / "drafts.jsonl").open("w", encoding="utf-8") as out:
        for fold in sorted({row["fold"] for row in told}):
            started = time.time()
            model = Llama(Path(sys.argv[1])).to(device)
            others = [i for i, row in enumerate(told) if row["fold"] != fold]
            own = [i for i, row in enumerate(told) if row["fold"] == fold]
            print(f"fold {fold}: {len(others)} to learn, {len(own)} to draft", flush=True)
            train(model, examples.take(others), epochs=EPOCHS, rate=RATE, seconds=seconds, seed=fold)
            print(f"  fitted after {time.time() - started:.0f} s", flush=True)
            drafts: list[Counter[str]] = [Counter() for _ in own]
            sums: dict[tuple[int, str], float] = {}
            exact = 0
            for i, ids, logprob in answer(
                model, examples.take(own).prompts, samples=SAMPLES, temperature=TEMPERATURE, seed=fold
            ):
                text = tokenizer.decode(ids)
                if not drafts[i]:
                    exact += ids == examples.answers[own[i]][:-1].tolist()
                drafts[i][text] += 1
                sums[i, text] = logprob
            for i, found in zip(range(len(own)), drafts, strict=True):
                row = {key: told[own[i]][key] for key in ("source", "id")}
                row["drafts"] = [[text, round(sums[i, text], 2), times] for text, times in found.items()]
                out.write(json.dumps(row) + "\n")
            out.flush()
            print(f"  drafted after {time.time() - started:.0f} s; {exact} word for word gold", flush=True)
            del model


if __name__ == "__main__":
    main()
