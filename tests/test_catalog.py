"""The databases an assistant may use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from share_sql.catalog import Catalog
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import DatabaseMissing


@pytest.fixture
def catalog(shop: SqliteDatabase, tmp_path: Path) -> Iterator[Catalog]:
    """Three copies of a database, of which one stays open when it is idle."""
    with closing(Catalog(cache=tmp_path / "cache", max_open=1)) as catalog:
        for name in ("a", "b", "c"):
            copy = tmp_path / f"{name}.sqlite"
            shutil.copy(shop.path, copy)
            catalog.add(name, copy)
        yield catalog


def test_a_database_is_opened_once_and_has_its_own_name(catalog: Catalog) -> None:
    with catalog.use("a") as first, catalog.use("a") as second:
        assert first is second
        assert first.schema.table("stores") is not None


def test_one_that_is_not_open_is_not_waited_for(catalog: Catalog) -> None:
    assert catalog.acquire_open("a") is None
    opened = catalog.acquire("a")
    assert catalog.acquire_open("a") is opened
    assert catalog.release("a") == []
    assert catalog.release("a") == []
    assert catalog.acquire_open("a") is opened
    assert catalog.release("a") == []


def test_idle_databases_beyond_the_bound_are_given_back_to_be_closed(catalog: Catalog) -> None:
    first, second = catalog.acquire("a"), catalog.acquire("b")
    assert catalog.release("b") == [second]  # a is in use, so b is the one too many
    second.close()
    third = catalog.acquire("c")
    assert catalog.release("a") == [first]
    first.close()
    assert catalog.release("c") == []
    assert catalog.acquire_open("c") is third
    assert catalog.acquire_open("a") is None
    catalog.release("c")


def test_a_database_that_cannot_be_opened_leaves_no_user_behind(catalog: Catalog, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.sqlite")
    for _ in range(2):
        with pytest.raises(DatabaseMissing, match="missing"):
            catalog.acquire(missing)
        assert catalog.acquire_open(missing) is None
