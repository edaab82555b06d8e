"""Break the code on purpose, one place at a time, and see whether the tests notice.

    python tests/mutations.py [--only WORDS] [--jobs N]

A mutant is a block of `mutants.txt`: a title, a file of src/share_sql, the text that is replaced (`- ` lines)
and the text in its place (`+ ` lines). Each is applied to a copy of the source, and the tests of TESTS run
over it. A mutant whose tests pass has survived: a fault there would go unseen. Those that change nothing are
marked `equal:` with the reason, and are not run. Exit code 0 where LEAST_KILLED of the others are killed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = Path(__file__).with_name("mutants.txt")
TESTS = (
    "tests/stages", "tests/judgement", "tests/query", "tests/edits", "tests/field", "tests/driver",
    "tests/test_assistant.py", "tests/test_catalog.py"
)  # fmt: skip
"""What guards the judge, the features, the findings, the kinds of change, the stages and the driver."""
LEAST_KILLED = 0.95
_SECONDS = 600


@dataclass(frozen=True)
class Mutant:
    """One place broken."""

    title: str
    file: str
    """Below src/share_sql."""
    old: str
    new: str
    equal: str = ""
    """Why it changes nothing; empty for all others."""


def read_mutants(text: str) -> list[Mutant]:
    """The mutants of a file's text; what stands before the first title is a comment."""
    found = []
    for block in text.split("\n== ")[1:]:
        title, *lines = block.rstrip().splitlines()
        fields = dict(line.split(": ", 1) for line in lines if line[:2] not in ("- ", "+ ", "-", "+", ""))
        old, new = ("\n".join(line[2:] for line in lines if line[:1] == sign) for sign in "-+")
        found.append(Mutant(title, fields["file"], old, new, fields.get("equal", "")))
    return found


def mutated(mutant: Mutant, source: str) -> str:
    """A file's text with the mutant in it. Raises ValueError where the place is not there exactly once."""
    if source.count(mutant.old) != 1 or mutant.old == mutant.new:
        raise ValueError(f"{mutant.title}: {mutant.file} does not hold its text exactly once")
    broken = source.replace(mutant.old, mutant.new)
    compile(broken, mutant.file, "exec")  # a text that is no Python would be killed by anything
    return broken


def passes(mutant: Mutant | None) -> bool:
    """Whether the tests pass with a mutant in place; without one, over the source as it is."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            file = source / "share_sql" / mutant.file
            file.write_text(mutated(mutant, file.read_text(encoding="utf-8")), encoding="utf-8")
        call = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS]
        environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                call, cwd=ROOT, env=environment, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return False  # tests that hang have noticed too
        return done.returncode == 0


def main() -> int:
    """Run the mutants; print the survivors and the share that is killed."""
    parser = argparse.ArgumentParser(
        description="Break the code on purpose and see whether the tests notice."
    )
    parser.add_argument("--only", default="", help="run mutants whose title or file holds this")
    parser.add_argument("--jobs", type=int, default=2, help="at once")
    options = parser.parse_args()
    mutants = read_mutants(MUTANTS.read_text(encoding="utf-8"))
    chosen = [each for each in mutants if options.only in f"{each.title} {each.file}" and not each.equal]
    if not chosen:
        print(f"no mutant's title or file holds {options.only!r}")
        return 1
    for each in chosen:
        mutated(each, (ROOT / "src" / "share_sql" / each.file).read_text(encoding="utf-8"))
    if not passes(None):
        print("the tests fail over the source as it is: every mutant would seem killed")
        return 1
    with ThreadPoolExecutor(options.jobs) as pool:
        survived = [each for each, lives in zip(chosen, pool.map(passes, chosen), strict=True) if lives]
    for each in survived:
        print(f"survived: {each.title} ({each.file})")
    equal = sum(bool(each.equal) for each in mutants)
    print(
        f"{len(chosen) - len(survived)} of {len(chosen)} mutants killed; {equal} that change nothing left out"
    )
    return 0 if len(survived) <= (1 - LEAST_KILLED) * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
