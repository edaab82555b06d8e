"""Corrections a second without models, by database: SQLite's file beside a server's or DuckDB's.

    python benchmarks/databases.py [--small]
    python benchmarks/databases.py --questions FILE --drafts FILE [--benchmark bird] DATABASES …

DATABASES: what `share run --databases` takes, a folder or a URL with `{name}`; the others are compared with
the first. Without any: the demo's drafts on its SQLite file and on a copy in DuckDB. The drafts are corrected
once before, so that schemas and indexes of values are there; one after another, and eight under way at once.
Processor time is this process's own: that of queries is spent in others.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main

from share_sql.assistant import Assistant
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.benchmarks.places import read_places
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.copying.copy import copy_database
from share_sql.database.address import dialect_at
from share_sql.demo.cases import load_cases
from share_sql.demo.database import write_database

AT_ONCE = (1, 8)


def options(parser: ArgumentParser) -> None:
    """Which drafts on which databases."""
    parser.add_argument("databases", nargs="*", metavar="DATABASES")
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--drafts", type=Path)
    parser.add_argument("--benchmark", default="bird", help="%(default)s")


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """One after another, then many at once."""
    given = setup.given
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        if given.databases and not setup.small:
            if not (given.questions and given.drafts):
                raise SideFailed("databases of your own need --questions and --drafts")
            loaded = [
                load(BenchmarkFiles(given.benchmark, given.questions, read_places(each), drafts=given.drafts))
                for each in given.databases
            ]
            sides = []
            for each in loaded:
                where = str(next(iter(each.databases.values())).where)
                catalog = Catalog()
                each.register(catalog)
                cases = [labelled.case for labelled in each.cases if not labelled.problem]
                sides.append((dialect_at(where).title, catalog, cases))
        else:
            sides = demo_sides(Path(name), 15 if setup.small else None)
        for at_once in AT_ONCE:
            asked = []
            for title, catalog, cases in sides:
                assistant = stack.enter_context(Assistant(catalog=catalog, concurrency=at_once))
                found = list(assistant.correct_many(cases))
                if lost := [each for each in found if each.failures or "could not" in each.reason]:
                    raise SideFailed(f"{title}: {len(lost)} of {len(cases)} failed: {lost[0].reason[:200]}")
                asked.append(Side(title, partial(correct, assistant, cases)))
            yield Comparison(
                f"{len(sides[0][2])} corrections, {at_once} at once",
                asked,
                (Figure("corrections a second", "a second"), Figure("processor time, a case", "ms")),
            )


def demo_sides(folder: Path, count: int | None) -> list[tuple[str, Catalog, list[Case]]]:
    """The demo's database as SQLite's file and as DuckDB's, with its drafts."""
    write_database(folder / "shop.sqlite")
    copy_database(str(folder / "shop.sqlite"), str(folder / "shop.duckdb"))
    found = []
    for title, file in (("SQLite", "shop.sqlite"), ("DuckDB", "shop.duckdb")):
        catalog = Catalog(folder / f"cache-{title}")
        catalog.add("shop", folder / file)
        found.append((title, catalog, [case.case("shop") for case in load_cases()[:count]]))
    return found


def correct(assistant: Assistant, cases: Sequence[Case]) -> Figures:
    """All corrections, once."""
    began, spent = time.perf_counter(), time.process_time()
    count = sum(1 for _ in assistant.correct_many(cases))
    seconds = time.perf_counter() - began
    return {
        "corrections a second": count / seconds,
        "processor time, a case": 1e3 * (time.process_time() - spent) / count,
    }


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
