"""SQL to trajectory to SQL: are the rows the same?

    python runs/roundtrip.py [DATA]    DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--sets spider-dev,spider-train,bird-dev,bird-train]   which gold to take
        [--on URL]                     another database: its URL or path with {} in place of the name, such as
                                       postgresql://share:share@127.0.0.1/{} or copies/{}.duckdb; there the
                                       sets are mini-dev (gold of its dialect) and bird-dev (transpiled)
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

import sqlglot

from share_sql.database.base import Database, Limits, Row
from share_sql.database.open import open_database
from share_sql.errors import DatabaseError, QueryError, ShareError
from share_sql.evaluation.execution import strict_ex
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.keywords import quoted_name
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.nodes import Join
from share_sql.trajectory.read import read
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


class Elsewhere:
    """Databases at URLs of one pattern; those that are not there are left out."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.open: dict[str, tuple[Database, Schema] | None] = {}

    def of(self, name: str) -> tuple[Database, Schema] | None:
        if name not in self.open:
            try:
                database = open_database(self.pattern.replace("{}", name), name)
                self.open[name] = database, introspect(database)
            except DatabaseError:
                self.open[name] = None
        return self.open[name]

    def golds(self, data: Path, part: str) -> Iterator[Gold]:
        """The gold of mini-dev in the databases' dialect, or that of dev, transpiled."""
        files = {"postgres": "mini_dev_postgresql.json", "mysql": "mini_dev_mysql.json"}
        source = data / "bird" / "dev" / "dev.json"
        for row in json.loads(source.read_text("utf-8")):
            found = self.of(row["db_id"])
            if found is not None and part == "mini-dev":
                source = data / "bird" / files[found[1].dialect]
                break
        for row in json.loads(source.read_text("utf-8")):
            found = self.of(row["db_id"])
            if found is None:
                continue
            sql, dialect = row["SQL"], found[1].dialect
            if part == "bird-dev":
                sql = sqlglot.transpile(sql, read="sqlite", write=dialect, identify=True)[0]
            yield Gold(sql, found[1], None)

    def rows(self, gold: Gold, sql: str) -> list[Row]:
        found = self.open[gold.schema.name]
        assert found is not None
        return list(found[0].query(sql, Limits(rows=1_000_000, seconds=SECONDS)).rows)


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
            columns = ", ".join(quoted_name(column.name, "sqlite") for column in table.columns)
            made.execute(f"CREATE TABLE {quoted_name(table.name, 'sqlite')} ({columns})")
        return made

    def rows(self, gold: Gold, sql: str) -> list[Row]:
        connection = self.of(gold)
        end = monotonic() + SECONDS
        connection.set_progress_handler(lambda: monotonic() > end, 10_000)
        return connection.execute(sql).fetchall()


def measure(
    golds: Iterator[Gold], connections: Connections | Elsewhere, every: int, show: int
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for index, gold in enumerate(golds):
        if index % every:
            continue
        try:
            wanted = connections.rows(gold, gold.sql)
        except (sqlite3.Error, QueryError):
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
    parser.add_argument("--sets")
    parser.add_argument("--on")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    print(f"{'set':14}{'gold':>7}{'rows':>7}{'share':>9}{'written':>9}{'joins':>7}{'left out':>10}")
    elsewhere = Elsewhere(args.on) if args.on else None
    for chosen in (args.sets or ("mini-dev,bird-dev" if elsewhere else ",".join(SETS))).split(","):
        golds = elsewhere.golds(args.data, chosen) if elsewhere else SETS[chosen](args.data)
        counts = measure(golds, elsewhere or Connections(), args.every, args.show)
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
