"""Does a long run grow? Memory, open files, threads and processes of `share run` over few cases and many.

    python benchmarks/memory.py [--cases 20000] [--small]

Makes the demo's database and as many cases: right drafts, wrong ones, drafts that fail, that are no SQL, and
one in a thousand on a database that is not there. `share run --models none` takes a thousand of them, then
all, and is looked at four times a second, with all processes that it starts. Asked: at most 50 MB more over
many cases than over a thousand, and no more files, threads and processes. 20,000 cases take some three
minutes; 100,000, by --cases, a quarter of an hour.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main, more_by_at_most
from processes import SHARE, Look, finished

from share_sql.demo.database import write_database

FEW = 1_000
MOST_GROWTH = 50.0
"""MB, of the most that many cases take over the most that few take."""
SLACK = 3
"""Files and threads that a look may see under way at one moment, and miss at another."""
DRAFTS = (
    ("How many stores are still open?", "SELECT COUNT(*) FROM stores WHERE closed_on IS NULL"),
    ("How many enterprise customers?", "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"),
    ("Names of all products", "SELECT nme FROM products"),
    ("Names of all products", "Here it is:\n```sql\nSELECT name FROM products;\n```"),
    ("How many order lines are there?", "SELECT COUNT(* FROM order_lines"),
    ("Which stores are there?", "I cannot tell."),
    ("Stores by city", "SELECT city, COUNT(*) FROM stores GROUP BY city ORDER BY COUNT(*) DESC LIMIT {at}"),
)


def options(parser: ArgumentParser) -> None:
    """How many are many."""
    parser.add_argument("--cases", type=int, default=20_000, help="%(default)s")


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """Few cases, then many."""
    few, many = (60, 200) if setup.small else (FEW, max(2 * FEW, setup.given.cases))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_database(folder / "shop.sqlite")
        yield Comparison(
            "share run without a model",
            tuple(Side(f"{count:,} cases", partial(run, folder, count), at=count) for count in (few, many)),
            (
                Figure("most memory", "MB", more_by_at_most(MOST_GROWTH)),
                Figure("open files", "", more_by_at_most(SLACK)),
                Figure("threads", "", more_by_at_most(SLACK)),
                Figure("processes", "", more_by_at_most(0)),
                Figure("a case", "ms"),
            ),
            rounds=1,
            axis="cases",
        )


def run(folder: Path, count: int) -> Figures:
    """One run over so many cases, watched."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    write_cases(folder / "cases.jsonl", folder / "shop.sqlite", count)
    looks: list[Look] = []
    command = [*SHARE, "run", "--cases", str(folder / "cases.jsonl"), "--out", str(folder / "run")]
    command += ["--models", "none", "--cache", str(folder / "cache")]
    done = finished(command, seen=looks.append)
    with (folder / "run" / "corrections.jsonl").open("rb") as lines:
        told = sum(1 for _ in lines)
    if done.code != 1 or told != count or not looks:  # 1: a database of some cases is not there
        raise SideFailed(f"share run ended with {done.code} after {told} of {count}: {done.stderr[-500:]}")
    return {
        "most memory": max(each.mb for each in looks),
        "open files": max(each.files for each in looks),
        "threads": max(each.threads for each in looks),
        "processes": max(each.processes for each in looks),
        "a case": 1e3 * done.seconds / count,
    }


def write_cases(path: Path, database: Path, count: int) -> None:
    """`count` cases, no two of one id; texts differ, so that nothing is answered from memory."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            question, draft = DRAFTS[at % len(DRAFTS)]
            case = {
                "id": f"case-{at}",
                "question": question,
                "database": str(database if at % FEW else database.with_name("none.sqlite")),
                "draft": f"{draft.replace('{at}', str(at))} -- {at}" if at % 3 == 0 else draft,
            }
            file.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
