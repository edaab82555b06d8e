"""How the distinct texts of a column are asked for: one entry a dialect. Part of `values`.

A database that types its columns is asked for the texts of its text columns only; one that does not is asked
for every column, and says of numbers that there are some. Large tables are sampled where the dialect has an
entry for it: each names the rows beyond which it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from share_sql.database.base import Database, Limits
from share_sql.schema.model import Column, Table
from share_sql.schema.quote import quoted_name, quoted_table
from share_sql.schema.value_text import MAX_LENGTH


@dataclass(frozen=True)
class Size:
    """What a database guesses of a table's size."""

    rows: float
    remote: bool = False
    """Its rows lie elsewhere, and nobody knows how many: the first are taken."""


@dataclass(frozen=True)
class TextSql:
    """How one dialect is asked for texts."""

    value: str
    """The text in a column `{0}`, NULL where it is too long; a number where it is one."""
    texts: re.Pattern[str] | None = None
    """Types of columns that hold text; None: any column may."""
    sizes: str = ""
    """Namespace, name, rows and whether it is remote, of each table. Empty: not asked."""
    sample: str = ""
    """What gives `{share}` percent of the rows of `{table}`, or `{rows}` of them, under the name s;
    `{column}` is the column that is read."""
    most_rows: float = float("inf")
    """Rows of a table that are looked at; a longer one is sampled."""
    together: int = 200
    """Columns read by one query."""
    seconds: float = float("inf")
    """Time for all columns of a database."""

    def is_text(self, column: Column) -> bool:
        """Whether the column may hold text."""
        return self.texts is None or bool(column.allowed) or self.texts.match(column.type) is not None

    def select(self, table: Table, column: Column, dialect: str, size: Size | None) -> tuple[str, bool]:
        """A SELECT of the column's distinct texts as v, and whether it reads a part of the rows."""
        source, name = quoted_table(table, dialect), quoted_name(column.name, dialect)
        # A table's name goes before the column's: some take a lone "name" that is no column as text.
        owner, part = source, False
        if size is not None and self.sample and (size.remote or size.rows > self.most_rows):
            how = _FIRST if size.remote else self.sample
            share = f"{100 * self.most_rows / max(size.rows, self.most_rows):.4f}"
            source = how.format(table=source, column=name, share=share, rows=int(self.most_rows))
            owner, part = "s", True
        value = self.value.format(f"{owner}.{name}")
        return f"SELECT DISTINCT {value} AS v FROM {source}", part  # noqa: S608 (quoted names)


def sizes(database: Database) -> dict[tuple[object, object], Size]:
    """What the database guesses of its tables' sizes, by namespace and name."""
    sql = TEXT_SQL[database.dialect].sizes
    if not sql:
        return {}
    rows = database.query(sql, Limits(seconds=30.0, rows=1_000_000)).rows
    return {(namespace, name): Size(float(many or 0), bool(remote)) for namespace, name, many, remote in rows}


_FIRST = "(SELECT {column} FROM {table} LIMIT {rows}) AS s"

TEXT_SQL: Mapping[str, TextSql] = MappingProxyType({
    "sqlite": TextSql(
        f"CASE typeof({{0}}) WHEN 'text' THEN CASE WHEN length({{0}}) <= {MAX_LENGTH} THEN {{0}} END "
        "WHEN 'integer' THEN 1 WHEN 'real' THEN 1 END",
    ),
    "postgres": TextSql(
        f"CASE WHEN char_length({{0}}::text) <= {MAX_LENGTH} THEN {{0}}::text END",
        texts=re.compile(r'(?i)(text|character varying|character|bpchar|citext|name|"char")(\(\d+\))?$'),
        # Nothing here waits for a lock, as what looks at a table's file does.
        sizes="""
            SELECT n.nspname::text, c.relname::text, (
                WITH RECURSIVE parts AS (
                    SELECT c.oid AS part UNION ALL
                    SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN parts ON i.inhparent = parts.part
                )
                SELECT sum(greatest(p.reltuples, pg_catalog.pg_stat_get_live_tuples(p.oid), 0))
                FROM pg_catalog.pg_class AS p JOIN parts ON p.oid = parts.part
            ), (c.relkind = 'f')::int
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname <> 'information_schema'
            AND n.nspname NOT LIKE 'pg\\_%' AND NOT c.relispartition
        """,
        sample="{table} AS s TABLESAMPLE SYSTEM ({share}) REPEATABLE (1)",
        most_rows=1_000_000, seconds=180.0,
    ),
    "mysql": TextSql(
        # Whatever the column takes as the same, its spellings are told apart.
        f"CASE WHEN char_length({{0}}) <= {MAX_LENGTH} "
        "THEN CONVERT({0} USING utf8mb4) COLLATE utf8mb4_bin END",
        texts=re.compile(r"(?i)(tiny|medium|long)?text\b|(var)?char\b|enum\(|set\("),
        sizes="""
            SELECT table_schema, table_name, coalesce(table_rows, 0), engine = 'FEDERATED'
            FROM information_schema.tables WHERE table_type <> 'VIEW'
            AND table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
        """,
        sample=_FIRST,
        most_rows=1_000_000, together=50, seconds=180.0,
    ),
    "duckdb": TextSql(
        f"CASE WHEN length({{0}}::VARCHAR) <= {MAX_LENGTH} THEN {{0}}::VARCHAR END",
        texts=re.compile(r"(?i)\A(?:varchar|enum\([^\]]*\))\Z"),
        sizes="""
            SELECT CASE WHEN database_name = current_database() THEN schema_name ELSE database_name END,
            table_name, estimated_size, 0 FROM duckdb_tables() WHERE NOT internal
        """,
        sample="{table} AS s TABLESAMPLE system({share}%) REPEATABLE (1)",
        most_rows=20_000_000, seconds=180.0,
    ),
})  # fmt: skip
"""By dialect."""
