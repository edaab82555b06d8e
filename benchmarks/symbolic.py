"""How fast are the symbolic stages: SQL to trajectory, masked, and back to SQL?

    python benchmarks/symbolic.py [--data DATA] [--small]

Over all gold of Spider dev (--small: the demo's). First what each stage costs in one process, against
parsing the SQL and nothing else; each side does all cases once a round. Then cases a second through all
stages, by one process and by two that know nothing of each other: what a second core gives where nothing is
shared.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter, process_time

from drafts import data_option
from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main

from share_sql.database.sqlite import SqliteDatabase
from share_sql.demo.cases import load_cases
from share_sql.demo.database import write_database
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.text import parse_select
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.mask import mask
from share_sql.trajectory.to_sql import to_sql

Cases = Sequence[tuple[str, Schema]]


def gold(data: Path | None) -> Cases:
    """SQL that is right, with its schema: Spider dev's, or the demo's where there is no data folder."""
    if data is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "shop.sqlite")
            write_database(path)
            with closing(SqliteDatabase(path)) as database:
                schema = introspect(database)
        return [(case.gold, schema) for case in load_cases()]
    spider = data / "spider"
    if not (spider / "dev.json").is_file():
        raise SideFailed(f"{spider} holds no Spider; name the folder by --data, or try the demo by --small")
    schemas = read_tables_json(spider / "tables.json")
    rows = json.loads((spider / "dev.json").read_text("utf-8"))
    return [(row["query"], schemas[row["db_id"]]) for row in rows]


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """Stages beside parsing, then one process and two."""
    data = None if setup.small else setup.given.data
    cases = gold(data)
    trajectories = [(from_sql(sql, schema), schema) for sql, schema in cases]
    yield Comparison(
        f"stages, {len(cases)} queries",
        (
            Side("parse alone", partial(once, [partial(parse_select, sql, "sqlite") for sql, _ in cases])),
            Side("parse, trajectory (bam)", partial(once, [partial(from_sql, *each) for each in cases])),
            Side("mask", partial(once, [partial(mask, *each) for each in trajectories])),
            Side("compile (regenerate)", partial(once, [partial(to_sql, *each) for each in trajectories])),
        ),
        (Figure("processor time, a case", "ms"),),
        rounds=10,
    )
    passes = 4 if setup.small else 10
    yield Comparison(
        f"all stages, {passes} passes in each process",
        tuple(Side(_said(count), partial(together, data, count, passes)) for count in (1, 2)),
        (Figure("cases a second", "a second"),),
    )


def _said(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def once(calls: Sequence[Callable[[], object]]) -> Figures:
    """All calls, one after another."""
    began = process_time()
    for call in calls:
        call()
    return {"processor time, a case": 1e3 * (process_time() - began) / len(calls)}


def together(data: Path | None, processes: int, passes: int) -> Figures:
    """Processes that each take all cases through all stages; they begin together, and starting them is not
    counted."""
    context = get_context("spawn")
    ready, ended = context.Barrier(processes), context.SimpleQueue()
    started = [context.Process(target=work, args=(data, passes, ready, ended)) for _ in range(processes)]
    for each in started:
        each.start()
    for each in started:
        each.join()
        if each.exitcode:
            raise SideFailed(f"a process ended with {each.exitcode}")
    times = [ended.get() for _ in started]
    seconds = max(end for _, end, _ in times) - min(began for began, _, _ in times)
    return {"cases a second": sum(count for _, _, count in times) / seconds}


def work(
    data: Path | None, passes: int, ready: Barrier, ended: SimpleQueue[tuple[float, float, int]]
) -> None:
    """Tell when it began and ended, and how many cases it took through."""
    cases = gold(data)
    through(cases)  # once before, so that caches are as full as in a long run
    ready.wait(120)
    began = perf_counter()
    for _ in range(passes):
        through(cases)
    ended.put((began, perf_counter(), passes * len(cases)))


def through(cases: Cases) -> None:
    """Each case through all stages."""
    for sql, schema in cases:
        trajectory = from_sql(sql, schema)
        mask(trajectory, schema)
        to_sql(trajectory, schema)


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, data_option))
