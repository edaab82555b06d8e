"""Drafts by a small text-to-SQL model, for databases that it has not seen.

    python -m small.draft EXAMPLES OUT [--seconds S] [--tokens T] [--base GGUF]

EXAMPLES is `drafter_train_data.json` as `share data drafter --prompts brief` writes it. SmolLM2-135M is
fitted whole to one half of the databases and drafts for the other; then the other way round. It drafts for
all of Spider train's questions and every BIRD_EACH-th of BIRD train's: its likeliest answer and SAMPLES drawn
ones. OUT gets a line a question: `source`, `id`, and `drafts`, a list of [trajectory, log-probability, times
drawn], the likeliest first.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from share_sql.models.weights_file import base_weights
from small.adapter import arguments, device
from small.answer import answers
from small.examples import Examples, Reader, read_rows, write_rows
from small.fit import fit
from small.folds import half_of
from small.llama import Llama
from small.variants import varied

VARIANTS = 5
"""Times that each example is learnt with its tables in another order, beside the schema's own."""
SAMPLES = 3
TEMPERATURE = 0.9
EPOCHS = 4.0
RATE = 5e-4
SECONDS = 60.0
"""Bound on each of the two trainings; on one H200 they had it."""
BIRD_EACH = 3
LONGEST = 1_400
"""Tokens of an example."""


def main() -> None:
    """Fit twice, draft twice."""
    args = arguments(__doc__, "examples", "out").parse_args()
    args.base = args.base or base_weights()
    reader = Reader.of(args.base)
    rows = read_rows(args.examples)
    rng = random.Random(0)
    variants = []
    for variant in range(VARIANTS + 1):
        shown = [
            {**row, "instruction": varied(row["instruction"], row["output"], rng, shuffled=variant > 0)}
            for row in rows
        ]
        examples, kept = reader.examples(shown, LONGEST)
        variants.append((examples, [rows[i] for i in kept]))
    write_rows(args.out, (line for half in (0, 1) for line in _drafts(reader, variants, half, args)))


def _drafts(
    reader: Reader,
    variants: list[tuple[Examples, list[dict[str, Any]]]],
    half: int,
    args: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    """The drafts for one half of the databases, by a model that was fitted to the other."""
    started = time.monotonic()
    learnt = Examples([], [])
    for examples, rows in variants:
        other = [i for i, row in enumerate(rows) if half_of(row["source"], row["database"]) != half]
        learnt.prompts.extend(examples.take(other).prompts)
        learnt.answers.extend(examples.take(other).answers)
    examples, rows = variants[0]
    own = [i for i, row in enumerate(rows) if half_of(row["source"], row["database"]) == half]
    own = [i for at, i in enumerate(own) if rows[i]["source"] != "bird-train" or at % BIRD_EACH == 0]
    print(f"half {half}: {len(learnt)} to learn, {len(own)} to draft", flush=True)
    model = Llama(args.base).to(device())
    # An epoch goes once through the examples with all their variants.
    epochs, seconds = EPOCHS / (VARIANTS + 1), args.seconds or SECONDS
    fit(
        model, learnt, epochs=epochs, rate=RATE, decay=0.01, seed=half, seconds=seconds, tokens=args.tokens
    )  # fmt: skip
    print(f"  fitted after {time.monotonic() - started:.0f} s", flush=True)
    drafts: list[Counter[str]] = [Counter() for _ in own]
    sums: dict[tuple[int, str], float] = {}
    prompts = examples.take(own).prompts
    for i, ids, logprob in answers(
        model, prompts, reader.end, samples=SAMPLES, temperature=TEMPERATURE, seed=half
    ):
        text = reader.tokenizer.decode(ids)
        drafts[i][text] += 1
        sums[i, text] = logprob
    for at, (i, found) in enumerate(zip(own, drafts, strict=True)):
        row = {key: rows[i][key] for key in ("source", "id")}
        yield {**row, "drafts": [[text, round(sums[at, text], 2), times] for text, times in found.items()]}
    print(f"  drafted after {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
