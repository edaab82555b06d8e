"""The demo's database: the same rows from the same seed, and the features the demo promises."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.demo.cases import load_meanings
from share_sql.demo.database import SEED, make_rows, write_database
from share_sql.schema.model import ColumnName

ROWS_OF_SEED = "c7b2a86ff88bdede6243990d8254267a99fa87991fcd2b3b10038b4c9fa5498e"


def digest(rows: object) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("demo") / "shop.sqlite"
    write_database(path)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def test_the_seed_gives_the_same_rows_on_every_machine() -> None:
    assert digest(make_rows(SEED)) == ROWS_OF_SEED


def test_another_seed_gives_other_rows() -> None:
    assert digest(make_rows(SEED + 1)) != ROWS_OF_SEED


def test_files_of_one_seed_hold_the_same_rows_and_leave_nothing_beside(tmp_path: Path) -> None:
    first, second = tmp_path / "first.sqlite", tmp_path / "second.sqlite"
    second.write_text("something else was here")
    write_database(first)
    write_database(second)
    dumps = []
    for path in (first, second):
        connection = sqlite3.connect(path)
        dumps.append("\n".join(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1]
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_tables_are_neither_tiny_nor_large() -> None:
    counts = {table: len(rows) for table, rows in make_rows().items()}
    assert len(counts) == 8
    assert all(50 <= count <= 800 for count in counts.values()), counts


def test_keys_hold(shop: sqlite3.Connection) -> None:
    assert shop.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM employees AS e JOIN employees AS m ON m.employee_id = e.manager_id",
        "SELECT 1 FROM orders WHERE shipped_on IS NULL",
        "SELECT 1 FROM customers WHERE contact_name IS NULL",
        'SELECT 1 FROM "Order Lines" WHERE "Unit Price" > 100',
        "SELECT 1 FROM stores WHERE city = 'Köln'",
        "SELECT 1 FROM employees WHERE last_name = 'O''Brien'",
        'SELECT 1 FROM returns AS r JOIN "Order Lines" AS l USING (order_id, line_no)',
        'SELECT 1 FROM products WHERE product_id NOT IN (SELECT product_id FROM "Order Lines")',
    ],
)
def test_it_holds_what_the_drafts_stumble_over(shop: sqlite3.Connection, sql: str) -> None:
    assert shop.execute(sql).fetchone() is not None


def test_dates_are_real_and_orders_ship_after_they_are_placed(shop: sqlite3.Connection) -> None:
    days = shop.execute("SELECT ordered_on, shipped_on FROM orders").fetchall()
    assert any(shipped is not None for _, shipped in days)
    assert all(re.fullmatch(r"202[1-4]-\d\d-\d\d", day) for day, _ in days)
    assert all(shipped > ordered for ordered, shipped in days if shipped is not None)


def test_every_column_has_a_meaning_and_no_other(shop: sqlite3.Connection) -> None:
    tables = [row[0] for row in shop.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {
        ColumnName(table, row[1]) for table in tables for row in shop.execute(f'PRAGMA table_info("{table}")')
    }
    assert set(load_meanings()) == columns
