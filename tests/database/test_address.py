"""Paths and URLs as they may be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.database.address import dialect_at, file_of, is_url, own_name, place_of, shown
from share_sql.errors import DatabaseUnreadable


@pytest.mark.parametrize(
    ("where", "safe"),
    [
        ("postgresql://ada:hunter2@host:5432/shop", "postgresql://ada@host:5432/shop"),
        ("mysql://ada:hunter2@host/shop?charset=utf8mb4", "mysql://ada@host/shop?charset=utf8mb4"),
        ("postgresql://ada:hunt:er2@:/@host/shop", "postgresql://ada@host/shop"),
        ("postgresql://ada:hunter2/hunter2#hunter2?@host/shop", "postgresql://ada@host/shop"),
        ("postgresql://:hunter2@host/shop", "postgresql://host/shop"),
        ("postgresql://host/shop?user=ada&password=hunter2", "postgresql://host/shop?user=ada"),
        ("postgresql://host/shop?PASSWORD=hunter2&user=ada", "postgresql://host/shop?user=ada"),
        ("postgresql://host/shop?sslpassword=hunter2", "postgresql://host/shop"),
        ("host=h password=hunter2 dbname=shop", "host=h  dbname=shop"),
        ("postgresql://host/shop", "postgresql://host/shop"),
        ("sqlite:////srv/a%20shop.sqlite", "sqlite:////srv/a%20shop.sqlite"),
        ("dir/a@b:c.sqlite", "dir/a@b:c.sqlite"),
        ("shop", "shop"),
        ("", ""),
    ],
)
def test_no_password_is_shown(where: str, safe: str) -> None:
    assert shown(where) == safe
    assert shown(safe) == safe


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("postgresql://ada:hunter2@host:5432/shop.v2?x=y", "shop.v2"),
        ("mysql://host/a%20shop", "a shop"),
        ("mysql://host", "host"),
        ("duckdb:////srv/shop.duckdb", "shop"),
        ("sqlite:///shop.sqlite", "shop"),
        ("/srv/shop.sqlite", "shop"),
        ("shop", "shop"),
    ],
)
def test_names(where: str, name: str) -> None:
    assert own_name(where) == name


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("shop.sqlite", ("sqlite", Path("shop.sqlite"))),
        ("/srv/shop.DuckDB", ("duckdb", Path("/srv/shop.DuckDB"))),
        ("sqlite:////srv/a%20shop", ("sqlite", Path("/srv/a shop"))),
        ("duckdb:///shop.db", ("duckdb", Path("shop.db"))),
        ("postgres://host/shop", ("postgres", None)),
        ("PostgreSQL://host/shop", ("postgres", None)),
        ("mariadb://host/shop", ("mysql", None)),
    ],
)
def test_places(where: str, place: tuple[str, Path | None]) -> None:
    assert place_of(where) == place


@pytest.mark.parametrize("where", ["oracle://ada:hunter2@host/x", "sqlite://host/x", "duckdb:///"])
def test_places_that_are_none(where: str) -> None:
    with pytest.raises(DatabaseUnreadable) as caught:
        place_of(where)
    assert "hunter2" not in str(caught.value)


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
