"""What a GPU run brought home, in the files that SHARE and the next step read.

    python -m small.fetched adapters FETCHED MODELS
    python -m small.fetched drafts FETCHED EXAMPLES OUT --base GGUF
    python -m small.fetched answers FETCHED EXAMPLES OUT --base GGUF

`adapters` makes of each NAME.safetensors in FETCHED a folder MODELS/NAME as PEFT writes it, with the card
that SHARE reads; `--models embedded:MODELS` uses it. `drafts` reads each NAME.drafts.npz whose arrays were
made of EXAMPLES (and have its name) as texts, by the base's tokenizer, and writes OUT as `small.draft` does,
for `small.label`. `answers` writes each question's answers as they were drawn, the greedy one first: what
`runs/agreement.py --answers` takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from share_sql.models.load import CARD
from share_sql.models.lora import CONFIG, WEIGHTS
from small.examples import Reader, read_rows, write_rows


def adapters(fetched: Path, models: Path) -> list[Path]:
    """Make the adapters' folders, and return them."""
    found = []
    for file in sorted(fetched.glob("*.safetensors")):
        told = _told(file)
        folder = models / file.stem
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / WEIGHTS)
        config = json.dumps(json.loads(told["config"]), indent=1)
        (folder / CONFIG).write_text(config + "\n", encoding="utf-8")
        (folder / CARD).write_text(json.dumps({"prompts": told["prompts"]}) + "\n", encoding="utf-8")
        found.append(folder)
    return found


def _told(file: Path) -> dict[str, str]:
    """The texts in a safetensors file's header."""
    with file.open("rb") as source:
        size = int.from_bytes(source.read(8), "little")
        told: dict[str, str] = json.loads(source.read(size))["__metadata__"]
    return told


def files_of(fetched: Path, examples: Path) -> list[Path]:
    """The files of drafts whose questions are those of EXAMPLES.

    Raises ValueError where there is none: places in another file would name other questions.
    """
    found = []
    for path in sorted(fetched.glob("*.drafts.npz")):
        with np.load(path) as file:
            if Path(str(file["of"])).stem == examples.stem:
                found.append(path)
    if not found:
        raise ValueError(f"{fetched} holds no drafts of the questions of {examples.name}")
    return found


def _texts(files: list[Path], reader: Reader) -> Iterator[tuple[int, float, str]]:
    """Place, log-probability and text of each draft, in the order in which they were drawn."""
    for path in files:
        with np.load(path) as file:
            starts = np.cumsum(file["length"].astype(np.int64))[:-1]
            ids = np.split(file["ids"], starts)
            for row, logprob, each in zip(file["row"].tolist(), file["logprob"].tolist(), ids, strict=True):
                yield row, logprob, reader.tokenizer.decode(each.tolist())


def drafts(files: list[Path], rows: list[dict[str, Any]], reader: Reader) -> Iterator[dict[str, Any]]:
    """The drafts of each question, the likeliest first."""
    texts: dict[int, Counter[str]] = {}
    sums: dict[tuple[int, str], float] = {}
    for row, logprob, text in _texts(files, reader):
        texts.setdefault(row, Counter())[text] += 1
        sums[row, text] = logprob
    for row, found in sorted(texts.items()):
        by_likelihood = sorted(found.items(), key=lambda each: -sums[row, each[0]])
        listed = [[text, round(sums[row, text], 2), times] for text, times in by_likelihood]
        yield {"source": rows[row]["source"], "id": rows[row]["id"], "drafts": listed}


def answers(files: list[Path], rows: list[dict[str, Any]], reader: Reader) -> Iterator[dict[str, Any]]:
    """The answers to each question in the order in which they were drawn, the greedy one first."""
    found: dict[int, list[str]] = {}
    for row, _, text in _texts(files, reader):
        found.setdefault(row, []).append(text)
    for row, texts in sorted(found.items()):
        yield {"source": rows[row]["source"], "id": rows[row]["id"], "answers": texts}


def main() -> None:
    """Unpack adapters, drafts or answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("adapters")
    for name in ("fetched", "models"):
        one.add_argument(name, type=Path)
    for verb in ("drafts", "answers"):
        other = verbs.add_parser(verb)
        for name in ("fetched", "examples", "out"):
            other.add_argument(name, type=Path)
        other.add_argument("--base", type=Path, required=True, help="GGUF file, for its tokenizer")
    args = parser.parse_args()
    if args.verb == "adapters":
        print(*adapters(args.fetched, args.models), sep="\n")
    else:
        try:
            files = files_of(args.fetched, args.examples)
        except ValueError as error:
            sys.exit(str(error))
        texts = {"drafts": drafts, "answers": answers}[args.verb]
        write_rows(args.out, texts(files, read_rows(args.examples), Reader.of(args.base)))


if __name__ == "__main__":
    main()
