"""Where a value index keeps its values: in memory, or in a SQLite file. Part of `values`.

The file holds each column's distinct values under consecutive numbers, an index of their squashed form,
and for every trigram and column the numbers of the values that have it, as one blob of ascending 32-bit
integers. A look-up for near spellings reads the rarest trigrams only, up to a fixed number of entries:
its time does not grow with the index. (FTS5's trigram index gives a row a match, which is some twenty
times as slow in Python, and sees no text of fewer than three characters.)
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from share_sql.schema.value_scan import ScannedColumn
from share_sql.schema.value_text import folded, grams, squashed

FORMAT = 2
"""Counted up when the file's layout changes, so that older files are built anew."""
CUTOFF = 40.0
"""Likeness below which a value is not near."""
_BUDGET = 14_000
"""Trigram entries read in one look-up."""
_CANDIDATES = 400
"""Values compared in full in one look-up."""
_SCAN = 1_500
"""Columns with no more values than this are compared in full."""

Hit: TypeAlias = tuple[int, str]
"""A column's number and a value as stored."""
NearHit: TypeAlias = tuple[int, str, float]
"""A column's number, a value as stored and its likeness."""


@dataclass(frozen=True)
class StoredColumn:
    """A column in the index."""

    table: str
    column: str
    complete: bool
    """See `ValueIndex.complete`."""
    first: int = 0
    """Number of the column's first value, in a file."""
    size: int = 0
    """How many values are in the index."""
    part: bool = False
    """See `ValueIndex.partial`."""

    @property
    def ids(self) -> tuple[int, int]:
        """Number of its first value, and of the one after its last, in a file."""
        return self.first, self.first + self.size


def _likest(text: str, hits: Sequence[Hit], choices: Sequence[str], limit: int) -> list[NearHit]:
    from rapidfuzz import fuzz, process

    found = process.extract(
        text.casefold(), choices, scorer=fuzz.ratio, processor=None, score_cutoff=CUTOFF, limit=limit
    )
    return [(*hits[at], float(score)) for _, score, at in found]


class MemoryStore:
    """Values of a small database, compared one by one. `numbers` are places in `columns`; None means all."""

    def __init__(self, columns: Iterable[ScannedColumn]) -> None:
        self.columns: list[StoredColumn] = []
        self._hits: list[list[Hit]] = []
        self._exact: set[Hit] = set()
        # Created at the first query: most databases of a run are asked little.
        self._cases: list[list[str]] = []
        self._squashed: dict[str, list[Hit]] = {}
        for number, column in enumerate(columns):
            size = len(column.values)
            place = StoredColumn(column.table, column.column, column.complete, size=size, part=column.part)
            self.columns.append(place)
            self._hits.append([(number, value) for value in column.values])
            self._exact.update(self._hits[-1])

    def holds(self, number: int, value: str) -> bool:
        """Whether the column has exactly this value."""
        return (number, value) in self._exact

    def same(self, text: str, numbers: Sequence[int] | None, limit: int) -> list[Hit]:
        """Values of the same squashed form, those of the same spelling among them."""
        if not self._squashed:
            for hit in chain.from_iterable(self._hits):
                self._squashed.setdefault(squashed(hit[1]), []).append(hit)
        hits = self._squashed.get(squashed(text), [])
        return hits if numbers is None else [hit for hit in hits if hit[0] in numbers]

    def near(self, text: str, numbers: Sequence[int] | None, limit: int) -> list[NearHit]:
        """Values whose likeness to the text is CUTOFF or more, best first."""
        if not self._cases:
            self._cases = [[value.casefold() for _, value in hits] for hits in self._hits]
        wanted = range(len(self._hits)) if numbers is None else numbers
        hits = list(chain.from_iterable(self._hits[number] for number in wanted))
        return _likest(text, hits, list(chain.from_iterable(self._cases[number] for number in wanted)), limit)

    def close(self) -> None:
        """Nothing is open."""


class FileStore:
    """Values in a SQLite file; it answers as `MemoryStore` does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read the list of columns. Raises sqlite3.DatabaseError where the file is no whole index."""
        self._connection = connection
        if connection.execute("SELECT format FROM about").fetchall() != [(FORMAT,)]:
            raise sqlite3.DatabaseError("not an index of this format")
        rows = connection.execute(
            'SELECT "table", "column", complete, first, size, part FROM columns ORDER BY number'
        )
        self.columns = [
            StoredColumn(table, column, bool(done), first, size, bool(part))
            for table, column, done, first, size, part in rows
        ]
        self._starts = [column.first for column in self.columns]

    def holds(self, number: int, value: str) -> bool:
        """Whether the column has exactly this value."""
        sql = 'SELECT 1 FROM "values" WHERE squash = ? AND id >= ? AND id < ? AND value = ? LIMIT 1'
        place = (squashed(value), *self.columns[number].ids, value)
        return self._connection.execute(sql, place).fetchone() is not None

    def same(self, text: str, numbers: Sequence[int] | None, limit: int) -> list[Hit]:
        """Values of the same squashed form, those of the same spelling among them."""
        sql, order = 'SELECT id, value FROM "values" WHERE squash = ?', "ORDER BY value <> ? LIMIT ?"
        squash = squashed(text)
        if numbers is None:
            return self._owned(self._connection.execute(f"{sql} {order}", (squash, text, limit)))
        hits: list[Hit] = []
        for number in numbers:
            place = (squash, *self.columns[number].ids, text, limit)
            hits += self._owned(self._connection.execute(f"{sql} AND id >= ? AND id < ? {order}", place))
        return hits

    def near(self, text: str, numbers: Sequence[int] | None, limit: int) -> list[NearHit]:
        """Values whose likeness to the text is CUTOFF or more, best first."""
        if numbers is not None and sum(self.columns[number].size for number in numbers) <= _SCAN:
            hits: list[Hit] = []
            sql = 'SELECT id, value FROM "values" WHERE id >= ? AND id < ?'
            for number in numbers:
                hits += self._owned(self._connection.execute(sql, self.columns[number].ids))
        else:
            ids = self._candidates(grams(folded(text)), numbers)
            marks = ",".join("?" * len(ids))
            sql = f'SELECT id, value FROM "values" WHERE id IN ({marks})'  # noqa: S608 (marks only)
            hits = self._owned(self._connection.execute(sql, ids))
        return _likest(text, hits, [value.casefold() for _, value in hits], limit)

    def _owned(self, rows: Iterable[tuple[int, str]]) -> list[Hit]:
        return [(bisect_right(self._starts, at) - 1, value) for at, value in rows]

    def _candidates(self, wanted: list[str], numbers: Sequence[int] | None) -> list[int]:
        """Numbers of the values that share the most of the rarest trigrams."""
        sql = f"SELECT rowid, gram, size FROM grams WHERE gram IN ({','.join('?' * len(wanted))})"  # noqa: S608
        if numbers is not None:
            sql += f' AND "column" IN ({",".join(map(str, numbers))})'
        parts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, gram, size in self._connection.execute(sql, wanted):
            parts[gram].append((row, size))
        budget = _BUDGET
        counts: Counter[int] = Counter()
        for gram in sorted(parts, key=lambda gram: (sum(size for _, size in parts[gram]), gram)):
            for row, size in parts[gram]:
                take = min(size, budget)
                budget -= take
                sql = "SELECT substr(ids, 1, ?) FROM grams WHERE rowid = ?"
                if take:
                    ids = array("I")
                    ids.frombytes(self._connection.execute(sql, (4 * take, row)).fetchone()[0])
                    counts.update(ids)
            if not budget:
                break
        least, kept = 1, 0
        for shared, values in sorted(Counter(counts.values()).items(), reverse=True):
            if kept and kept + values > _CANDIDATES:
                break
            least, kept = shared, kept + values
        return [at for at, shared in counts.items() if shared >= least][:_CANDIDATES]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


Store: TypeAlias = MemoryStore | FileStore
"""Where a value index keeps its values."""


def write_store(connection: sqlite3.Connection, columns: Iterable[ScannedColumn]) -> None:
    """Fill an empty SQLite database with an index of the columns' values."""
    connection.executescript(
        """
        PRAGMA journal_mode = OFF;
        PRAGMA synchronous = OFF;
        CREATE TABLE about (format INTEGER);
        CREATE TABLE columns (
            number INTEGER PRIMARY KEY, "table" TEXT, "column" TEXT, complete INTEGER,
            first INTEGER, size INTEGER, part INTEGER
        );
        CREATE TABLE "values" (id INTEGER PRIMARY KEY, value TEXT, squash TEXT);
        CREATE TABLE grams (gram TEXT, "column" INTEGER, size INTEGER, ids BLOB);
        """
    )
    first = 0
    places: list[tuple[object, ...]] = []
    for number, column in enumerate(columns):
        size = len(column.values)
        places.append((number, column.table, column.column, column.complete, first, size, column.part))
        if size:
            _write_values(connection, number, first, column.values)
        first += size
    connection.executemany("INSERT INTO columns VALUES (?, ?, ?, ?, ?, ?, ?)", places)
    connection.execute('CREATE INDEX squash_of_value ON "values" (squash)')
    connection.execute('CREATE UNIQUE INDEX gram_of_column ON grams (gram, "column")')
    connection.execute("INSERT INTO about VALUES (?)", (FORMAT,))
    connection.commit()


def _write_values(connection: sqlite3.Connection, number: int, first: int, values: Sequence[str]) -> None:
    """One column's values, and for each trigram which of them have it."""
    connection.executemany(
        'INSERT INTO "values" VALUES (?, ?, ?)',
        [(at, value, squashed(value)) for at, value in enumerate(values, first)],
    )
    ids: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
    for at, value in enumerate(values, first):
        for gram in grams(folded(value)):
            ids[gram].append(at)
    connection.executemany(
        "INSERT INTO grams VALUES (?, ?, ?, ?)",
        [(gram, number, len(having), having.tobytes()) for gram, having in ids.items()],
    )
