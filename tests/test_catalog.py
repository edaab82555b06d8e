"""The databases an assistant may use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from share_sql.catalog import Catalog, OpenDatabase
from share_sql.database.base import Limits
from share_sql.database.sqlite import SqliteDatabase
from share_sql.driver.source import Source
from share_sql.errors import DatabaseMissing, DatabaseUnreadable, QueryError, QueryTimeout
from share_sql.requests import Lookup, Query
from share_sql.schema import values
from share_sql.schema.model import ColumnName
from tests.servers.database import ServerDatabase


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


def test_a_url_is_known_without_its_password(
    postgres_database: ServerDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postgres_database.run("CREATE TABLE stores (id int, city text); INSERT INTO stores VALUES (1, 'Bonn')")
    url, safe = postgres_database.reader, postgres_database.reader.replace("reader:reader@", "reader@")
    with closing(Catalog(cache=tmp_path)) as catalog, caplog.at_level(0):
        catalog.add(url, url)
        with catalog.use(url) as opened, catalog.use(safe) as same:
            assert same is opened
            assert (opened.name, opened.database.name, opened.schema.name) == (safe, safe, safe)
            with pytest.raises(QueryError) as caught:
                opened.database.query("SELECT nothing FROM stores")
            assert opened.look_up("bonn", None, 1)[0].value == "Bonn"
        assert catalog.names == (safe,)
        assert catalog.seen(url)
        assert catalog.fingerprint(safe) == catalog.fingerprint(url)
        secret = "reader:reader"
        assert secret not in str(caught.value) + caplog.text
        assert not [path for path in tmp_path.rglob("*") if secret in str(path)]
    wrong = url.replace("reader:reader@", "reader:hunter2@")
    with closing(Catalog(cache=tmp_path)) as catalog, pytest.raises(DatabaseUnreadable) as refused:
        catalog.acquire(wrong)
    assert "hunter2" not in str(refused.value)


def test_namespaces_and_limits_of_a_registration(tmp_path: Path) -> None:
    path = tmp_path / "two.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE a (x INT); CREATE SCHEMA s; CREATE TABLE s.b AS SELECT range AS x FROM range(9)"
        )
    with closing(Catalog(cache=tmp_path / "cache")) as catalog:
        catalog.add("all", path)
        catalog.add("one", path, namespaces=["s"], limits=Limits(rows=3))
        with catalog.use("all") as opened:
            assert [table.name for table in opened.schema.tables] == ["a", "s.b"]
        with catalog.use("one") as opened:
            assert [table.name for table in opened.schema.tables] == ["s.b"]
        source = Source(catalog, "one", time.monotonic() + 60)
        source.open()
        answer = source.query(Query("SELECT x FROM s.b"))
        source.close()
        assert not isinstance(answer, QueryError)
        assert (len(answer.rows), answer.truncated) == (3, True)


def test_a_text_that_the_index_may_lack_is_asked_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.schema.value_scan.MAX_VALUES", 2)
    path = tmp_path / "many.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'text ' || range AS name, 'b' AS other FROM range(9)")
    with closing(Catalog(cache=tmp_path / "cache")) as catalog, catalog.use(str(path)) as opened:
        name, other = ColumnName("t", "name"), ColumnName("t", "other")
        for at in range(9):
            found = opened.look_up(f"text {at}", frozenset({name, other}), 3)
            assert (found[0].table, found[0].column, found[0].value) == ("t", "name", f"text {at}")
        assert not [
            match for match in opened.look_up("text 10", frozenset({name}), 3) if match.value == "text 10"
        ]
        # The database cannot say: then nothing is known, not even of the other column.
        monkeypatch.setattr(opened.database, "query", _late)
        assert opened.look_up("b", frozenset({name, other}), 3) == ()
        assert opened.look_up("b", frozenset({other}), 3)[0].value == "b"


def _late(*_: object) -> None:
    raise QueryTimeout("stopped at its deadline")


def test_a_large_schema_on_a_server_is_indexed_as_far_as_it_is_asked(
    postgres_database: ServerDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.schema.value_few.MANY_COLUMNS", 1)
    monkeypatch.setattr("share_sql.schema.values.SMALL", 1)
    postgres_database.run(
        "CREATE TABLE towns (city text, land text); INSERT INTO towns VALUES ('Bonn', 'NRW'), ('Jena', 'TH')"
    )
    city = ColumnName("towns", "city")
    with closing(Catalog(cache=tmp_path)) as catalog, catalog.use(postgres_database.reader) as opened:
        assert [match.value for match in opened.look_up("bonn", frozenset({city}), 3)] == ["Bonn"]
        assert not list(tmp_path.iterdir())
        assert [match.value for match in opened.look_up("nrw", None, 3)] == ["NRW"]
        (file,) = tmp_path.iterdir()
    with closing(Catalog(cache=tmp_path)) as catalog, catalog.use(postgres_database.reader) as opened:
        assert [match.value for match in opened.look_up("bonn", frozenset({city}), 3)] == ["Bonn"]
        assert opened.values.path == file


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_two_roles_share_no_index(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: ServerDatabase = request.getfixturevalue(f"{kind}_database")
    server.run("CREATE TABLE shared (a int)")
    with closing(Catalog(cache=tmp_path)) as catalog:
        assert catalog.fingerprint(server.reader) == catalog.fingerprint(server.reader)
        assert catalog.fingerprint(server.reader) != catalog.fingerprint(server.owner)


def test_a_servers_database_is_the_same_until_its_schema_changes(
    postgres_database: ServerDatabase, tmp_path: Path
) -> None:
    server = postgres_database
    server.run("CREATE TABLE rivers (name text); INSERT INTO rivers VALUES ('Saale')")
    with closing(Catalog(cache=tmp_path)) as catalog:
        before = catalog.fingerprint(server.reader)
        server.run("INSERT INTO rivers VALUES ('Ilm')")
        assert catalog.fingerprint(server.reader) == before
        server.run("ALTER TABLE rivers ADD COLUMN length integer")
        assert catalog.fingerprint(server.reader) != before
        with catalog.use(server.reader) as opened:
            assert opened.state == catalog.fingerprint(server.reader)


def test_what_was_written_since_the_index_was_made_is_asked_of_a_server(
    mysql_database: ServerDatabase, tmp_path: Path
) -> None:
    server = mysql_database
    server.run("CREATE TABLE lakes (name varchar(20), land varchar(20))")
    server.run("INSERT INTO lakes VALUES ('Bodensee', 'BW')")
    name = ColumnName("lakes", "name")
    with closing(Catalog(cache=tmp_path)) as catalog:

        def found(text: str) -> list[str]:
            source = Source(catalog, server.reader, time.monotonic() + 60)
            source.open()
            try:
                return [match.value for match in source.look_up(Lookup(text, frozenset({name})))]
            finally:
                source.close()

        assert found("Bodensee") == ["Bodensee"]
        assert catalog.outdated(server.reader), "and now not again for a while: the index stays as it is"
        time.sleep(1.1)  # MariaDB tells times of writes in whole seconds
        server.run("INSERT INTO lakes VALUES ('Chiemsee', 'BY')")
        assert found("Chiemsee")[0] == "Chiemsee"


def test_one_that_is_forgotten_is_closed_when_nobody_uses_it(catalog: Catalog) -> None:
    with catalog.use("a") as used:
        catalog.remove("a")
        assert "a" not in catalog.names
        assert not catalog.seen("a")
        assert _runs(used)
        with pytest.raises(DatabaseMissing):
            catalog.acquire("a")
    assert not _runs(used)
    with catalog.use("b") as idle:
        pass
    catalog.remove("b")
    assert not _runs(idle)
    with pytest.raises(DatabaseMissing, match="no database 'b' to forget"):
        catalog.remove("b")


def test_one_that_is_forgotten_while_it_opens_does_not_stay(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = SqliteDatabase.fingerprint

    def forgotten(database: SqliteDatabase) -> str:
        catalog.remove("a")
        return fingerprint(database)

    monkeypatch.setattr(SqliteDatabase, "fingerprint", forgotten)
    with catalog.use("a") as used:
        assert _runs(used)
    assert not _runs(used)
    assert not catalog.seen("a")


def test_a_database_may_have_its_values_in_a_folder_of_its_own(
    catalog: Catalog, shop: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "SMALL", 0)  # no index is too small for a file
    catalog.add("own", shop.path, cache=tmp_path / "own")
    with catalog.use("own") as opened:
        assert opened.values
    assert list((tmp_path / "own").iterdir())
    assert not (tmp_path / "cache").exists()
