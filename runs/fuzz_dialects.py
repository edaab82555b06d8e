"""Give sqlglot's own test queries of all dialects to the reader of SQL and to the repairs.

    python runs/fuzz_dialects.py FOLDER [--repair N]

FOLDER is an unpacked source distribution of sqlglot (`pip download --no-binary :all: --no-deps sqlglot`).
Each query is parsed as its own dialect and as SQLite, turned into a trajectory, and read as a draft for a
small database of each dialect; every N-th is corrected too. What fails must fail with an error of
`share_sql.errors`. Prints how many queries there were, how many could be read and translated, and each
failure; ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import ast
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.dialects import DIALECTS
from share_sql.edits.foreign import translations
from share_sql.errors import ShareError
from share_sql.schema.model import Column, Schema, Table
from share_sql.sql.names import resolve_tree
from share_sql.sql.text import extract_sql, parse_select
from share_sql.trajectory.from_sql import from_sql, from_tree

SCHEMA = Schema("fuzz", (
    Table("x", (Column("a", "INTEGER"), Column("b", "TEXT"), Column("c", "DATE"), Column("d", "REAL"))),
    Table("y", (Column("a", "INTEGER"), Column("e", "DATETIME"))),
    Table("t", (Column("x", "INTEGER"), Column("col", "TEXT"))),
))  # fmt: skip
SCHEMAS = {name: replace(SCHEMA, dialect=name) for name in DIALECTS}


def queries(folder: Path) -> Iterator[tuple[str, str]]:
    """Each test query with its dialect: texts of `validate_…` calls, and the fixtures' lines."""
    root = folder / "tests" if (folder / "tests").is_dir() else folder
    for path in sorted(root.rglob("*.sql")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith(("#", "--")):
                yield "sqlite", line.rstrip(";")
    for path in sorted((root / "dialects").glob("test_*.py")):
        name = path.stem.removeprefix("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_check = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if not is_check or not node.func.attr.startswith(("validate", "parse")):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                    yield name, part.value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repair", type=int, default=10, help="give every N-th query to the repairs")
    arguments = parser.parse_args()
    found = dict.fromkeys(queries(arguments.folder))
    counts: Counter[str] = Counter()
    failures: dict[str, tuple[str, str]] = {}

    def tried(name: str, dialect: str, sql: str, what: object) -> None:
        try:
            what()  # type: ignore[operator]
            counts[name] += 1
        except ShareError:
            counts[f"{name}, refused"] += 1
        except BaseException as error:
            counts[f"{name}, FAILED"] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{name}: {type(error).__name__}: {error} at {last.filename}:{last.lineno}"
            failures.setdefault(key[:300], (dialect, sql))

    with tempfile.TemporaryDirectory() as folder, Assistant() as assistant:
        path = Path(folder) / "fuzz.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            for table in SCHEMA.tables:
                columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
                connection.execute(f"CREATE TABLE {table.name} ({columns})")
            connection.commit()
        for number, (dialect, sql) in enumerate(found):
            tried("trajectory from SQLite", dialect, sql, lambda sql=sql: from_sql(sql, SCHEMA))
            tried("trajectory from its dialect", dialect, sql, lambda d=dialect, sql=sql: _own(sql, d))
            for target, schema in SCHEMAS.items():
                name = f"translations for {target}"
                tried(name, dialect, sql, lambda sql=sql, schema=schema: list(translations(sql, schema)))
            tried("extract", dialect, sql, lambda sql=sql: extract_sql(sql))
            if number % arguments.repair == 0:
                case = Case("1", "Which?", str(path), sql)
                tried("repair", dialect, sql, lambda case=case: assistant.correct(case))
    print(f"{len(found):,} queries of {len({dialect for dialect, _ in found})} dialects")
    for name, count in sorted(counts.items()):
        print(f"  {count:>7,} {name}")
    for message, (dialect, sql) in failures.items():
        print(f"{message}\n    {dialect}: {sql[:300]!r}")
    return 1 if failures else 0


def _own(sql: str, dialect: str) -> None:
    from sqlglot.dialects.dialect import Dialect

    if Dialect.get(dialect) is None:
        return
    tree = parse_select(sql, dialect)
    from_tree(tree, resolve_tree(tree, SCHEMA, sql), SCHEMA)


if __name__ == "__main__":
    sys.exit(main())
