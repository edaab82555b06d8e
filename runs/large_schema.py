"""A PostgreSQL schema of thousands of tables: how long it takes to read it, to correct on it, to index it.

    python runs/large_schema.py [--tables N] [--columns N] [--rows N]

Starts a server of its own (tests/servers), makes N tables (2,000) of N columns each (20) with N rows each
(5), with keys between them. Printed: seconds to open the database and read its schema; to correct each of
some drafts without a model, the first of which imports and reads what the others need; to index all its
values, and to open that index again. Ends with 1 where reading took 10 seconds or more, or a correction 2.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.servers.database import connection, new_database
from tests.servers.start import start, stop

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.schema.values import ValueIndex

WORDS = (
    "account", "address", "agent", "amount", "asset", "batch", "branch", "budget", "cargo", "carrier",
    "claim", "client", "contract", "country", "course", "customer", "delivery", "depot", "device", "doctor",
    "employee", "engine", "event", "farm", "flight", "garden", "grade", "hotel", "invoice", "item",
    "journey", "kitchen", "ledger", "letter", "lot", "machine", "market", "member", "meter", "order",
    "parcel", "patient", "payment", "plant", "policy", "port",
)  # fmt: skip
COLUMNS = (
    ("name text", "'v' || g || '{0}'"), ("code varchar(20)", "'c' || g % 3"), ("city text", "'City ' || g"),
    ("amount numeric(10,2)", "g"), ("price double precision", "g"), ("made date", "date '2020-01-01' + g"),
    ("status text", "'s' || g % 2"), ("changed timestamp", "now()"), ("active boolean", "g % 2 = 0"),
)  # fmt: skip
QUESTION = "How many account agents with the status s1 are in City 3?"
DRAFTS = (
    "SELECT COUNT(*) FROM account_agent JOIN account_address ON account_agent.account_address_id = "
    "account_address.id WHERE account_agent.city = 'city 3' AND account_agent.statuss = 's1'",
    "SELECT COUNT(*) FROM account_agent WHERE city = 'CITY 3' AND status = 's1'",
    "SELECT COUNT(*) FROM account_agentt AS t WHERE t.city = 'City 3' AND t.status = 'S1'",
    "SELECT nme FROM account_agent",
)
T = TypeVar("T")


def tables(count: int, width: int, rows: int) -> Iterator[str]:
    """The SQL that makes each table. Each refers to the one at half its place."""
    names = [f"{a}_{b}" for a, b in itertools.product(WORDS, WORDS) if a != b]
    rounds = -(-count // len(names))
    names = [name if not at else f"{name}_{at + 1}" for at in range(rounds) for name in names][:count]
    for at, name in enumerate(names):
        columns, values = [], []
        for place in range(width - 2):
            kind, value = COLUMNS[place % len(COLUMNS)]
            title, _, kind = kind.partition(" ")
            columns.append(f"{title}{'' if place < len(COLUMNS) else f'_{place}'} {kind}")
            values.append(value.format(name))
        target = names[at // 2]
        link = f"{target}_id int" + (f" REFERENCES {target}" if at else "")
        yield (
            f"CREATE TABLE {name} (id int PRIMARY KEY, {link}, {', '.join(columns)});"
            f"INSERT INTO {name} SELECT g, g, {', '.join(values)} FROM generate_series(1, {rows}) AS g"
        )


def timed(title: str, work: Callable[[], T]) -> tuple[T, float]:
    """Do it, and print how long it took."""
    began = time.perf_counter()
    done = work()
    took = time.perf_counter() - began
    print(f"{took:6.2f} s  {title}")
    return done, took


def main() -> int:
    """Make the schema, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=int, default=2_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rows", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="share-large-") as folder:
        admin = start("postgres", Path(folder), os.getpid())
        try:
            with new_database("postgres", admin) as database:
                with connection(database.owner) as writer:
                    for sql in tables(asked.tables, asked.columns, asked.rows):
                        writer.execute(sql)
                    writer.execute("ANALYZE")
                return measure(database.reader, Path(folder))
        finally:
            stop("postgres", Path(folder))


def measure(url: str, folder: Path) -> int:
    """Read, correct, index."""
    cache = folder / "cache"
    with closing(Catalog(cache=cache)) as catalog, Assistant(catalog=catalog, models={}) as assistant:
        opened, slow = timed("to open and read the schema", lambda: catalog.acquire(url))
        schema = opened.schema
        print(f"{len(schema.tables):,} tables, {sum(1 for _ in schema.columns()):,} columns")
        slowest = 0.0
        for draft in DRAFTS:
            case = Case(id="1", database=url, question=QUESTION, evidence="", draft=draft)
            correction, took = timed(f"to correct {draft[:60]}…", lambda case=case: assistant.correct(case))
            print(f"          {correction.verdict}: {correction.sql[:90]}")
            slowest = max(slowest, took)
        index, _ = timed("to index all values", lambda: ValueIndex.open(opened.database, schema, cache))
        print(f"{index.size:,} values")
        index.close()
        again, _ = timed("to open that index", lambda: ValueIndex.open(opened.database, schema, cache))
        again.close()
        catalog.release(opened)
    return int(slow >= 10 or slowest >= 2)


if __name__ == "__main__":
    sys.exit(main())
