"""The scorer: SmolLM2-135M fitted to answer with yes or no whether a change mends a draft.

    python runs/small/scorer.py GGUF TOKENIZER PAIRS OUT [SECONDS] [EDITS]

PAIRS is what `pairs.py` wrote; those of held-out databases are not learnt from. EDITS is what `held_edits.py`
wrote. OUT gets the adapter, held.jsonl with the scores of the held-out pairs, and edits.jsonl with those of
EDITS, forth and back.
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
from llama import Llama, batches_in_order, causal, save_adapter, train

RANK, ALPHA, RATE, EPOCHS = 24, 48, 6e-4, 3.0
LONGEST = 512


class Reader:
    """Texts of the scorer's prompt as token ids."""

    def __init__(self, file: str) -> None:
        self.tokenizer = Tokenizer.from_file(file)
        self.no, self.yes = (self.tokenizer.encode(word).ids[0] for word in ("no", "yes"))

    def prompts(self, told: list[tuple[str, str]]) -> list[np.ndarray]:
        """One a question and change."""
        texts = [chatml("", f"{question}\n{change}\nBetter?") for question, change in told]
        return [np.array(each.ids[:LONGEST], dtype=np.uint16) for each in self.tokenizer.encode_batch(texts)]


@torch.inference_mode()
def log_odds(model: Llama, reader: Reader, told: list[tuple[str, str]]) -> list[float]:
    """Natural log-odds of yes."""
    device = model.embedding.device
    prompts = reader.prompts(told)
    found = [0.0] * len(told)
    for part in batches_in_order(np.array([len(prompt) for prompt in prompts]), 65_536):
        longest = max(len(prompts[i]) for i in part)
        ids = np.full((len(part), longest), EOS, dtype=np.int64)
        for row, i in enumerate(part):
            ids[row, : len(prompts[i])] = prompts[i]
        given = torch.from_numpy(ids).to(device)
        positions = torch.arange(longest, device=device)[None].expand_as(given)
        hidden = model(given, positions, lambda _: causal)
        last = torch.tensor([len(prompts[i]) - 1 for i in part], device=device)
        scores = model.logits(hidden[torch.arange(len(part), device=device), last]).float()
        for i, odds in zip(part, (scores[:, reader.yes] - scores[:, reader.no]).tolist(), strict=True):
            found[i] = odds
    return found


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    reader = Reader(sys.argv[2])
    pairs = [json.loads(line) for line in Path(sys.argv[3]).read_text("utf-8").splitlines()]
    out = Path(sys.argv[4])
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 1e9
    torch.manual_seed(0)
    learn = [pair for pair in pairs if not pair["held"]]
    held = [pair for pair in pairs if pair["held"]]
    prompts = reader.prompts([(pair["question"], pair["change"]) for pair in learn])
    answers = [np.array([reader.yes if pair["label"] else reader.no], dtype=np.uint16) for pair in learn]
    examples = Examples(prompts, answers)
    tokens = examples.lengths().sum()
    print(f"scorer: {len(learn)} pairs, {tokens:,} tokens; {len(held)} held out", flush=True)
    model = Llama(Path(sys.argv[1]), RANK, ALPHA).to(device)
    train(
        model, examples, epochs=EPOCHS, rate=RATE, seconds=seconds, tokens=24_576,
        log=lambda line: print(line, flush=True),
    )  # fmt: skip
    save_adapter(model, out)
    scores = log_odds(model, reader, [(pair["question"], pair["change"]) for pair in held])
    with (out / "held.jsonl").open("w", encoding="utf-8") as file:
        for pair, score in zip(held, scores, strict=True):
            told = {"kind": pair["kind"], "label": pair["label"], "score": round(score, 3)}
            file.write(json.dumps(told) + "\n")
    report([(pair["kind"], pair["label"], score) for pair, score in zip(held, scores, strict=True)])
    if len(sys.argv) > 6:
        edits = [json.loads(line) for line in Path(sys.argv[6]).read_text("utf-8").splitlines()]
        asked = [edit for edit in edits if edit["kind"]]
        forth = log_odds(model, reader, [(edit["question"], edit["change"]) for edit in asked])
        back = log_odds(model, reader, [(edit["question"], edit["back"]) for edit in asked])
        with (out / "edits.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(f"[{a:.3f}, {b:.3f}]\n" for a, b in zip(forth, back, strict=True))


if __name__ == "__main__":
    main()
