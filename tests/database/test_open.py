"""open_database: paths and URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.database.open import open_database
from share_sql.errors import DatabaseMissing, DatabaseUnreadable

COUNT = "SELECT count(*) FROM person"


def test_opens_a_path(shop: Path) -> None:
    with open_database(shop) as database:
        assert database.query(COUNT).rows == ((20,),)


def test_opens_a_path_given_as_text(shop: Path) -> None:
    with open_database(str(shop)) as database:
        assert database.query(COUNT).rows == ((20,),)


def test_opens_an_absolute_url(shop: Path) -> None:
    with open_database(f"sqlite:///{shop}") as database:
        assert database.query(COUNT).rows == ((20,),)


def test_opens_a_relative_url(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    with open_database(f"sqlite:///{shop.name}") as database:
        assert database.query(COUNT).rows == ((20,),)


def test_undoes_percent_escapes_in_a_url(shop: Path) -> None:
    shop.rename(shop.with_name("a shop.sqlite"))
    with open_database(f"sqlite:///{shop.parent}/a%20shop.sqlite") as database:
        assert database.query(COUNT).rows == ((20,),)


def test_names_a_database_after_its_file(shop: Path) -> None:
    with open_database(shop) as database:
        assert database.name == "shop"


def test_takes_another_name(shop: Path) -> None:
    with open_database(shop, "till") as database:
        assert database.name == "till"


def test_says_which_kinds_it_knows() -> None:
    with pytest.raises(DatabaseUnreadable, match=r"oracle:// .* sqlite:///PATH"):
        open_database("oracle://host/shop")


def test_keeps_a_password_out_of_its_message() -> None:
    with pytest.raises(DatabaseUnreadable) as caught:
        open_database("oracle://ada:hunter2@host/shop")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite://shop.sqlite", "sqlite:///"])
def test_says_how_a_sqlite_url_is_written(url: str) -> None:
    with pytest.raises(DatabaseUnreadable, match="sqlite:///PATH"):
        open_database(url)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        open_database(tmp_path / "no.sqlite")
