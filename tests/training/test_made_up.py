from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from share_sql.schema.model import ColumnName
from share_sql.training.made_up import ROWS, Witness, write_made_up
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.teacher import teach
from share_sql.training.validate import Validator

from .conftest import CASES, SCHEMA, write_cases, write_tables

CITY, AMOUNT = ColumnName("store", "city"), ColumnName("sale", "amount")
WITNESSES = (
    Witness(((CITY, "=", "Bonn"), (AMOUNT, ">", 6))),
    Witness(((CITY, "like", "%Jena%"), (ColumnName("sale", "store_id"), "=", 77))),
    Witness(((AMOUNT, "<", 6),), "2011"),
)


def made(path: Path, sql: str, seed: int = 0) -> list[Any]:
    write_made_up(SCHEMA, WITNESSES, path, seed)
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_queries_find_what_they_look_for(tmp_path: Path) -> None:
    path = tmp_path / "made.sqlite"
    assert made(path, "SELECT COUNT(*) FROM store") == [(ROWS + 3,)]
    assert made(path, "SELECT 1 FROM store WHERE city = 'Bonn'")
    assert made(path, "SELECT 1 FROM store WHERE city LIKE '%Jena%'")
    assert made(path, "SELECT 1 FROM sale WHERE amount > 6")
    assert made(path, "SELECT 1 FROM sale WHERE amount < 6")
    both = "FROM store JOIN sale ON store.id = sale.store_id WHERE"
    assert made(path, f"SELECT 1 {both} city = 'Bonn' AND amount > 6")
    assert made(path, f"SELECT 1 {both} city LIKE '%Jena%' AND store_id = 77")
    assert made(path, "SELECT 1 FROM sale WHERE rebate IS NULL OR amount IS NULL")


def test_keys_meet_and_tell_rows_apart(tmp_path: Path) -> None:
    path = tmp_path / "made.sqlite"
    assert made(path, "SELECT COUNT(DISTINCT id) FROM store") == [(ROWS + 3,)]
    assert made(path, "SELECT COUNT(*) FROM sale JOIN store ON store.id = sale.store_id") == [(ROWS + 3,)]
    (most,) = made(path, "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM sale GROUP BY store_id)")
    assert most[0] > 1


def test_a_seed_fixes_the_rows(tmp_path: Path) -> None:
    rows = "SELECT * FROM sale"
    first = made(tmp_path / "a.sqlite", rows)
    assert made(tmp_path / "b.sqlite", rows) == first
    assert made(tmp_path / "c.sqlite", rows, seed=1) != first


def test_made_up_databases_stand_in_for_absent_ones(tmp_path: Path) -> None:
    files = SourceFiles(
        "shop",
        "bird",
        cases=str(write_cases(tmp_path / "cases.jsonl", CASES)),
        tables=str(write_tables(tmp_path / "tables.json")),
        made_up=str(tmp_path / "made_up"),
    )
    source = load_source(files)
    rows = teach(source, tmp_path / "data")
    assert [row.proof for row in rows] == ["made-up rows"] * 4 + [""]
    validator = Validator(source)
    gold = "SELECT name FROM store WHERE city = 'Bonn'"
    assert validator.right("shop", "SELECT name FROM store WHERE city IN ('Bonn')", gold) == (
        True,
        "made-up rows",
    )
    assert validator.right("shop", "SELECT name FROM store", gold) == (False, "made-up rows")
    # A count of nothing says no more than no rows.
    none = "SELECT COUNT(*) FROM store WHERE city = 'Ulm'"
    assert validator.right("shop", none.replace("Ulm", "Rom"), none) == (False, "trajectory")
    # Two empty results of made-up rows say nothing: the trajectories decide.
    nobody = "SELECT name FROM store WHERE city = 'Ulm'"
    assert validator.right("shop", nobody.replace("Ulm", "Rom"), nobody) == (False, "trajectory")
    source.close()
    assert json.loads((tmp_path / "data" / "source.json").read_text())["made_up"]


def test_a_database_that_is_there_is_not_made_up(tmp_path: Path, shop_file: Path) -> None:
    files = SourceFiles(
        "shop",
        cases=str(write_cases(tmp_path / "cases.jsonl", CASES[:1])),
        tables=str(write_tables(tmp_path / "tables.json")),
        databases=str(shop_file.parent.parent),
        made_up=str(tmp_path / "made_up"),
    )
    source = load_source(files)
    assert teach(source, tmp_path / "data")[0].proof == "rows"
    assert not source.made_up
    source.close()
