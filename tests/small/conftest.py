"""A data folder over a shop, as `share data teacher` leaves it, and a little llama."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from share_sql.training.sources import SourceFiles

SCRIPT = """
CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT, city TEXT, size INTEGER);
INSERT INTO store VALUES (1, 'North', 'Bonn', 40), (2, 'South', 'Bonn', 70), (3, 'East', 'Jena', 55);
"""
CASES = [
    {
        "id": "1",
        "question": "Which stores are in Bonn?",
        "gold": "SELECT name FROM store WHERE city = 'Bonn'",
    },
    {
        "id": "2",
        "question": "Which is the largest store?",
        "gold": "SELECT name FROM store ORDER BY size DESC LIMIT 1",
    },
]


def data_folder(folder: Path, database: str, gold: str = "") -> Path:
    """A data folder named spider-train whose database has this name; `gold` is the first case's, if given."""
    path = folder / "databases" / database / f"{database}.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.executescript(SCRIPT)
    connection.close()
    cases = folder / "cases.jsonl"
    rows = [{**case, "database": database} for case in CASES]
    rows[0]["gold"] = gold or rows[0]["gold"]
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    source = folder / "spider-train"
    SourceFiles("spider-train", cases=str(cases), databases=str(folder / "databases")).write(source)
    return source


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    """A data folder whose database is learnt from."""
    return data_folder(tmp_path, "bike_1")


@pytest.fixture
def kept_aside(tmp_path: Path) -> Path:
    """A data folder whose database is held out."""
    return data_folder(tmp_path, "activity_1")
