"""Made-up databases: rows for a schema whose real database is absent, so that queries can be told apart.

Two queries that give other rows on any database differ. So a small one is filled at random, with what
makes queries give rows: the constants that they compare columns with, keys that meet, equal values in
columns of one name, some NULLs and some repeats. That two queries agree on it is strong evidence, not
proof, that they say the same (the idea of Spider's test suites, arXiv 2010.02840).
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from share_sql.database.base import Value
from share_sql.schema.model import ColumnName, Schema, Table
from share_sql.trajectory.sql_text import name as quoted

ROWS = 60
"""Rows a table."""

Constants = Mapping[ColumnName, Sequence["str | int | float"]]


def write_made_up(schema: Schema, constants: Constants, path: Path, seed: int = 0) -> None:
    """Make a database up and write it as a SQLite file.

    Args:
        schema: its tables, columns and keys; constraints are not declared in the file.
        constants: by column, what queries compare it with. Patterns of LIKE may be among them.
        path: the file, replaced where it is there.
        seed: fixes the rows.
    """
    maker = _Maker(schema, constants, random.Random(f"{seed}/{schema.name}"))  # noqa: S311
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as connection:
        for table in schema.tables:
            columns = ", ".join(f"{quoted(column.name)} {_affinity(column.type)}" for column in table.columns)
            connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
            marks = ", ".join("?" for _ in table.columns)
            rows = [tuple(row[column.name] for column in table.columns) for row in maker.rows(table)]
            connection.executemany(f"INSERT INTO {quoted(table.name)} VALUES ({marks})", rows)  # noqa: S608
        connection.commit()
    part.replace(path)


def _affinity(declared: str) -> str:
    low = declared.lower()
    if any(word in low for word in ("int", "bool")):
        return "INTEGER"
    if any(word in low for word in ("real", "num", "dec", "float", "double")):
        return "NUMERIC"
    return "TEXT"


class _Maker:
    """Rows of one schema's tables; a table's parents are made before it."""

    def __init__(self, schema: Schema, constants: Constants, rng: random.Random) -> None:
        self.schema = schema
        self.constants = constants
        self.rng = rng
        self.made: dict[str, list[dict[str, Value]]] = {}
        self.under_way: set[str] = set()

    def rows(self, table: Table) -> list[dict[str, Value]]:
        """The table's rows."""
        if table.name not in self.made:
            self.under_way.add(table.name)
            parents = self.parents(table)
            pools = {column.name: self.pool(table, column.name, column.type) for column in table.columns}
            alone = table.primary_key[0] if len(table.primary_key) == 1 else None
            rows = []
            for at in range(ROWS):
                row = {name: self.draw(pool) for name, pool in pools.items()}
                if alone in row:
                    row[alone] = _distinct(pools[alone], at)
                for pairs, known in parents:
                    # One key to one: every parent in turn. Many to one: some parents more than once.
                    own = known[at] if alone in pairs else self.rng.choice(known)
                    row.update({column: own[to] for column, to in pairs.items()})
                rows.append(row)
            self.made[table.name] = rows
            self.under_way.discard(table.name)
        return self.made[table.name]

    def parents(self, table: Table) -> list[tuple[dict[str, str], list[dict[str, Value]]]]:
        """For each foreign key: column to column, and the rows it refers to."""
        keys: dict[tuple[str, object], dict[str, str]] = {}
        for at, key in enumerate(self.schema.foreign_keys):
            own, to = table.column(key.column), self.schema.table(key.to_table)
            if key.table.lower() != table.name.lower() or own is None or to is None:
                continue
            target = to.column(key.to_column)
            if target is not None and to.name not in self.under_way:
                group = (to.name, at if key.group is None else ("group", key.group))
                keys.setdefault(group, {})[own.name] = target.name
        found = []
        for (to_name, _), pairs in keys.items():
            parent = self.schema.table(to_name)
            assert parent is not None
            found.append((pairs, self.rows(parent)))
        return found

    def pool(self, table: Table, column: str, declared: str) -> list[Value]:
        """Values to draw from: constants of queries, values near them, and fillers by the column's name."""
        pool: list[Value] = []
        for constant in self.constants.get(ColumnName(table.name, column), ()):
            if isinstance(constant, str):
                pool.append(constant.replace("%", "").replace("_", " "))
            else:
                pool += [constant, constant - 1, constant + 1]
        self.rng.shuffle(pool)
        pool = pool[: ROWS // 2]
        kind = _affinity(declared)
        if kind == "TEXT":
            # Numbers as text for some: keys and codes are often declared so.
            pool += [f"{column} {number}" for number in range(1, 9)]
        else:
            pool += list(range(1, 13)) + ([0.5, 2.5, 7.25] if kind == "NUMERIC" else [])
        return pool

    def draw(self, pool: list[Value]) -> Value:
        """A value, now and then NULL; the first half of a pool more often."""
        if self.rng.random() < 0.04:
            return None
        if self.rng.random() < 0.4:
            return self.rng.choice(pool[: max(1, len(pool) // 2)])
        return self.rng.choice(pool)


def _distinct(pool: list[Value], at: int) -> Value:
    """The value of a key in row `at`: the pool's own first, then others of its kind."""
    own = list(dict.fromkeys(pool))
    if at < len(own):
        return own[at]
    return f"{own[-1]}/{at}" if isinstance(own[-1], str) else 1000 + at
