"""Compares the resolver's findings with what SQLite says of the same SQL, over gold and drafts.

    python runs/linked_columns.py [DATA]

DATA is the data folder (default: where SHARE_DATA points, else ../shared/data). For each file of SQL whose
databases are there: `clean` queries that SQLite takes and the resolver finds no fault with, `right` ones
that SQLite refuses for a name and the resolver names the same name, `other` ones refused for another reason
(grammar, wrong arity), `false` alarms and `missed` faults, which are printed. For BIRD's files without
databases, faults of gold against tables.json alone are counted by database. At the end, milliseconds a
query: parsing and resolving.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import SqlError
from share_sql.schema.introspect import introspect, merge
from share_sql.schema.model import Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.sql.names import resolve
from share_sql.sql.resolution import Resolution
from share_sql.sql.text import extract_sql


def faults(found: Resolution) -> set[str]:
    """The names at fault, lower case, without qualifiers."""
    columns = [*found.unknown_columns, *found.ambiguous]
    return {name.lower() for name in (*found.unknown_tables, *(fault.column for fault in columns))}


def refusal(path: Path, sql: str) -> str | None:
    """SQLite's message about a query, None where it takes it. Nothing is run: EXPLAIN."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("EXPLAIN " + sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            return str(error)
    return None


def compare(
    title: str, cases: Iterable[tuple[str, str]], schemas: dict[str, Schema], paths: dict[str, Path]
) -> None:
    """Print one line of counts, and the cases that differ from SQLite."""
    counts: Counter[str] = Counter()
    for database, text in cases:
        if database not in paths:
            continue
        message = refusal(paths[database], text.split("\t----- bird -----")[0])
        try:
            found = faults(resolve(extract_sql(text), schemas[database]))
        except SqlError as error:
            found = {str(error)}
        name = message.rpartition(": ")[2].rpartition(".")[2].lower() if message else ""
        about_name = (message or "").startswith(("no such column", "no such table", "ambiguous column"))
        if message is None:
            kind = "false" if found else "clean"
        elif about_name:
            kind = "right" if name in found else "missed"
        else:
            kind = "other"
        counts[kind] += 1
        if kind in ("false", "missed"):
            print(f"    {kind}: {database}: {message}: {sorted(found)}: {' '.join(text.split())[:200]}")
    print(f"{title:28}{sum(counts.values()):6}  {dict(sorted(counts.items()))}")


def against_declaration(title: str, cases: list[tuple[str, str]], schemas: dict[str, Schema]) -> None:
    """Print in which databases gold names what tables.json lacks."""
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    for database, sql in cases:
        counts[database] += bool(faults(resolve(sql, schemas[database])))
    took = 1e3 * (time.perf_counter() - start) / len(cases)
    print(f"{title:28}{len(cases):6}  not in tables.json: {dict(+counts)}; {took:.2f} ms a query")


def main() -> None:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SHARE_DATA", beside))
    logging.disable()

    def read(name: str) -> list[dict[str, str]]:
        return list(json.loads((data / name).read_text("utf-8")))

    for benchmark, tables, folder in (
        ("spider", "spider/tables.json", "spider/database"),
        ("bird", "bird/dev/dev_tables.json", "bird/dev/dev_databases"),
    ):
        paths = {path.stem: path for path in sorted(data.glob(f"{folder}/*/*.sqlite"))}
        schemas = read_tables_json(data / tables)
        for name, path in paths.items():
            with SqliteDatabase(path) as database:
                schemas[name] = merge(introspect(database), schemas[name])
        if benchmark == "spider":
            dev = read("spider/dev.json")
            for part in ("dev", "train"):
                gold = [(case["db_id"], case["query"]) for case in read(f"spider/{part}.json")]
                compare(f"Spider {part} gold", gold, schemas, paths)
        else:
            dev = read("bird/dev/dev.json")
            compare("BIRD dev gold", [(case["db_id"], case["SQL"]) for case in dev], schemas, paths)
        for path in sorted((data / tables).parent.glob("drafts/*.json")):
            drafts = json.loads(path.read_text("utf-8"))
            if isinstance(drafts, list):
                pairs = [(case["db_id"], sql) for case, sql in zip(dev, drafts, strict=True)]
            else:
                pairs = [
                    (case["db_id"], drafts[str(case["question_id"])])
                    for case in dev
                    if str(case["question_id"]) in drafts
                ]
            compare(f"{benchmark} {path.stem}", pairs, schemas, paths)
    for title, cases, tables in (
        ("BIRD dev gold", "bird/dev/dev.json", "bird/dev/dev_tables.json"),
        ("BIRD train gold", "bird/train/train.json", "bird/train/train_tables.json"),
    ):
        pairs = [(case["db_id"], case["SQL"]) for case in read(cases)]
        against_declaration(title, pairs, read_tables_json(data / tables))


if __name__ == "__main__":
    main()
