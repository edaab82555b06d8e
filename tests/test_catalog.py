"""The databases an assistant may use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from share_sql.catalog import Catalog, OpenDatabase
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import DatabaseMissing, DatabaseUnreadable


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


def _runs(opened: OpenDatabase) -> bool:
    try:
        return bool(opened.database.query("SELECT COUNT(*) FROM stores").rows)
    except DatabaseUnreadable:
        return False


def test_idle_databases_beyond_the_bound_are_closed(catalog: Catalog) -> None:
    first, second = catalog.acquire("a"), catalog.acquire("b")
    catalog.release(second)  # a is in use, so b is the one too many
    assert (_runs(first), _runs(second)) == (True, False)
    third = catalog.acquire("c")
    catalog.release(first)
    assert (_runs(first), _runs(third)) == (False, True)
    catalog.release(third)
    assert catalog.acquire("c") is third
    catalog.release(third)


def test_one_that_failed_is_opened_afresh_and_stays_for_those_who_use_it(catalog: Catalog) -> None:
    first = catalog.acquire("a")
    assert catalog.acquire("a") is first
    catalog.release(first, broken=True)
    assert _runs(first)
    second = catalog.acquire("a")
    assert second is not first
    catalog.release(first)
    assert (_runs(first), _runs(second)) == (False, True)
    catalog.release(second)


def test_closing_ends_what_is_in_use_too(catalog: Catalog) -> None:
    opened = catalog.acquire("a")
    catalog.close()
    assert not _runs(opened)
    catalog.release(opened)
    with catalog.use("a") as again:
        assert _runs(again)


def test_a_database_that_cannot_be_opened_is_tried_again(
    catalog: Catalog, tmp_path: Path, shop: SqliteDatabase
) -> None:
    path = tmp_path / "missing.sqlite"
    for _ in range(2):
        with pytest.raises(DatabaseMissing, match="missing"):
            catalog.acquire(str(path))
    assert not catalog.seen(str(path))
    shutil.copy(shop.path, path)
    with catalog.use(str(path)) as opened:
        assert _runs(opened)
    assert catalog.seen(str(path))
