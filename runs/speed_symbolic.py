"""How fast are the symbolic stages: SQL to trajectory, mask, compile?

    python runs/speed_symbolic.py [DATA]    DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--processes N]                     default 2
        [--rounds N]                        passes over Spider dev's gold in each process; default 10

Each process goes over all gold of Spider dev. Printed: cases a second of all processes together, parsing
included, and the milliseconds a case of each part in one process.
"""

from __future__ import annotations

import argparse
import json
import os
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.text import parse_select
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.mask import mask
from share_sql.trajectory.to_sql import to_sql

Cases = list[tuple[str, Schema]]


def gold(data: Path) -> Cases:
    schemas = read_tables_json(data / "spider" / "tables.json")
    rows = json.loads((data / "spider" / "dev.json").read_text("utf-8"))
    return [(row["query"], schemas[row["db_id"]]) for row in rows]


def work(data: Path, rounds: int) -> tuple[float, float, dict[str, float]]:
    """When it began and ended, and seconds a part."""
    cases = gold(data)
    parts = dict.fromkeys(("parse", "from_sql", "mask", "to_sql"), 0.0)
    for sql, schema in cases:  # once before, so that caches are as full as in a long run
        to_sql(from_sql(sql, schema), schema)
    started = perf_counter()
    for _ in range(rounds):
        for sql, schema in cases:
            one = perf_counter()
            trajectory = from_sql(sql, schema)
            two = perf_counter()
            mask(trajectory, schema)
            three = perf_counter()
            to_sql(trajectory, schema)
            four = perf_counter()
            parts["from_sql"] += two - one
            parts["mask"] += three - two
            parts["to_sql"] += four - three
    ended = perf_counter()
    for sql, _ in cases:
        one = perf_counter()
        parse_select(sql, "sqlite")
        parts["parse"] += (perf_counter() - one) * rounds
    return started, ended, parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    default = os.environ.get("SHARE_DATA", "../shared/data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    cases = len(gold(args.data)) * args.rounds
    with get_context("spawn").Pool(args.processes) as pool:
        results = pool.starmap(work, [(args.data, args.rounds)] * args.processes)
    seconds = max(ended for _, ended, _ in results) - min(started for started, _, _ in results)
    print(f"{cases * args.processes / seconds:,.0f} cases a second on {args.processes} processes")
    for part in ("parse", "from_sql", "mask", "to_sql"):
        spent = sum(parts[part] for _, _, parts in results) / args.processes
        note = "  (part of from_sql)" if part == "parse" else ""
        print(f"    {part:9}{spent / cases * 1000:8.3f} ms a case{note}")


if __name__ == "__main__":
    main()
