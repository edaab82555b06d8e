"""Measures the value index: time to build it over a million texts, and to look one up.

    python runs/value_lookup_speed.py [NUMBER OF VALUES]

Makes a database of invented names, addresses, codes, e-mails, dates and short codes in a temporary folder
(the seed is fixed), builds its index, and prints for several kinds of texts how long a look-up took, in
milliseconds: median, 95th percentile and slowest by the clock, the slowest in processor time (what is left
when other programs keep the machine busy), and how often the text looked for came first. `one column`
restricts the look-up as the checks of a literal do.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from share_sql.database.sqlite import SqliteDatabase
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ColumnName
from share_sql.schema.values import ValueIndex

SYLLABLES = "ka lo mi ren tas var el dun por shi na wick ster ton ville berg qua ly rot hem cas bra zo fu gar"
PLACES = ["Street", "Avenue", "Road", "Lane", "Square", "Park", "Hill", "Bridge", "Court"]


def makers(rng: random.Random) -> dict[str, Callable[[], str]]:
    """By column, what makes one of its values."""

    def word() -> str:
        return "".join(rng.choices(SYLLABLES.split(), k=rng.randint(2, 4))).capitalize()

    return {
        "person": lambda: f"{word()} {word()}",
        "street": lambda: f"{rng.randint(1, 400)} {word()} {rng.choice(PLACES)}",
        "company": lambda: f"{word()} {word()} {rng.choice(['Ltd', 'Inc.', 'GmbH', '& Sons'])}",
        "email": lambda: f"{word().lower()}.{word().lower()}@{word().lower()}.example",
        "order_code": lambda: f"ORD-{rng.randint(0, 10**7):07d}",
        "serial": lambda: f"Customer {rng.randint(0, 10**7):08d}",
        "day": lambda: f"{rng.randint(1900, 2100)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        "title": lambda: " ".join(word() for _ in range(rng.randint(3, 7))),
        "city": lambda: f"{word()} {rng.choice(['', 'East', 'West', 'upon ' + word()])}".strip(),
        "short": lambda: "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=rng.randint(1, 2))),
    }


def near_miss(text: str, rng: random.Random) -> str:
    """The text with one slip: case, a letter lost, doubled or swapped, or space put in."""
    at = rng.randrange(max(1, len(text) - 1))
    kind = rng.randrange(5)
    if kind == 0:
        return text.swapcase()
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + text[at : at + 1] + text[at:]
    if kind == 3:
        return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
    return text[:at] + " " + text[at:]


def main() -> None:
    total = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    rng = random.Random(20)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.sqlite")
        columns = makers(rng)
        start = time.perf_counter()
        with closing(sqlite3.connect(path)) as connection:
            for name, make in columns.items():
                connection.execute(f"CREATE TABLE t_{name} ({name} TEXT)")
                rows = ((make(),) for _ in range(round(1.1 * total / (len(columns) - 1))))
                connection.executemany(f"INSERT INTO t_{name} VALUES (?)", rows)
            connection.commit()
        print(f"database made in {time.perf_counter() - start:.1f} s")
        with SqliteDatabase(path) as database:
            schema = introspect(database)
            start = time.perf_counter()
            index = ValueIndex.open(database, schema, Path(folder, "cache"))
            print(f"index of {index.size:,} values built in {time.perf_counter() - start:.1f} s", end="")
            print(f", {index.path.stat().st_size / 2**20:.0f} MiB" if index.path else ", in memory")
            index.close()
            start = time.perf_counter()
            index = ValueIndex.open(database, schema, Path(folder, "cache"))
            print(f"opened again in {1e3 * (time.perf_counter() - start):.1f} ms")
        stored = {}
        with closing(sqlite3.connect(path)) as connection:
            for name in columns:
                sql = f"SELECT {name} FROM t_{name} ORDER BY random() LIMIT 300"
                stored[name] = [row[0] for row in connection.execute(sql)]
        long = [(name, text) for name, texts in stored.items() if name != "short" for text in texts]
        rng.shuffle(long)
        kinds = {
            "exact": [(name, text, text) for name, text in long[:1000]],
            "near miss": [(name, near_miss(text, rng), text) for name, text in long[:1000]],
            "short": [("short", text, text) for text in stored["short"]],
            "absent": [(name, columns["title"](), "") for name, _ in long[:500]],
            "prose": [(name, "the number of customers who live in the city", "") for name, _ in long[:100]],
        }
        print(f"{'':24}{'p50':>8}{'p95':>8}{'max':>8}{'max CPU':>9}   found first, of")
        with index:
            index.lookup("the first look-up loads rapidfuzz")
            for kind, cases in kinds.items():
                for where in ("all columns", "one column"):
                    took, cpu, first = [], [], 0
                    for name, text, wanted in cases:
                        only = frozenset({ColumnName(f"t_{name}", name)}) if where == "one column" else None
                        start, busy = time.perf_counter(), time.process_time()
                        found = index.lookup(text, only)
                        cpu.append(1e3 * (time.process_time() - busy))
                        took.append(1e3 * (time.perf_counter() - start))
                        first += bool(found) and found[0].value == wanted
                    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
                    share = f"{first:6} {len(cases):6}" if cases[0][2] else ""
                    times = f"{p50:8.2f}{p95:8.2f}{max(took):8.2f}{max(cpu):9.2f}"
                    print(f"{kind + ', ' + where:24}{times}   {share}")


if __name__ == "__main__":
    main()
