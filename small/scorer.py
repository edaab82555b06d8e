"""The scorer: SmolLM2-135M fitted to answer with yes or no whether a change mends a draft.

    python -m small.scorer PAIRS EDITS OUT [--seconds S] [--tokens T] [--base GGUF]

PAIRS is what `small.pairs` wrote, EDITS what `small.held_edits` wrote. OUT gets the adapter. Printed is how
well it tells pairs of held-out databases apart, and which kinds of single edit it is able to judge.
"""

from __future__ import annotations

import numpy as np
import torch

from small.adapter import arguments, trained
from small.batches import batches_by_length
from small.examples import Reader, read_rows
from small.fit import rows_of
from small.folds import held_out
from small.llama import Llama
from small.report import areas, edit_kinds

BATCH_TOKENS = 65_536


@torch.inference_mode()
def log_odds(model: Llama, reader: Reader, instructions: list[str]) -> list[float]:
    """Natural log-odds of yes, by prompt."""
    no, yes = (reader.tokenizer.encode(word).ids[0] for word in ("no", "yes"))
    prompts = reader.prompts({"instruction": each} for each in instructions)
    found = [0.0] * len(prompts)
    for batch in batches_by_length(np.array([len(prompt) for prompt in prompts]), BATCH_TOKENS):
        ids = torch.from_numpy(rows_of([prompts[i] for i in batch])).to(model.device)
        last = torch.tensor([len(prompts[i]) - 1 for i in batch], device=model.device)
        scores = model.logits(model(ids)[torch.arange(len(batch), device=model.device), last])
        for i, odds in zip(batch, (scores[:, yes] - scores[:, no]).tolist(), strict=True):
            found[i] = odds
    return found


def main() -> None:
    """Train, then report."""
    args = arguments(__doc__, "pairs", "edits", "out").parse_args()
    pairs = read_rows(args.pairs)
    model, reader = trained("scorer", pairs, args)
    held = [pair for pair in pairs if held_out(pair["source"], pair["database"])]
    scores = log_odds(model, reader, [pair["instruction"] for pair in held])
    print(*areas(held, scores), sep="\n")
    edits = read_rows(args.edits)
    forth = log_odds(model, reader, [edit["forth"] for edit in edits])
    back = log_odds(model, reader, [edit["back"] for edit in edits])
    print(*edit_kinds(edits, [a - b for a, b in zip(forth, back, strict=True)]), sep="\n")


if __name__ == "__main__":
    main()
