"""Drafts by a small text-to-SQL model, for databases that it has not seen.

    python runs/small/draft.py GGUF TOKENIZER FOLDER [SECONDS]

FOLDER holds what `draft_data.py` wrote. SmolLM2-135M is fitted whole to one half of the databases, in at
most SECONDS (default 60, on a GPU), and drafts for the other; then the other way round. It drafts all of
Spider train's questions and every BIRD_EACH-th of BIRD train's: its likeliest answer and SAMPLES drawn ones.
Writes FOLDER/drafts.jsonl: `source`, `id`, and `drafts`, a list of [trajectory, log-probability, times
drawn], the likeliest first.
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
from examples import Examples
from folds import half_of
from llama import Llama, answer, train

SAMPLES = 3
TEMPERATURE = 0.9
EPOCHS = 4.0
RATE = 5e-4
BIRD_EACH = 3


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = Tokenizer.from_file(sys.argv[2])
    folder = Path(sys.argv[3])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 60.0
    examples = Examples.load(folder / "drafting.npz")
    told = [json.loads(line) for line in (folder / "drafting.jsonl").read_text("utf-8").splitlines()]
    half = [half_of(row["source"], row["database"]) for row in told]
    variants = 1 + max(row["variant"] for row in told)
    with (folder / "drafts.jsonl").open("w", encoding="utf-8") as out:
        for drafting in (0, 1):
            started = time.time()
            model = Llama(Path(sys.argv[1])).to(device)
            others = [i for i in range(len(told)) if half[i] != drafting]
            own = [i for i, row in enumerate(told) if half[i] == drafting and row["variant"] == 0]
            own = [i for at, i in enumerate(own) if told[i]["source"] != "bird-train" or at % BIRD_EACH == 0]
            print(f"half {drafting}: {len(others)} to learn, {len(own)} to draft", flush=True)
            train(
                model, examples.take(others), epochs=EPOCHS / variants, rate=RATE, seconds=seconds,
                seed=drafting, tokens=24_576, decay=0.01, log=lambda line: print(line, flush=True),
            )  # fmt: skip
            print(f"  fitted after {time.time() - started:.0f} s", flush=True)
            drafts: list[Counter[str]] = [Counter() for _ in own]
            sums: dict[tuple[int, str], float] = {}
            exact = Counter[str]()
            for i, ids, logprob in answer(
                model, examples.take(own).prompts, samples=SAMPLES, temperature=TEMPERATURE, seed=drafting
            ):
                text = tokenizer.decode(ids)
                if not drafts[i]:
                    exact[told[own[i]]["source"]] += ids == examples.answers[own[i]][:-1].tolist()
                drafts[i][text] += 1
                sums[i, text] = logprob
            for i, found in zip(range(len(own)), drafts, strict=True):
                row = {key: told[own[i]][key] for key in ("source", "id")}
                row["drafts"] = [[text, round(sums[i, text], 2), times] for text, times in found.items()]
                out.write(json.dumps(row) + "\n")
            out.flush()
            print(f"  drafted after {time.time() - started:.0f} s; word for word gold: {exact}", flush=True)
            del model


if __name__ == "__main__":
    main()
