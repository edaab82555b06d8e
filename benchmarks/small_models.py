"""What small models cost in this process: a first answer, cases alone, a batch, and memory.

    python benchmarks/small_models.py [DATA] [--models SPEC] [--cases N]

DATA is laid out as docs/results.md says (default: $SHARE_DATA, else ../shared/data). GPT-4 zero-shot's drafts
of Spider dev, of ten databases in turns, are corrected: one, then eight one after another, then N more
(default 32) at once. No answer is cached. The models are pulled; the engine's form of each is made on its
first use, so that a second call tells what is usual. Memory is the most that this process and those that it
starts have: of their own, and with the pages that are mapped from files, which the system takes back where
others need them.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import defaultdict
from pathlib import Path

from processes import EVERY, look

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.catalog import Catalog
from share_sql.models.load import load_models

DATABASES = 10
"""Whose cases take turns."""


def spread(cases: list[LabelledCase], count: int) -> list[LabelledCase]:
    """Cases of so many databases, in turns."""
    by_database: dict[str, list[LabelledCase]] = defaultdict(list)
    for each in cases:
        by_database[each.case.database].append(each)
    turns = [
        each
        for at in range(len(cases))
        for own in list(by_database.values())[:DATABASES]
        for each in own[at : at + 1]
    ]
    return turns[:count]


class Memory(threading.Thread):
    """The most memory that this process and those below it had, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own = self.whole = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        """Look now and then."""
        while not self.done.wait(EVERY):
            if (seen := look(os.getpid())) is not None:
                self.own, self.whole = max(self.own, seen.own_mb), max(self.whole, seen.mb)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", type=Path, nargs="?", default=Path(os.environ.get("SHARE_DATA", "../shared/data"))
    )
    parser.add_argument("--models", default="embedded", help="as `share run --models`")
    parser.add_argument("--roles", help="of these models, those that are to work, with commas between")
    parser.add_argument("--cases", type=int, default=32, help="in the batch")
    args = parser.parse_args()
    spider = args.data / "spider"
    files = BenchmarkFiles(
        "spider", spider / "dev.json", spider / "database", spider / "tables.json",
        spider / "column_meaning.json", spider / "drafts" / "gpt4-zero-shot.json",
    )  # fmt: skip
    loaded = load(files)
    catalog = Catalog()
    loaded.register(catalog)
    cases = [each.case for each in spread(list(loaded.cases), args.cases + 9)]
    models = load_models(args.models)
    if args.roles:
        models = {role: model for role, model in models.items() if role in args.roles.split(",")}
    print(f"models: {', '.join(f'{role} {model.name}' for role, model in models.items())}")
    memory = Memory()
    memory.start()
    with Assistant(catalog=catalog, models=models, conventions="benchmark", concurrency=args.cases) as share:
        began = time.perf_counter()
        share.correct(cases[0])
        print(f"first answer, loading included: {time.perf_counter() - began:.1f} s", flush=True)
        began = time.perf_counter()
        for case in cases[1:9]:
            share.correct(case)
        print(f"one after another: {(time.perf_counter() - began) / 8:.1f} s a case", flush=True)
        began = time.perf_counter()
        done = list(share.correct_many(cases[9:]))
        took = time.perf_counter() - began
        failed = sum(bool(each.failures) for each in done)
        print(f"{len(done)} at once: {took / len(done):.1f} s a case; {failed} lost a model")
    memory.done.set()
    memory.join()
    print(f"memory: {memory.own:.0f} MB of its own, {memory.whole:.0f} with pages mapped from files")


if __name__ == "__main__":
    main()
