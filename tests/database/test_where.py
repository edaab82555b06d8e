"""A path or URL is read without opening the database."""

from __future__ import annotations

import pytest

from share_sql.database.address import own_name, shown
from share_sql.database.where import dialect_at, file_of, is_url

PLACES = {
    "dbs/shop.sqlite": ("sqlite", "dbs/shop.sqlite", "shop"),
    "shop.DuckDB": ("duckdb", "shop.DuckDB", "shop"),
    "notes.mysql": ("sqlite", "notes.mysql", "notes"),
    "sqlite:///a%20b/shop.db": ("sqlite", "a b/shop.db", "shop"),
    "duckdb:////abs/shop.duckdb": ("duckdb", "/abs/shop.duckdb", "shop"),
    "postgresql://u:p@h:1/shop?sslmode=require": ("postgres", None, "shop"),
    "postgres://h/a%2Fb": ("postgres", None, "a/b"),
    "mysql://h/shop": ("mysql", None, "shop"),
    "MariaDB://h/shop": ("mysql", None, "shop"),
}


@pytest.mark.parametrize("where", PLACES)
def test_what_a_place_says(where: str) -> None:
    assert (dialect_at(where).name, file_of(where), own_name(where)) == PLACES[where]
    assert is_url(where) == ("://" in where)


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://u:hidden@h:1/shop",
        "postgresql://u:hid%40den@h/shop?a=b&password=hidden",
        "mysql://u:hid@hidden@h/shop",
        "mysql://u:hid/hidden@h/shop",
        "mysql://u:hid?hidden@h/shop",
        "mysql://u:hid#hidden@h/shop",
        "mysql://u:[hidden@h/shop",
        "postgresql://h/shop?user=u&sslpassword=hidden",
    ],
)
def test_a_password_is_never_shown(where: str) -> None:
    assert "hid" not in shown(where)
    assert own_name(where) == "shop"
