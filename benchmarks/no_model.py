"""Corrections a second without a model, and what a correction costs beside its queries.

    python benchmarks/no_model.py [--data DATA] [--generators N] [--against CHECKOUT] [--small]

First `share run --models none` over the drafts of Spider dev's questions by all generators, as a process,
from its start to its last file, the indexes of values built anew each time: with one process and with two.
Both must write the same final_sql.json. --against adds the same run by another checkout's source, such as
that of the commit before, in the same rounds.

Then, in this process, a part of the drafts: each query that their corrections asked, asked again and nothing
else, against the corrections. Its ratio says what a correction costs beyond its queries.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from drafts import Drafts, data_option, demo_drafts, spider_drafts
from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, at_least, main
from processes import SHARE, finished

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import read_cases_jsonl
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.base import Limits, QueryResult
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import QueryError

LEAST = 500.0
"""Corrections a second on two cores."""
PART = 1_000
"""Cases whose queries are asked again."""
Asked = tuple[Path, str, Limits | None]


def options(parser: ArgumentParser) -> None:
    """Which drafts, and what else to measure."""
    data_option(parser)
    parser.add_argument("--generators", type=int, metavar="N", help="drafts of the first N alone; all")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="also by this checkout's source")


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """Whole runs, then corrections beside their queries."""
    given = setup.given
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drafts = (
            demo_drafts(folder / "cases.jsonl", 30)
            if setup.small
            else spider_drafts(given.data, folder / "cases.jsonl", given.generators)
        )
        answers: dict[str, str] = {}
        sides = []
        for title, count in (("1 process", "1"), ("2 processes", "2")):
            flags = ["--processes", count]
            sides.append(Side(title, partial(run, drafts, folder, flags, None, answers)))
        if given.against:
            sides.append(Side(str(given.against), partial(run, drafts, folder, [], given.against, None)))
        yield Comparison(
            f"share run without a model, {drafts.cases:,} drafts",
            sides,
            (
                Figure(
                    "corrections a second", "a second", at_least(LEAST, sides[-1 - bool(given.against)].name)
                ),
                Figure("processor time of a correction", "ms"),
                Figure("most memory, all processes", "MB"),
            ),
            rounds=3,
        )
        cases = _part(drafts)
        asked = queries_of(cases, drafts)
        yield Comparison(
            f"{len(cases):,} corrections and their {len(asked):,} queries, in one process",
            (
                Side("queries alone", partial(ask, asked, len(cases))),
                Side("corrections", partial(correct, cases, drafts)),
            ),
            (Figure("by the clock, a case", "ms"), Figure("processor time, a case", "ms")),
            rounds=3,
        )


# ------------------------------------------------------------------------------------------- whole runs


def run(
    drafts: Drafts, folder: Path, flags: list[str], checkout: Path | None, answers: dict[str, str] | None
) -> Figures:
    """One `share run` from start to end."""
    out, cache = folder / "run", folder / "cache"
    for each in (out, cache):
        shutil.rmtree(each, ignore_errors=True)
    command = [*SHARE, "run", "--cases", str(drafts.path), *drafts.places, "--models", "none"]
    command += ["--conventions", "benchmark", "--out", str(out), "--cache", str(cache), *flags]
    done = finished(command, watch=True, checkout=checkout)
    if done.code:
        raise SideFailed(f"share run ended with {done.code}: {done.stderr[-500:]}")
    with (out / "corrections.jsonl").open("rb") as lines:
        count = sum(1 for _ in lines)
    if count != drafts.cases:
        raise SideFailed(f"share run wrote {count} corrections of {drafts.cases}")
    if answers is not None:
        told = sha256((out / "final_sql.json").read_bytes()).hexdigest()
        if answers.setdefault("final_sql.json", told) != told:
            raise SideFailed(f"final_sql.json is another with {' '.join(flags)}")
    return {
        "corrections a second": count / done.seconds,
        "processor time of a correction": 1e3 * done.processor_seconds / count,
        "most memory, all processes": done.peak_mb,
    }


# ------------------------------------------------------------------------------ corrections and their queries


def _part(drafts: Drafts) -> list[Case]:
    """Cases from all over the file."""
    cases = [each.case for each in read_cases_jsonl(drafts.path)]
    return cases[:: max(1, len(cases) // PART)]


def _catalog(drafts: Drafts, cache: Path) -> Catalog:
    catalog = Catalog(cache)
    if drafts.databases is not None:
        for place in sorted(drafts.databases.glob("*/*.sqlite")):
            catalog.add(place.stem, place)
    return catalog


def queries_of(cases: Sequence[Case], drafts: Drafts) -> list[Asked]:
    """Every query that the corrections of these cases ask, schemas and indexes of values included."""
    asked: list[Asked] = []
    query = SqliteDatabase.query

    def told(database: SqliteDatabase, sql: str, limits: Limits | None = None) -> QueryResult:
        asked.append((database.path, sql, limits))
        return query(database, sql, limits)

    with patch.object(SqliteDatabase, "query", told):
        correct(cases, drafts)
    return asked


def ask(asked: Sequence[Asked], cases: int) -> Figures:
    """The queries of so many cases again, one after another, on databases that are opened for it."""
    began, spent = time.perf_counter(), _spent()
    with ExitStack() as stack:
        opened: dict[Path, SqliteDatabase] = {}
        for path, sql, limits in asked:
            if path not in opened:
                opened[path] = stack.enter_context(SqliteDatabase(path))
            try:
                opened[path].query(sql, limits)
            except QueryError:
                continue  # a draft that fails is asked too
    return _figures(began, spent, cases)


def correct(cases: Sequence[Case], drafts: Drafts) -> Figures:
    """The corrections, eight under way at once."""
    began, spent = time.perf_counter(), _spent()
    with (
        tempfile.TemporaryDirectory() as cache,
        Assistant(catalog=_catalog(drafts, Path(cache))) as assistant,
    ):
        count = sum(1 for _ in assistant.correct_many(cases))
    return _figures(began, spent, count)


def _spent() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _figures(began: float, spent: float, cases: int) -> Figures:
    clock, processor = time.perf_counter() - began, _spent() - spent
    return {"by the clock, a case": 1e3 * clock / cases, "processor time, a case": 1e3 * processor / cases}


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
