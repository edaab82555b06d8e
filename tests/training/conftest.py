"""A small source of labelled cases over a shop: with its database, or with its schema alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.training.sources import Source, SourceFiles, load_source

SCHEMA = Schema(
    "shop",
    (
        Table(
            "store",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("name", "TEXT"),
                Column("city", "TEXT"),
                Column("size", "INTEGER"),
            ),
            ("id",),
        ),
        Table(
            "sale",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("store_id", "INTEGER"),
                Column("amount", "REAL"),
                Column("rebate", "REAL"),
            ),
            ("id",),
        ),
    ),
    (ForeignKey("sale", "store_id", "store", "id"),),
)

SCRIPT = """
CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT, city TEXT, size INTEGER);
CREATE TABLE sale (
    id INTEGER PRIMARY KEY, store_id INTEGER REFERENCES store (id), amount REAL, rebate REAL);
INSERT INTO store VALUES (1, 'North', 'Bonn', 40), (2, 'South', 'Bonn', 70), (3, 'East', 'Jena', 55);
INSERT INTO sale VALUES (1, 1, 10.0, 0.5), (2, 1, 5.5, 0.0), (3, 3, 7.0, 1.0);
"""

CASES: list[dict[str, Any]] = [
    {
        "id": "1",
        "question": "Which stores are in Bonn?",
        "gold": "SELECT name FROM store WHERE city = 'Bonn'",
        "draft": "SELECT s.name FROM store s WHERE s.city = 'Bonn'",
    },
    {
        "id": "2",
        "question": "What was sold for more than 6 in Bonn?",
        "gold": "SELECT T2.amount FROM store AS T1 INNER JOIN sale AS T2 ON T1.id = T2.store_id "
        "WHERE T1.city = 'Bonn' AND T2.amount > 6",
        "draft": "SELECT T2.amount FROM store AS T1 INNER JOIN sale AS T2 ON T1.id = T2.store_id "
        "WHERE T1.city = 'Bonn' AND T2.amount > 5",
    },
    {
        "id": "3",
        "question": "Which is the largest store?",
        "gold": "SELECT name FROM store ORDER BY size DESC LIMIT 1",
        "draft": "SELECT name FROM store LIMIT 1",
    },
    {
        "id": "4",
        "question": "How many sales?",
        "gold": "SELECT COUNT(*) FROM sale",
        "draft": "I do not know.",
    },
    {"id": "5", "question": "Nonsense?", "gold": "DELETE FROM sale", "draft": "SELECT 1"},
]


@pytest.fixture
def shop_file(tmp_path: Path) -> Path:
    folder = tmp_path / "databases" / "shop"
    folder.mkdir(parents=True)
    path = folder / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    connection.close()
    return path


def write_tables(path: Path) -> Path:
    """The schema as a tables.json."""
    columns: list[list[Any]] = [[-1, "*"]]
    types = ["text"]
    for number, table in enumerate(SCHEMA.tables):
        columns += [[number, column.name] for column in table.columns]
        types += ["text" if column.type == "TEXT" else "number" for column in table.columns]
    entry = {
        "db_id": "shop",
        "table_names": ["store", "sale"],
        "table_names_original": ["store", "sale"],
        "column_names": columns,
        "column_names_original": columns,
        "column_types": types,
        "primary_keys": [1, 5],
        "foreign_keys": [[6, 1]],
    }
    path.write_text(json.dumps([entry]), encoding="utf-8")
    return path


def write_cases(path: Path, cases: list[dict[str, Any]], *, drafts: bool = True) -> Path:
    """A file of cases about the shop."""
    lines = [{"database": "shop", **case} for case in cases]
    if not drafts:
        lines = [{key: value for key, value in line.items() if key != "draft"} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


Make = Callable[..., Source]


@pytest.fixture
def make_source(tmp_path: Path, shop_file: Path) -> Iterator[Make]:
    """Make a source: `live` with its database, else with tables.json alone."""
    made: list[Source] = []

    def make(
        cases: list[dict[str, Any]] | None = None,
        *,
        live: bool = True,
        drafts: bool = True,
        name: str = "shop",
        rule: str = "bird",
    ) -> Source:
        number = len(made)
        file = write_cases(
            tmp_path / f"cases{number}.jsonl", CASES if cases is None else cases, drafts=drafts
        )
        tables = write_tables(tmp_path / "tables.json")
        made.append(
            load_source(
                SourceFiles(
                    name,
                    rule,
                    cases=str(file),
                    tables=str(tables),
                    databases=str(shop_file.parent.parent) if live else None,
                )
            )
        )
        return made[-1]

    yield make
    for source in made:
        source.close()
