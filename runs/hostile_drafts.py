"""Drafts made to take long: each must end soon and in little memory.

    python runs/hostile_drafts.py [--drafts N] [--seed N] [--only KIND] [--processes N] [--seconds S]
                                  [--megabytes M] [--keep DIR]

Makes a small database and N texts of up to 1 MB with one seed: pieces of SQL repeated, nesting, unions,
lists, long texts, comments, white space, fences, JSON, thoughts, prose, queries cut and put together, long
queries that run. Each is corrected without a model, in a process that does nothing else meanwhile.
Printed: verdicts, the ten that took longest and the ten that took most memory. Time is wall-clock time less
that of the database's queries, which have deadlines of their own; memory is the largest resident size of the
process in the course of the case. Ends with 1 where a case took more than S seconds (5) or M MB (300), ended
in an internal error, changed a draft that it kept, or did not end. `--keep` writes those drafts to files.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hostile_texts import KINDS

LONGEST = 60.0
"""Seconds after which a case has not ended."""


@dataclass(frozen=True)
class Case:
    """One draft and what became of it."""

    kind: str
    draft: str
    verdict: str
    reason: str
    seconds: float
    """Wall-clock time less that of queries."""
    megabytes: float
    """The largest resident size of the process."""
    wrong: str
    """What must not be; empty where all is well."""

    def __str__(self) -> str:
        shown = self.draft if len(self.draft) < 70 else f"{self.draft[:45]}…{self.draft[-20:]}"
        return (
            f"{self.seconds:6.2f} s {self.megabytes:5.0f} MB {self.kind:12} {len(self.draft):9,} characters "
            f"{self.verdict:9} {shown!r} {self.wrong or self.reason[:80]}"
        )


def make_database(path: Path) -> None:
    """A small database, with a key and names that need quotes."""
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, town TEXT);"
            "CREATE TABLE concert (id INTEGER PRIMARY KEY, title TEXT, year INTEGER, place TEXT,"
            " singer_id INTEGER REFERENCES singer(id));"
            'CREATE TABLE "ticket sale" (id INTEGER PRIMARY KEY, "unit price" REAL, concert_id INTEGER'
            " REFERENCES concert(id));"
        )
        towns = ("Oslo", "Rome", "New York", "St. John's")
        connection.executemany(
            "INSERT INTO singer VALUES (?, ?, ?, ?)",
            [(at, f"Singer {at}", 20 + at, towns[at % 4]) for at in range(40)],
        )
        connection.executemany(
            "INSERT INTO concert VALUES (?, ?, ?, ?, ?)",
            [(at, ("Spring", "Autumn")[at % 2], 2010 + at % 9, towns[at % 4], at % 40) for at in range(60)],
        )
        connection.executemany(
            'INSERT INTO "ticket sale" VALUES (?, ?, ?)', [(at, 9.5, at % 60) for at in range(99)]
        )
    connection.close()


def largest() -> float:
    """The process's largest resident size since it was last forgotten, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_largest() -> None:
    """Begin to look for the largest size anew (Linux: proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def serve(database: str, pipe: Connection) -> None:
    """Correct the drafts that come through a pipe, one by one."""
    import gc

    from share_sql.assistant import Assistant
    from share_sql.case import Case as Asked
    from share_sql.catalog import Catalog
    from share_sql.database.sqlite import SqliteDatabase

    logging.getLogger("share_sql").addHandler(logging.NullHandler())
    queried = 0.0
    own = SqliteDatabase.query

    def timed(self: SqliteDatabase, *args: Any, **more: Any) -> Any:
        nonlocal queried
        started = time.perf_counter()
        try:
            return own(self, *args, **more)
        finally:
            queried += time.perf_counter() - started

    SqliteDatabase.query = timed  # type: ignore[method-assign]
    with Assistant(catalog=Catalog()) as assistant:
        assistant.correct(
            Asked("first", "How many singers are there?", database, "SELECT COUNT(*) FROM singer")
        )
        while (draft := pipe.recv()) is not None:
            gc.collect()
            forget_largest()
            queried, started = 0.0, time.perf_counter()
            made = assistant.correct(Asked("case", "Which singers are from Oslo?", database, draft))
            seconds = time.perf_counter() - started - queried
            wrong = "" if made.verdict == "corrected" or made.sql == draft else "kept, and changed"
            internal = [step.error for step in made.steps if "internal" in (step.error or "")]
            wrong = next(iter(internal), wrong) or wrong
            pipe.send((made.verdict, made.reason, seconds, largest(), wrong))


class Worker:
    """A process that corrects drafts; a new one where it does not end."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(self.database, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def correct(self, kind: str, draft: str) -> Case:
        self.pipe.send(draft)
        try:
            if self.pipe.poll(LONGEST):
                return Case(kind, draft, *self.pipe.recv())
            wrong = f"it did not end in {LONGEST:g} s"
        except EOFError:
            wrong = "the process died"
        self.process.kill()
        self.process.join()
        self.begin()
        return Case(kind, draft, "none", "", LONGEST, 0.0, wrong)

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join(30)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drafts", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--megabytes", type=float, default=300.0)
    parser.add_argument("--keep", type=Path, help="a folder for the drafts that went beyond the bounds")
    args = parser.parse_args()

    def is_bad(case: Case) -> bool:
        return bool(case.wrong) or case.seconds > args.seconds or case.megabytes > args.megabytes

    rng = random.Random(args.seed)
    kinds = [args.only] if args.only else sorted(KINDS)
    made = []
    for at in range(args.drafts):
        kind = kinds[at % len(kinds)]
        made.append((kind, KINDS[kind](random.Random(rng.random()))[:1_000_000]))
    from concurrent.futures import ThreadPoolExecutor

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "music.sqlite"
        make_database(database)
        workers = [Worker(str(database)) for _ in range(args.processes)]

        def share(number: int) -> list[Case]:
            done = []
            for kind, draft in made[number :: args.processes]:
                case = workers[number].correct(kind, draft)
                done.append(case)
                if is_bad(case):
                    print(f"beyond the bounds: {case}", flush=True)
                    if args.keep:
                        args.keep.mkdir(parents=True, exist_ok=True)
                        (args.keep / f"{len(done):04}-{number}-{kind}.txt").write_text(draft, "utf-8")
            return done

        with ThreadPoolExecutor(args.processes) as pool:
            cases = [case for part in pool.map(share, range(args.processes)) for case in part]
        for worker in workers:
            worker.close()
    for name, key in (("time", lambda case: case.seconds), ("memory", lambda case: case.megabytes)):
        print(f"most {name}:")
        for case in sorted(cases, key=key, reverse=True)[:10]:
            print(f"  {case}")
    bad = [case for case in cases if is_bad(case)]
    verdicts = Counter(case.verdict for case in cases)
    times = sorted(case.seconds for case in cases)
    print(
        f"{len(cases)} drafts: {', '.join(f'{count} {name}' for name, count in sorted(verdicts.items()))}; "
        f"median {times[len(times) // 2]:.3f} s, 99% {times[len(times) * 99 // 100]:.2f} s, "
        f"most {times[-1]:.2f} s, {max(case.megabytes for case in cases):.0f} MB; "
        f"{len(bad)} beyond the bounds"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
