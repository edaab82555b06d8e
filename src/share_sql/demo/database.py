"""The demo's database: a builders' wholesaler, made from a seed.

Eight tables with foreign keys, among them a table that refers to itself (`employees.manager_id`), a
compound key (`returns` to `Order Lines`), names with spaces, dates, codes and NULLs. The same seed gives
the same rows on every machine and version of Python: only `random.Random.random` is drawn from, the one
method whose sequence Python promises to keep.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final, TypeAlias, TypeVar

from share_sql.demo import vocabulary as words

NAME: Final = "shop"
"""The database's name, as cases speak of it."""

WRITTEN_FOR: Final = "sqlite"
"""The dialect of the questions' gold and drafts."""

SEED: Final = 20250601
"""The seed that the demo's questions and drafts were written for."""

SCHEMA: Final = """
CREATE TABLE stores (
    store_id INTEGER PRIMARY KEY,
    store_name TEXT NOT NULL,
    city TEXT NOT NULL,
    region TEXT NOT NULL,
    opened_on DATE NOT NULL,
    closed_on DATE,
    floor_area INTEGER
);
CREATE TABLE employees (
    employee_id INTEGER PRIMARY KEY,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    job_title TEXT NOT NULL,
    store_id INTEGER NOT NULL REFERENCES stores (store_id),
    manager_id INTEGER REFERENCES employees (employee_id),
    hired_on DATE NOT NULL,
    salary REAL NOT NULL,
    email TEXT
);
CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY,
    company_name TEXT NOT NULL,
    contact_name TEXT,
    city TEXT NOT NULL,
    country_code TEXT NOT NULL,
    segment TEXT NOT NULL,
    credit_limit REAL,
    joined_on DATE NOT NULL
);
CREATE TABLE suppliers (
    supplier_id INTEGER PRIMARY KEY,
    supplier_name TEXT NOT NULL,
    city TEXT NOT NULL,
    country_code TEXT NOT NULL,
    rating INTEGER
);
CREATE TABLE products (
    product_id INTEGER PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    product_name TEXT NOT NULL,
    category TEXT NOT NULL,
    supplier_id INTEGER NOT NULL REFERENCES suppliers (supplier_id),
    list_price REAL NOT NULL,
    weight_kg REAL,
    discontinued INTEGER NOT NULL,
    launched_on DATE NOT NULL
);
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY,
    order_number TEXT NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customers (customer_id),
    employee_id INTEGER NOT NULL REFERENCES employees (employee_id),
    ordered_on DATE NOT NULL,
    shipped_on DATE,
    status TEXT NOT NULL,
    "Ship Via" TEXT
);
CREATE TABLE "Order Lines" (
    order_id INTEGER NOT NULL REFERENCES orders (order_id),
    line_no INTEGER NOT NULL,
    product_id INTEGER NOT NULL REFERENCES products (product_id),
    "Unit Price" REAL NOT NULL,
    Quantity INTEGER NOT NULL,
    Discount REAL NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE returns (
    return_id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    reason_code TEXT NOT NULL,
    returned_on DATE NOT NULL,
    refund REAL,
    FOREIGN KEY (order_id, line_no) REFERENCES "Order Lines" (order_id, line_no)
);
"""

Cell: TypeAlias = str | int | float | None
Rows: TypeAlias = list[tuple[Cell, ...]]
Item = TypeVar("Item")

_STORES, _EMPLOYEES, _CUSTOMERS, _SUPPLIERS, _PRODUCTS, _ORDERS, _RETURNS = 50, 210, 160, 54, 150, 420, 72
_FIRST_ORDER = date(2021, 1, 4)
_ORDER_DAYS = 1430


def write_database(path: Path) -> None:
    """Write the demo's database, in place of any file there.

    The file appears whole or not at all: it is written beside `path` and then renamed.

    Args:
        path: the SQLite file; its folder must exist.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(part)
        try:
            connection.executescript(SCHEMA)
            for table, rows in make_rows().items():
                marks = ", ".join("?" * len(rows[0]))
                # Table names are this module's own constants.
                connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608
            connection.commit()
        finally:
            connection.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_rows(seed: int = SEED) -> dict[str, Rows]:
    """All rows of the demo's database.

    Args:
        seed: decides every row.

    Returns:
        Rows by table, in the schema's order of tables and columns.
    """
    shop = _Shop(_Dice(seed))
    shop.add_stores()
    shop.add_employees()
    shop.add_customers()
    shop.add_suppliers()
    shop.add_products()
    shop.add_orders()
    shop.add_returns()
    return shop.tables


class _Dice:
    """Draws from `Random.random` alone, for the same rows everywhere."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random  # noqa: S311 - a demo's rows, no secret

    def below(self, bound: int) -> int:
        return int(self._random() * bound)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def early(self, bound: int) -> int:
        """A number below `bound`, small ones more often: a few customers and goods sell most."""
        return min(self.below(bound), self.below(bound))


@dataclass
class _Shop:
    dice: _Dice
    tables: dict[str, Rows] = field(default_factory=dict)

    def add_stores(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("stores", [])
        for number in range(1, _STORES + 1):
            city = words.STORE_CITIES[(number - 1) % len(words.STORE_CITIES)]
            street = words.STREETS[(number * 5) % len(words.STREETS)]
            opened = date(1998, 3, 1) + timedelta(days=dice.below(8600))
            closed = opened + timedelta(days=dice.between(700, 1500)) if dice.chance(12) else None
            area = dice.between(30, 240) * 10 if dice.chance(90) else None
            name = f"{city} {street} {number:02d}"
            region = dice.pick(words.REGIONS)
            rows.append((number, name, city, region, opened.isoformat(), _iso(closed), area))

    def add_employees(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("employees", [])
        for number in range(1, _EMPLOYEES + 1):
            first, last = dice.pick(words.FIRST_NAMES), dice.pick(words.LAST_NAMES)
            if number == 1:
                title, store, manager, base = "Head of Sales", 1, None, 9200
            elif number <= 5:
                title, store, manager, base = "Regional Manager", number, 1, 7100
            elif number <= 5 + _STORES:
                title, store, manager, base = "Store Manager", number - 5, 2 + (number % 4), 4900
            else:
                title = "Sales Rep" if dice.chance(70) else "Warehouse Clerk"
                store = 1 + dice.below(_STORES)
                manager, base = 5 + store, 3300 if title == "Sales Rep" else 2700
            hired = date(2006, 1, 9) + timedelta(days=dice.below(6600))
            # A few earn more than their manager: somebody will ask who.
            salary = base + dice.between(0, 90) * 20 + (1600 if number > 60 and dice.chance(6) else 0)
            email = f"{_ascii(first)}.{_ascii(last)}{number}@shop.example" if dice.chance(88) else None
            rows.append((number, first, last, title, store, manager, hired.isoformat(), float(salary), email))

    def add_customers(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("customers", [])
        names: set[str] = set()
        while len(rows) < _CUSTOMERS:
            name = f"{dice.pick(words.COMPANY_HEADS)} {dice.pick(words.COMPANY_KINDS)}"
            if name in names:
                continue
            names.add(name)
            name += f" {dice.pick(words.COMPANY_FORMS)}"
            contact = f"{dice.pick(words.FIRST_NAMES)} {dice.pick(words.LAST_NAMES)}"
            city, country = dice.pick(words.CITIES)
            segment = words.SEGMENTS[0 if dice.chance(60) else 1 if dice.chance(65) else 2]
            limit = float(dice.between(2, 60) * 500) if dice.chance(82) else None
            joined = date(2015, 2, 1) + timedelta(days=dice.below(2500))
            person = contact if dice.chance(85) else None
            rows.append((len(rows) + 1, name, person, city, country, segment, limit, joined.isoformat()))

    def add_suppliers(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("suppliers", [])
        for number in range(_SUPPLIERS):
            head = words.SUPPLIER_HEADS[number % len(words.SUPPLIER_HEADS)]
            kind = words.SUPPLIER_KINDS[number // len(words.SUPPLIER_HEADS)]
            city, country = dice.pick(words.CITIES)
            rating = dice.between(1, 5) if dice.chance(85) else None
            rows.append((number + 1, f"{head} {kind}", city, country, rating))

    def add_products(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("products", [])
        goods = [(kind, good, grade) for kind, all_ in words.GOODS for good in all_ for grade in words.GRADES]
        for number in range(_PRODUCTS):
            # 7 and the number of goods (174) share no factor: no good comes twice.
            category, good, grade = goods[(number * 7) % len(goods)]
            price = (dice.between(4, 60) * 100 + dice.pick((0, 49, 50, 95, 99))) / 100
            price = round(price * (6 if category == "Power Tools" else 1), 2)
            weight = dice.between(2, words.HEAVIEST[category] * 10) / 10 if dice.chance(86) else None
            launched = date(2012, 1, 2) + timedelta(days=dice.below(3300))
            sku = f"{_ascii(category)[:2].upper()}-{1000 + number * 3}"
            gone = int(dice.chance(15))
            supplier = 1 + dice.early(_SUPPLIERS - 6)
            day, name = launched.isoformat(), f"{good} {grade}"
            rows.append((number + 1, sku, name, category, supplier, price, weight, gone, day))

    def add_orders(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("orders", [])
        lines = self.tables.setdefault("Order Lines", [])
        sellers = [row[0] for row in self.tables["employees"] if row[3] in ("Sales Rep", "Store Manager")]
        days = sorted(dice.below(_ORDER_DAYS) for _ in range(_ORDERS))
        for number, day in enumerate(days, start=1):
            ordered = _FIRST_ORDER + timedelta(days=day)
            customer = 1 + dice.early(_CUSTOMERS - 15)
            seller = sellers[dice.early(len(sellers) - 20)]
            roll = dice.below(100)
            status = words.STATUSES[0 if roll < 76 else 1 if roll < 85 else 2 if roll < 93 else 3]
            shipped = ordered + timedelta(days=dice.between(1, 21)) if status == "Shipped" else None
            way = dice.pick(words.WAYS[: 1 + dice.between(1, 3)]) if status != "Cancelled" else None
            code = f"SO-{ordered.year}-{number:05d}"
            rows.append((number, code, customer, seller, ordered.isoformat(), _iso(shipped), status, way))
            self._add_lines(number, lines)

    def _add_lines(self, order: int, lines: Rows) -> None:
        dice, goods = self.dice, self.tables["products"]
        seen: set[int] = set()
        for _ in range(dice.between(1, 3) - int(dice.chance(20))):
            product = dice.early(len(goods) - 8)
            if product in seen:
                continue
            seen.add(product)
            price = round(float(goods[product][5] or 0) * (100 - dice.between(0, 12)) / 100, 2)
            discount = dice.pick((0.0, 0.0, 0.0, 0.05, 0.1, 0.15))
            lines.append((order, len(seen), product + 1, price, dice.between(1, 40), discount))

    def add_returns(self) -> None:
        dice, rows = self.dice, self.tables.setdefault("returns", [])
        shipped = {row[0]: str(row[5]) for row in self.tables["orders"] if row[5] is not None}
        lines = [row for row in self.tables["Order Lines"] if row[0] in shipped]
        taken: set[int] = set()
        while len(rows) < _RETURNS:
            at = dice.below(len(lines))
            if at in taken:
                continue
            taken.add(at)
            order, line, _, price, quantity, _ = lines[at]
            back = date.fromisoformat(shipped[order]) + timedelta(days=dice.between(2, 45))
            full = float(price or 0) * int(quantity or 0)
            refund = round(full * dice.pick((100, 100, 50)) / 100, 2) if dice.chance(85) else None
            rows.append((len(rows) + 1, order, line, dice.pick(words.REASONS), back.isoformat(), refund))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _ascii(text: str) -> str:
    return "".join(char for char in text.lower() if char.isascii() and char.isalpha())
