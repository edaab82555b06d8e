"""The shipped drafter: a LoRA adapter of Qwen2.5-Coder-0.5B that answers a question with SQL.

    python -m small.drafter QUESTIONS OUT --base GGUF [--seconds S] [--bird N]

QUESTIONS is what `small.questions` wrote. Examples of one database share a sequence (`packed`), so two cores
with AMX learn three of them a second. Every question of Spider train counts, and BIRD of BIRD train's by lot;
the schedule ends by the clock, and what was not reached by then is not learnt. OUT gets the adapter and its
card.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from share_sql.models.embedded_load import CARD
from share_sql.prompts.library import BRIEF_SET
from small.examples import Reader, read_rows
from small.fit import schedule
from small.llama import Llama, save_adapter
from small.packed import sequences

RANK, ALPHA = 16, 32
RATE = 4e-4
SECONDS = 1_400.0
"""About what the shipped adapter had, in two goes."""
BIRD = 4_000
LONGEST = 1_300
"""Tokens of an example."""
LONGEST_GOLD = 400
"""Characters of BIRD's gold; longer queries are few, and cost much."""
AT_ONCE = 2
"""Sequences of a step."""
TOLD = 20
"""Steps between two lines of progress."""


def main() -> None:
    """Train, and write the adapter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("questions", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="GGUF file of the base")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--bird", type=int, default=BIRD, help="questions of BIRD train")
    args = parser.parse_args()
    torch.manual_seed(0)
    rng = random.Random(0)
    rows = read_rows(args.questions)
    spider = [row for row in rows if row["source"] == "spider-train"]
    bird = [row for row in rows if row["source"] == "bird-train"]
    rng.shuffle(bird)
    rows = spider + [row for row in bird if len(row["output"]) < LONGEST_GOLD][: args.bird]
    examples, kept = Reader.of(args.base).examples(rows, LONGEST)
    plan = sequences(examples, [(rows[i]["source"], rows[i]["database"]) for i in kept], rng)
    print(f"{len(examples)} examples in {len(plan)} sequences", flush=True)
    model = Llama(args.base, RANK, ALPHA)
    wanted = [each for each in model.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(wanted, lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
    started, losses = time.monotonic(), []
    for at in range(0, len(plan), AT_ONCE):
        share = max(at / len(plan), (time.monotonic() - started) / args.seconds)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * schedule(share)
        for packed in plan[at : at + AT_ONCE]:
            ids, positions, places, targets = packed.tensors()
            hidden = model(ids, positions, lambda _, attend=packed.attend: attend)[0]
            loss = functional.cross_entropy(model.logits(hidden[places]), targets)
            (loss / AT_ONCE).backward()
            losses.append(loss.item())
        nn.utils.clip_grad_norm_(wanted, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if at // AT_ONCE % TOLD == 0:
            recent = losses[-TOLD:]
            spent = time.monotonic() - started
            print(f"  {at}/{len(plan)} loss {sum(recent) / len(recent):.4f}, {spent:.0f} s", flush=True)
    save_adapter(model, args.out)
    (args.out / CARD).write_text(json.dumps({"prompts": BRIEF_SET}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
