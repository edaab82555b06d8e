"""Finding a stored value near a text: the index of values, and what one would do without it.

    python benchmarks/value_lookups.py [--values NUMBER] [--small]

Makes a database of invented names, addresses, codes, e-mails, dates and short codes in a temporary folder
(the seed is fixed). First its index is built and opened again. Then texts with one slip are looked for: in
the index, by rapidfuzz over values held in memory, and by SQL, as the column's text whatever its case. Last,
the index alone by kinds of texts. `one column` restricts the look-up as the checks of a literal do.
Times are of one look-up; in processor time, which is what is left of it when other programs keep the machine
busy, too. `found first` is the share in which the text that was meant came first.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from harness import Comparison, Figure, Figures, Setup, Side, main
from rapidfuzz import fuzz, process

from share_sql.database.sqlite import SqliteDatabase
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ColumnName
from share_sql.schema.values import ValueIndex

SYLLABLES = "ka lo mi ren tas var el dun por shi na wick ster ton ville berg qua ly rot hem cas bra zo fu gar"
PLACES = ["Street", "Avenue", "Road", "Lane", "Square", "Park", "Hill", "Bridge", "Court"]
FIGURES = (
    Figure("median", "ms"),
    Figure("95 of 100 within", "ms"),
    Figure("processor time, median", "ms"),
    Figure("processor time, most", "ms"),
)
SLOW = 20
"""Look-ups of a side that takes a good part of a second for each."""
Wanted = tuple[str, str, str]
"""Where it is looked for, the text, and the stored text that is meant; empty where none is."""
Find = Callable[[str, str], str | None]
"""A column and a text; the text that comes first."""


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


def options(parser: ArgumentParser) -> None:
    """How many values."""
    parser.add_argument("--values", type=int, default=1_000_000, metavar="NUMBER", help="%(default)s")


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """The index itself, then look-ups beside other ways, then by kinds of texts."""
    total = 20_000 if setup.small else setup.given.values
    rng = random.Random(20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, columns = folder / "values.sqlite", makers(rng)
        fill(path, columns, total)
        yield Comparison(
            f"the index of some {total:,} values",
            (
                Side("built", partial(opened, path, folder, True)),
                Side("opened again", partial(opened, path, folder)),
            ),
            (Figure("until it is there", "s"),),
            rounds=2,
        )
        asked = wanted(path, columns, rng, 60 if setup.small else 1000)
        with (
            SqliteDatabase(path) as database,
            closing(sqlite3.connect(path)) as connection,
            ValueIndex.open(database, introspect(database), folder / "cache") as index,
        ):
            index.lookup("the first look-up loads rapidfuzz")
            few = asked["near miss"][:SLOW]
            for one_column in (True, False):
                where = "one column" if one_column else "all columns"
                yield Comparison(
                    f"a text with one slip, {where}, {len(few)} look-ups",
                    (
                        Side("the index", partial(look_up, by_index(index, one_column), few)),
                        Side(
                            "rapidfuzz, values in memory",
                            partial(look_up, by_scan(connection, one_column), few),
                        ),
                        *(
                            [Side("SQL, whatever the case", partial(look_up, by_sql(connection), few))]
                            * one_column
                        ),
                    ),
                    (*FIGURES, Figure("found first", "per cent")),
                    rounds=3,
                )
                sides = (
                    Side(kind, partial(look_up, by_index(index, one_column), texts))
                    for kind, texts in asked.items()
                )
                yield Comparison(f"the index by kinds of texts, {where}", tuple(sides), FIGURES, rounds=3)


def fill(path: Path, columns: dict[str, Callable[[], str]], total: int) -> None:
    """A table a column."""
    with closing(sqlite3.connect(path)) as connection:
        for name, make in columns.items():
            connection.execute(f"CREATE TABLE t_{name} ({name} TEXT)")
            rows = ((make(),) for _ in range(round(1.1 * total / (len(columns) - 1))))
            connection.executemany(f"INSERT INTO t_{name} VALUES (?)", rows)
        connection.commit()


def opened(path: Path, folder: Path, anew: bool = False) -> Figures:
    """Seconds until the index can be asked."""
    if anew:
        shutil.rmtree(folder / "cache", ignore_errors=True)
    with SqliteDatabase(path) as database:
        schema = introspect(database)
        began = time.perf_counter()
        with ValueIndex.open(database, schema, folder / "cache"):
            return {"until it is there": time.perf_counter() - began}


def wanted(
    path: Path, columns: dict[str, Callable[[], str]], rng: random.Random, most: int
) -> dict[str, list[Wanted]]:
    """By kind, what is looked for: at most so many texts."""
    stored = {}
    with closing(sqlite3.connect(path)) as connection:
        for name in columns:
            sql = f"SELECT {name} FROM t_{name} ORDER BY random() LIMIT 300"
            stored[name] = [row[0] for row in connection.execute(sql)]
    long = [(name, text) for name, texts in stored.items() if name != "short" for text in texts]
    rng.shuffle(long)
    return {
        "near miss": [(name, near_miss(text, rng), text) for name, text in long[:most]],
        "exact": [(name, text, text) for name, text in long[:most]],
        "short": [("short", text, text) for text in stored["short"][:most]],
        "absent": [(name, columns["title"](), "") for name, _ in long[: min(most, 500)]],
        "prose": [
            (name, "the number of customers who live in the city", "") for name, _ in long[: min(most, 100)]
        ],
    }


# ------------------------------------------------------------------------------------------ ways to find


def by_index(index: ValueIndex, one_column: bool) -> Find:
    """As the stages ask."""

    def find(column: str, text: str) -> str | None:
        only = frozenset({ColumnName(f"t_{column}", column)}) if one_column else None
        found = index.lookup(text, only)
        return str(found[0].value) if found else None

    return find


def by_scan(connection: sqlite3.Connection, one_column: bool) -> Find:
    """rapidfuzz over the distinct values of the column, or of all, which are read before."""
    held = {
        column: [row[0] for row in connection.execute(f"SELECT DISTINCT {column} FROM t_{column}")]
        for column in makers(random.Random())
    }
    everything = [] if one_column else list({text for texts in held.values() for text in texts})

    def find(column: str, text: str) -> str | None:
        best = process.extractOne(text, held[column] if one_column else everything, scorer=fuzz.ratio)
        return best[0] if best else None

    return find


def by_sql(connection: sqlite3.Connection) -> Find:
    """The database, without an index of its own on the column."""

    def find(column: str, text: str) -> str | None:
        sql = f"SELECT {column} FROM t_{column} WHERE {column} = ? COLLATE NOCASE LIMIT 1"
        row = connection.execute(sql, (text,)).fetchone()
        return str(row[0]) if row else None

    return find


def look_up(find: Find, asked: Sequence[Wanted]) -> Figures:
    """All look-ups, one after another."""
    took, cpu, first = [], [], 0
    for column, text, meant in asked:
        began, busy = time.perf_counter(), time.process_time()
        found = find(column, text)
        cpu.append(1e3 * (time.process_time() - busy))
        took.append(1e3 * (time.perf_counter() - began))
        first += bool(meant) and found == meant
    return {
        "median": statistics.median(took),
        "95 of 100 within": statistics.quantiles(took, n=20)[-1],
        "processor time, median": statistics.median(cpu),
        "processor time, most": max(cpu),
        "found first": 100 * first / len(asked),
    }


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
