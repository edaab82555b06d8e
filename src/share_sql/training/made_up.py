"""Made-up databases: rows for a schema whose real database is absent, so that queries can be told apart.

Two queries that give other rows on any database differ. So a small one is filled with what makes queries
give rows: for each query a row in every table in which its conditions hold, joined to each other along the
keys; beside them rows at random over the same constants, with NULLs and repeats. That two queries agree
on it is strong evidence, not proof, that they say the same (the idea of Spider's test suites, arXiv
2010.02840).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from share_sql.database.base import Row, Value
from share_sql.dialects import DIALECTS, dialect_of
from share_sql.errors import UsageError
from share_sql.schema.model import Column, ColumnName, Schema, Table

ROWS = 40
"""Rows a table beside those that witness a query."""

MOST_WITNESSES = 600
"""Queries that get rows of their own; later ones share the constants."""

Condition: TypeAlias = "tuple[ColumnName, str, str | int | float]"
"""A comparison in a query: column, operator as in `LiteralUse`, constant."""


@dataclass(frozen=True)
class Witness:
    """What must hold in the rows that are made for one query."""

    conditions: tuple[Condition, ...]
    year: str | None = None
    """A year that the query's text speaks of, for its dates."""


def made_up_file(name: str, dialect: str) -> str:
    """What the file of a made-up database of a dialect is called.

    Raises:
        UsageError: databases of this dialect are no files; the message names those that are.
    """
    if dialect not in WRITERS:
        some = " or ".join(DIALECTS[each].title for each in WRITERS)
        raise UsageError(
            f"rows are made up in files, of {some}, and {dialect_of(dialect).title} has none; without them "
            "queries are compared by their trajectories"
        )
    return name + dialect_of(dialect).endings[0]


def write_made_up(schema: Schema, witnesses: Sequence[Witness], path: Path, seed: int = 0) -> None:
    """Make a database up and write it as a file of the schema's dialect.

    Args:
        schema: its tables, columns and keys; constraints are not declared in the file.
        witnesses: one a query.
        path: the file, replaced where it is there.
        seed: fixes the rows.

    Raises:
        UsageError: databases of the dialect are no files, or what writes them is not installed.
    """
    made_up_file("", schema.dialect)
    maker = _Maker(schema, witnesses, random.Random(f"{seed}/{schema.name}"))  # noqa: S311
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    WRITERS[schema.dialect](
        part,
        (
            (table, [tuple(row[column.name] for column in table.columns) for row in maker.rows(table)])
            for table in schema.tables
        ),
    )
    part.replace(path)


Filled: TypeAlias = "tuple[Table, list[Row]]"
"""A table and its rows."""


def _write_sqlite(path: Path, tables: Iterable[Filled]) -> None:
    import sqlite3

    with closing(sqlite3.connect(path)) as connection:
        for table, rows in tables:
            columns = ", ".join(
                f"{_in_quotes(column.name)} {_affinity(column.type)}" for column in table.columns
            )
            connection.execute(f"CREATE TABLE {_in_quotes(table.name)} ({columns})")
            marks = ", ".join("?" for _ in table.columns)
            connection.executemany(f"INSERT INTO {_in_quotes(table.name)} VALUES ({marks})", rows)  # noqa: S608
        connection.commit()


def _write_duckdb(path: Path, tables: Iterable[Filled]) -> None:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UsageError("DuckDB is not installed; pip install 'share-sql[duckdb]'") from None
    with closing(duckdb.connect(str(path))) as connection:
        for table, rows in tables:
            kinds = [_strict_type(column) for column in table.columns]
            columns = [
                f"{_in_quotes(column.name)} {kind}" for column, kind in zip(table.columns, kinds, strict=True)
            ]
            connection.execute(f"CREATE TABLE {_in_quotes(table.name)} ({', '.join(columns)})")
            # A column at a time, as text: a row at a time takes a thousand times as long. What is no value of
            # the column's type (a query may compare a number with a text) becomes NULL.
            casts = ", ".join(f"TRY_CAST(unnest(CAST(? AS VARCHAR[])) AS {kind})" for kind in kinds)
            texts = [
                [None if value is None else str(value) for value in values]
                for values in zip(*rows, strict=True)
            ]
            connection.execute(f"INSERT INTO {_in_quotes(table.name)} SELECT {casts}", texts)


WRITERS: Mapping[str, Callable[[Path, Iterable[Filled]], None]] = MappingProxyType(
    {"sqlite": _write_sqlite, "duckdb": _write_duckdb}
)
"""By dialect: writes tables with their rows into a new file. The others' databases are no files."""


def _in_quotes(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _strict_type(column: Column) -> str:
    """A type for a column whose values the database holds to it."""
    low = column.type.lower()
    for words, kind in (
        (("timestamp", "datetime"), "TIMESTAMP"),
        (("date",), "DATE"),
    ):
        if any(word in low for word in words):
            return kind
    return {"INTEGER": "BIGINT", "NUMERIC": "DOUBLE"}.get(_affinity(column.type), "VARCHAR")


def _satisfying(operator: str, value: str | int | float) -> str | int | float | None:
    """A value for which the comparison holds; None where any will mostly do."""
    if operator in ("!=", "is not", "not in", "not like", "not glob", "not between"):
        return None
    if isinstance(value, str):
        if operator in ("like", "glob"):
            return value.replace("%", "").replace("*", "").replace("_", " ")
        return value + "0" if operator == ">" else value
    return value + {">": 1, "<": -1}.get(operator, 0)


def _affinity(declared: str) -> str:
    low = declared.lower()
    if any(word in low for word in ("int", "bool")):
        return "INTEGER"
    if any(word in low for word in ("real", "num", "dec", "float", "double")):
        return "NUMERIC"
    return "TEXT"


def _is_date(column: Column) -> bool:
    return any("date" in text.lower() or text.lower() == "time" for text in (column.type, column.name))


class _Maker:
    """Rows of one schema's tables; a table's parents are made before it."""

    def __init__(self, schema: Schema, witnesses: Sequence[Witness], rng: random.Random) -> None:
        self.schema = schema
        self.rng = rng
        self.witnesses = witnesses[:MOST_WITNESSES]
        self.total = len(self.witnesses) + ROWS
        self.made: dict[str, list[dict[str, Value]]] = {}
        self.under_way: set[str] = set()
        self.wanted: dict[tuple[str, int], dict[str, str | int | float]] = {}
        """By table and row: values that a witness needs there."""
        self.constants: dict[ColumnName, list[str | int | float]] = {}
        for at, witness in enumerate(self.witnesses):
            for column, operator, value in witness.conditions:
                self.want(at, column, _satisfying(operator, value))
                self.constants.setdefault(column, []).append(value)

    def want(self, at: int, column: ColumnName, value: str | int | float | None, depth: int = 0) -> None:
        """Note a value for a row, and for the row that it refers to."""
        if value is None or depth > 8:
            return
        self.wanted.setdefault((column.table, at), {}).setdefault(column.column, value)
        for key in self.schema.foreign_keys:
            if (key.table.lower(), key.column.lower()) == (column.table.lower(), column.column.lower()):
                to = self.schema.table(key.to_table)
                target = to.column(key.to_column) if to else None
                if to is not None and target is not None and to.name != column.table:
                    self.want(at, ColumnName(to.name, target.name), value, depth + 1)

    def rows(self, table: Table) -> list[dict[str, Value]]:
        """The table's rows; those of the witnesses first."""
        if table.name not in self.made:
            self.under_way.add(table.name)
            parents = self.parents(table)
            pools = {column.name: self.pool(table, column) for column in table.columns}
            alone = table.primary_key[0] if len(table.primary_key) == 1 else None
            dates = [column.name for column in table.columns if _is_date(column)]
            taken: set[Value] = set()
            rows = []
            for at in range(self.total):
                row = {name: self.draw(pool) for name, pool in pools.items()}
                year = self.witnesses[at].year if at < len(self.witnesses) else None
                if year is not None:
                    row.update((name, f"{year}-{at % 12 + 1:02}-{at % 28 + 1:02}") for name in dates)
                if alone in row:
                    row[alone] = f"{alone} {at}" if _affinity(_type(table, alone)) == "TEXT" else at + 1
                row.update(self.wanted.get((table.name, at), {}))
                for pairs, known in parents:
                    # A witness refers to its own rows; others do as it happens, but one to one where the
                    # reference is the key.
                    own = known[at] if alone in pairs or at < len(self.witnesses) else self.rng.choice(known)
                    row.update({column: own[to] for column, to in pairs.items()})
                if alone in row:
                    if row[alone] in taken:  # no two rows have one key
                        row[alone] = 10**6 + at
                    taken.add(row[alone])
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

    def pool(self, table: Table, column: Column) -> list[Value]:
        """Values to draw from: constants of queries, values near them, and fillers by the column's name."""
        pool: list[Value] = []
        for constant in self.constants.get(ColumnName(table.name, column.name), ()):
            if isinstance(constant, str):
                pool.append(constant.replace("%", "").replace("_", " "))
            else:
                pool += [constant, constant - 1, constant + 1]
        self.rng.shuffle(pool)
        pool = pool[:30]
        kind = _affinity(column.type)
        if _is_date(column):
            pool += [f"{2005 + number}-{number:02}-{2 * number:02}" for number in range(1, 12)]
        elif kind == "TEXT":
            pool += [f"{column.name} {number}" for number in range(1, 9)]
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


def _type(table: Table, name: str) -> str:
    column = table.column(name)
    return column.type if column else ""
