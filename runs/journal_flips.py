"""Damage a run's journal in each way, resume the run, and compare its files with those of an undisturbed run.

    python runs/journal_flips.py [--flips 300] [--many 30] [--cuts 30] [--seed 1]

The run corrects the demo's drafts. Each trial damages a copy of its finished folder: one flipped bit anywhere
in the journal; 300 flipped bits at once; a cut; two lines exchanged, one line doubled, or one of a second run
in its place. Then the run is resumed. It must end with the same files to the byte (but for those that hold
times), or be refused by name. Prints how many trials of each kind ended how, and ends with exit code 1 if any
file differs. A minute.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.catalog import Catalog
from share_sql.demo.cases import load_cases, load_meanings
from share_sql.demo.database import NAME, write_database
from share_sql.errors import RunFolderError
from share_sql.prompts.library import load_prompts
from share_sql.runfolder.execute import RunSettings, run_cases
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL

MANY = 300
"""Bits flipped at once."""


def flip(data: bytearray, dice: random.Random, bits: int) -> None:
    for _ in range(bits):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def one_flip(data: bytearray, dice: random.Random, other: bytes) -> None:
    flip(data, dice, 1)


def many_flips(data: bytearray, dice: random.Random, other: bytes) -> None:
    flip(data, dice, MANY)


def many_flips_after_the_head(data: bytearray, dice: random.Random, other: bytes) -> None:
    head = data.index(b"\n") + 1
    rest = data[head:]
    flip(rest, dice, MANY)
    data[head:] = rest


def cut(data: bytearray, dice: random.Random, other: bytes) -> None:
    del data[dice.randrange(len(data)) :]


def lines_moved(data: bytearray, dice: random.Random, other: bytes) -> None:
    head, *lines = data.splitlines(keepends=True)
    a, b = dice.sample(range(len(lines)), 2)
    what = dice.choice(("exchange", "double", "other run", "other place"))
    if what == "exchange":
        lines[a], lines[b] = lines[b], lines[a]
    elif what == "double":
        lines.insert(b, lines[a])
    elif what == "other run":
        lines[a] = bytearray(other.splitlines(keepends=True)[a + 1])
    else:  # a row under another's position
        lines[a] = lines[a].replace(b'"at":%d,' % a, b'"at":%d,' % b)
    data[:] = b"".join([head, *lines])


KINDS: dict[str, Callable[[bytearray, random.Random, bytes], None]] = {
    "one flipped bit": one_flip,
    f"{MANY} flipped bits": many_flips,
    f"{MANY} after line 1": many_flips_after_the_head,
    "cut": cut,
    "lines moved": lines_moved,
}


class Demo:
    """The demo's drafts, run into folders."""

    def __init__(self, place: Path) -> None:
        write_database(place / "shop.sqlite")
        self.catalog = Catalog(cache=place / "cache")
        self.catalog.add(NAME, place / "shop.sqlite", meanings=load_meanings())
        self.cases = [LabelledCase(case.case(), place=case.id) for case in load_cases()]
        self.settings = RunSettings("gated", {}, load_prompts(), conventions="benchmark")
        self.assistant = Assistant(catalog=self.catalog, conventions="benchmark")

    def run(self, out: Path, resume: bool = False) -> None:
        run_cases(self.assistant, self.cases, out, self.settings, catalog=self.catalog, resume=resume)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--many", type=int, default=30)
    parser.add_argument("--cuts", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("share_sql").setLevel(logging.ERROR)  # each trial's damaged lines
    dice = random.Random(options.seed)
    trials = dict(
        zip(KINDS, (options.flips, options.many, options.many, options.cuts, options.cuts), strict=True)
    )
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        demo = Demo(place)
        whole, other, out = place / "whole", place / "other", place / "out"
        demo.run(whole)
        demo.run(other)
        undisturbed, pasted = (path.joinpath(JOURNAL).read_bytes() for path in (whole, other))
        print(f"undisturbed: {len(demo.cases)} cases, a journal of {len(undisturbed):,} bytes")
        for kind, damage in KINDS.items():
            ends: Counter[str] = Counter()
            for _ in range(trials[kind]):
                shutil.copytree(whole, out)
                data = bytearray(undisturbed)
                damage(data, dice, pasted)
                (out / JOURNAL).write_bytes(data)
                ends[outcome(demo, out, whole)] += 1
                shutil.rmtree(out)
            bad += ends["DIFFERENT"]
            told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
            print(f"{kind:18} {trials[kind]:4} trials: {told}")
        demo.assistant.close()
    sys.exit(1 if bad else 0)


def outcome(demo: Demo, out: Path, whole: Path) -> str:
    try:
        demo.run(out, resume=True)
    except RunFolderError as error:
        return "refused (" + str(error).replace(str(out / JOURNAL), JOURNAL).split(",")[0] + ")"
    names = [name for name in FINAL_FILES if name not in VARYING_FILES]
    same = all((out / name).read_bytes() == (whole / name).read_bytes() for name in names)
    return "the same files" if same else "DIFFERENT"


if __name__ == "__main__":
    main()
