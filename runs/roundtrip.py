"""SQL to trajectory to SQL: are the rows the same?

    python runs/roundtrip.py [DATA]    DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--sets spider-dev,spider-train,bird-dev,bird-train]   which gold to take
        [--every N]                    take every N-th question only
        [--show N]                     print the first N failures of each set

For each gold query that runs on its database:
1. rows     from_sql, to_sql, and the rows of both queries compared as bags; in order where the gold sorts
            its rows by all of what it gives (a tie may come in any order).
2. written  the same with the extended dialect written and read in between.
3. joins    how many trajectories need Join actions, because foreign keys do not give the joins back.

bird-train comes without databases: there each query is only prepared on empty tables, before and after.
Queries that do not run before are left out and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from share_sql.database.base import Row
from share_sql.errors import ShareError
from share_sql.evaluation.execution import strict_ex
from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.nodes import Join
from share_sql.trajectory.read import read
from share_sql.trajectory.sql_text import name
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import write

SECONDS = 30.0


@dataclass(frozen=True)
class Gold:
    sql: str
    schema: Schema
    database: Path | None


def spider(data: Path, part: str) -> Iterator[Gold]:
    schemas = read_tables_json(data / "spider" / "tables.json")
    for row in json.loads((data / "spider" / f"{part}.json").read_text("utf-8")):
        database = data / "spider" / "database" / row["db_id"] / f"{row['db_id']}.sqlite"
        yield Gold(row["query"], schemas[row["db_id"]], database)


def bird(data: Path, part: str) -> Iterator[Gold]:
    folder = data / "bird" / part
    schemas = read_tables_json(folder / f"{part}_tables.json")
    for row in json.loads((folder / f"{part}.json").read_text("utf-8")):
        database = folder / f"{part}_databases" / row["db_id"] / f"{row['db_id']}.sqlite"
        if part == "train":
            yield Gold(row["SQL"], schemas[row["db_id"]], None)
        elif database.exists():
            yield Gold(row["SQL"], schemas[row["db_id"]], database)


SETS = {
    "spider-dev": lambda data: spider(data, "dev"),
    "spider-train": lambda data: spider(data, "train"),
    "bird-dev": lambda data: bird(data, "dev"),
    "bird-train": lambda data: bird(data, "train"),
}


class Connections:
    """One read-only connection a database; empty tables where there is no database."""

    def __init__(self) -> None:
        self.open: dict[object, sqlite3.Connection] = {}

    def of(self, gold: Gold) -> sqlite3.Connection:
        key = gold.database or gold.schema.name
        if key not in self.open:
            self.open[key] = self.connect(gold)
        return self.open[key]

    def connect(self, gold: Gold) -> sqlite3.Connection:
        if gold.database is not None:
            made = sqlite3.connect(f"file:{gold.database}?mode=ro&immutable=1", uri=True)
            made.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return made
        made = sqlite3.connect(":memory:")
        for table in gold.schema.tables:
            columns = ", ".join(name(column.name) for column in table.columns)
            made.execute(f"CREATE TABLE {name(table.name)} ({columns})")
        return made

    def rows(self, gold: Gold, sql: str) -> list[Row]:
        connection = self.of(gold)
        end = monotonic() + SECONDS
        connection.set_progress_handler(lambda: monotonic() > end, 10_000)
        return connection.execute(sql).fetchall()


def measure(golds: Iterator[Gold], every: int, show: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    connections = Connections()
    for index, gold in enumerate(golds):
        if index % every:
            continue
        try:
            wanted = connections.rows(gold, gold.sql)
        except sqlite3.Error:
            counts["does not run"] += 1
            continue
        counts["gold"] += 1
        try:
            trajectory = from_sql(gold.sql, gold.schema)
            sql = to_sql(trajectory, gold.schema)
            again = to_sql(read(write(trajectory, "extended")).trajectory, gold.schema)
            counts["joins"] += any(isinstance(node, Join) for node in trajectory.walk())
            same = strict_ex(connections.rows(gold, sql), wanted, ordered=False)
            written = again == sql or strict_ex(connections.rows(gold, again), wanted, ordered=False)
            problem = "" if same else "other rows"
        except (ShareError, sqlite3.Error) as error:
            sql, same, written, problem = "", False, False, f"{type(error).__name__}: {error}"
        counts["rows"] += same
        counts["written"] += written and same
        if problem:
            counts[f"! {problem[:70]}"] += 1
            if show > 0:
                show -= 1
                print(f"--- {gold.schema.name}: {problem}\n{gold.sql}\n{sql}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    default = os.environ.get("SHARE_DATA", "../shared/data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    print(f"{'set':14}{'gold':>7}{'rows':>7}{'share':>9}{'written':>9}{'joins':>7}{'left out':>10}")
    for chosen in args.sets.split(","):
        counts = measure(SETS[chosen](args.data), args.every, args.show)
        total = counts["gold"]
        print(
            f"{chosen:14}{total:7}{counts['rows']:7}{counts['rows'] / max(total, 1):9.2%}"
            f"{counts['written']:9}{counts['joins']:7}{counts['does not run']:10}"
        )
        for cause, times in counts.most_common():
            if cause.startswith("!"):
                print(f"    {times:5} {cause[2:]}")


if __name__ == "__main__":
    main()
