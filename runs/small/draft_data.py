"""The drafter's examples as token ids, each several times with its tables in another order.

    python runs/small/draft_data.py TOKENIZER EXAMPLES OUT [VARIANTS]

EXAMPLES is `drafter_train_data.json` as `share data drafter --prompts brief` writes it. Tables come as the
schema has them once, and in orders drawn by lot VARIANTS times (default 4), so that nothing is learnt of
the order. Where a schema is long, tables that the answer does not name are left out, drawn by lot. Writes
OUT/drafting.npz, and OUT/drafting.jsonl with a line for each example: `source`, `id`, `database`, `variant`
(0 is the schema's order).
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
from examples import EOS, Examples
from finetune import chatml

LONGEST_SCHEMA = 2_600
"""Characters of a schema's tables, about 900 tokens."""
LONGEST = 1_400
"""Tokens of an example."""


def varied(prompt: str, answer: str, variant: int, rng: random.Random) -> str:
    """The prompt with its tables in another order, and fewer of them where they are long."""
    head, block, tail = re.fullmatch(r"(Tables:\n)(.*?)(\nValues: .*)", prompt, re.DOTALL).groups()  # type: ignore[union-attr]
    tables = block.split("\n")
    names = {table: re.escape(table.split("(")[0]) for table in tables}
    named = [table for table in tables if re.search(rf"(?<!\w){names[table]}(?!\w)", answer)]
    others = [table for table in tables if table not in named]
    rng.shuffle(others)
    room = LONGEST_SCHEMA - sum(map(len, named))
    kept = set(named)
    for table in others:
        room -= len(table)
        if room > 0:
            kept.add(table)
    tables = [table for table in tables if table in kept]
    if variant:
        rng.shuffle(tables)
    return head + "\n".join(tables) + tail


def main() -> None:
    tokenizer = Tokenizer.from_file(sys.argv[1])
    rows = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    out = Path(sys.argv[3])
    variants = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    out.mkdir(parents=True, exist_ok=True)
    made, lines = Examples([], []), []
    rng = random.Random(0)
    answers = tokenizer.encode_batch([row["output"] for row in rows])
    for variant in range(variants + 1):
        prompts = [chatml("", varied(row["instruction"], row["output"], variant, rng)) for row in rows]
        for row, prompt, answer in zip(rows, tokenizer.encode_batch(prompts), answers, strict=True):
            if len(prompt.ids) + len(answer.ids) < LONGEST:
                made.prompts.append(np.array(prompt.ids, dtype=np.uint16))
                made.answers.append(np.array([*answer.ids, EOS], dtype=np.uint16))
                told = {key: row[key] for key in ("source", "id", "database")}
                lines.append(json.dumps({**told, "variant": variant}))
    made.save(out / "drafting.npz")
    (out / "drafting.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lengths = made.lengths()
    print(f"{len(made)} examples, {lengths.sum():,} tokens, longest {lengths.max()}")


if __name__ == "__main__":
    main()
