"""How alike two names are."""

from __future__ import annotations

import pytest

from share_sql.edits.spelling import NEAR, WEAK, column_likeness, only, parts, table_likeness
from share_sql.schema.model import Column, Table

CUSTOMERS = Table("customers", (Column("name"), Column("customer_id")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OrderDetails", ("order", "detail")),
        ("num_employees", ("number", "employee")),
        ("DateOfBirth", ("date", "birth")),
        ("dob", ("birth", "date")),
        ("HTTPStatus", ("http", "status")),
        ("qty", ("quantity",)),
        ("address2", ("address", "2")),
    ],
)
def test_words_of_a_name(name: str, words: tuple[str, ...]) -> None:
    assert parts(name) == words


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("customerid", "customer_id"),
        ("number_of_guests", "guest_count"),
        ("birth_date", "date_of_birth"),
        ("customer_name", "name"),
        ("id", "customer_id"),
        ("dept", "department"),
        ("wieght", "weight"),
    ],
)
def test_the_same_words_are_near(written: str, column: str) -> None:
    assert column_likeness(written, column, CUSTOMERS) >= NEAR


@pytest.mark.parametrize(
    ("written", "column"), [("price", "purchase_price"), ("manu", "manufacturer"), ("full_name", "name")]
)
def test_a_part_of_a_name_is_weak(written: str, column: str) -> None:
    assert column_likeness(written, column, None) == WEAK


@pytest.mark.parametrize(
    ("written", "column"),
    [("age", "page_title"), ("id", "store_id"), ("first_name", "last_name"), ("on", "month"), ("x", "y")],
)
def test_other_names_are_not_near(written: str, column: str) -> None:
    assert column_likeness(written, column, None) == 0.0


def test_tables_by_words() -> None:
    assert table_likeness("Customer", CUSTOMERS) >= 98
    assert NEAR <= table_likeness("shop_customers", CUSTOMERS) < 98
    assert table_likeness("orders", CUSTOMERS) < NEAR


def test_only_the_single_nearest_counts() -> None:
    assert only([(60.0, "a"), (60.0, "b")]) is None
    assert only([(60.0, "a"), (60.0, "A")]) == (60.0, "a")
    assert only([(60.0, "a"), (80.0, "b")]) == (80.0, "b")
    assert only([]) is None
