"""What goes wrong with servers: a named error or a bounded answer, no hang, and the password nowhere."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from tests.servers.database import ServerDatabase, connection
from tests.servers.start import start, stop

from share_sql.database.base import Database, Limits
from share_sql.database.open import open_database
from share_sql.errors import (
    DatabaseError,
    DatabaseMissing,
    DatabaseUnreadable,
    QueryError,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
)

from .conftest import assert_many_threads_share

PASSWORD = "hunter2:secret/with@signs%"
KINDS = ("postgres", "mysql")
SCRIPT = {
    "postgres": """
        CREATE TABLE person (id INT PRIMARY KEY, name TEXT);
        INSERT INTO person SELECT i, 'p' || i FROM generate_series(1, 20) i;
        CREATE TABLE "odd "" name.with.dots" ("a.b" INT);
        INSERT INTO "odd "" name.with.dots" VALUES (5);
        CREATE TABLE closed (a INT);
        CREATE TABLE locked (a INT);
        CREATE VIEW many AS SELECT i, 'text ' || i AS t FROM generate_series(1, 10000000) i;
        CREATE VIEW fails AS SELECT 1 / (id - id) AS x FROM person;
        REVOKE SELECT ON closed FROM reader;
    """,
    "mysql": """
        CREATE TABLE person (id INT PRIMARY KEY, name TEXT);
        INSERT INTO person SELECT seq, CONCAT('p', seq) FROM seq_1_to_20;
        CREATE TABLE `odd "" name.with.dots` (`a.b` INT);
        INSERT INTO `odd "" name.with.dots` VALUES (5);
        CREATE TABLE locked (a INT);
        CREATE VIEW many AS SELECT seq AS i, CONCAT('text ', seq) AS t FROM seq_1_to_10000000;
        CREATE VIEW fails AS SELECT (SELECT id FROM person UNION ALL SELECT id FROM person) AS x;
    """,
}
ODD = {"postgres": '"odd "" name.with.dots"', "mysql": '`odd "" name.with.dots`'}
SLOW = {"postgres": "SELECT pg_sleep(20)", "mysql": "SELECT SLEEP(20)"}
WAITS = {
    "postgres": ["BEGIN", "LOCK TABLE locked IN ACCESS EXCLUSIVE MODE"],
    "mysql": ["LOCK TABLES locked WRITE"],
}


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> tuple[str, ServerDatabase]:
    database: ServerDatabase = request.getfixturevalue(f"{request.param}_database")
    database.run(SCRIPT[request.param])
    return request.param, database


@pytest.fixture
def database(made: tuple[str, ServerDatabase]) -> Iterator[Database]:
    with open_database(made[1].reader) as database:
        yield database


def changed(url: str, user: str | None = None, host: str | None = None, name: str | None = None) -> str:
    parts = urlsplit(url)
    account = user or f"{parts.username}:{parts.password}"
    return f"{parts.scheme}://{account}@{host or f'{parts.hostname}:{parts.port}'}/{name or parts.path[1:]}"


def everything(error: BaseException) -> str:
    """All that a log could show of an error."""
    text, at = "", error
    while at is not None:
        text += (
            str(at) + repr(at) + repr(getattr(at, "__dict__", "")) + "".join(traceback.format_exception(at))
        )
        at = at.__cause__ or at.__context__  # type: ignore[assignment]
    return text


# -- getting in --


@pytest.mark.parametrize("user", ["reader", "nobody-here"])
def test_a_wrong_password_is_named_and_not_shown(
    made: tuple[str, ServerDatabase], user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = changed(made[1].reader, user=f"{user}:{quote(PASSWORD, safe='')}")
    with pytest.raises(DatabaseUnreadable, match="check user") as caught:
        open_database(url)
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "hunter2"):
        assert secret not in everything(caught.value) + caplog.text


def test_a_password_with_signs_gets_in_and_is_not_shown(made: tuple[str, ServerDatabase]) -> None:
    kind, database = made
    name = f"odd_{database.name}"
    make = (
        f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"
        if kind == "postgres"
        else f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON {database.name}.* TO {name}"
    )
    database.run(make)
    try:
        with open_database(changed(database.owner, user=f"{name}:{quote(PASSWORD, safe='')}")) as opened:
            assert opened.query("SELECT 1").rows == ((1,),)
            assert "hunter2" not in repr(opened) + opened.name
            with pytest.raises(QueryError) as caught:
                opened.query("SELECT nope")
            assert "hunter2" not in everything(caught.value)
    finally:
        database.run(f"DROP ROLE {name}" if kind == "postgres" else f"DROP USER {name}")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    "rest",
    [
        "ada:hun@ter2@127.0.0.1/shop",
        "ada:hunter2/x@127.0.0.1/shop",
        "ada:hunter2%zz@127.0.0.1/shop",
        "ada:hunter2#x@127.0.0.1/shop",
        "ada:hunter2@127.0.0.1:port/shop",
        "ada:hunter2@[::1/shop",
        "ada:hunter2%ff@127.0.0.1:1/shop",
        "ada:hunter2@127.0.0.1:1/shop?nonsense=1",
        "ada:hunter2@127.0.0.1:99999/shop",
        "ada:hünter2€@127.0.0.1:1/shop",
    ],
)
def test_a_url_that_is_none_shows_nothing(scheme: str, rest: str) -> None:
    with pytest.raises(DatabaseUnreadable) as caught:
        open_database(f"{scheme}://{rest}")
    assert "ter2" not in everything(caught.value)
    assert str(caught.value).count("\n") == 0


def test_an_unknown_host_is_named(made: tuple[str, ServerDatabase]) -> None:
    with pytest.raises(DatabaseUnreadable, match=r"no-such-host\.invalid"):
        open_database(changed(made[1].reader, host="no-such-host.invalid"))


def test_a_port_where_nobody_listens_is_named(made: tuple[str, ServerDatabase]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(DatabaseUnreadable, match="check host and port"):
            open_database(changed(made[1].reader, host=f"127.0.0.1:{free.getsockname()[1]}"))


def test_a_server_that_says_nothing_is_not_waited_for(made: tuple[str, ServerDatabase]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(DatabaseUnreadable):
            open_database(changed(made[1].reader, host=f"127.0.0.1:{silent.getsockname()[1]}"))
        assert time.monotonic() - began < 15


def test_an_unknown_database_is_missing(made: tuple[str, ServerDatabase]) -> None:
    with pytest.raises(DatabaseMissing, match="no_such_database"):
        open_database(changed(made[1].owner, name="no_such_database"))


def test_the_limit_on_connections_is_named(made: tuple[str, ServerDatabase]) -> None:
    kind, database = made
    name = f"few_{database.name}"
    make = (
        f"CREATE ROLE {name} LOGIN PASSWORD 'few' CONNECTION LIMIT 1"
        if kind == "postgres"
        else f"CREATE USER {name} IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 1;"
        f" GRANT SELECT ON {database.name}.* TO {name}"
    )
    database.run(make)
    url = changed(database.owner, user=f"{name}:few")
    try:
        with open_database(url) as opened:
            with pytest.raises(DatabaseError, match="raise the limit"):
                open_database(url)
            rows: list[object] = []  # one connection serves them in turn
            threads = [
                threading.Thread(target=lambda: rows.append(opened.query("SELECT 1").rows)) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert rows == [((1,),)] * 4
    finally:
        database.run(f"DROP ROLE {name}" if kind == "postgres" else f"DROP USER {name}")


@pytest.mark.parametrize(
    ("url", "module"),
    [("postgresql://h/d", "psycopg"), ("mysql://h/d", "pymysql"), ("x.duckdb", "duckdb")],
)
def test_a_driver_that_is_missing_is_named_with_its_command(
    url: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DatabaseUnreadable, match=r"pip install 'share-sql\[\w+\]'"):
        open_database(url)


# -- the server in the middle of a query --


def backend(made: tuple[str, ServerDatabase], text: str) -> int:
    """The server's number of the session that runs a query."""
    asked = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = 'share' AND state = 'active' AND query LIKE %s"
        if made[0] == "postgres"
        else "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info LIKE %s"
    )
    late = time.monotonic() + 10
    while time.monotonic() < late:
        found = made[1].run(asked, (text,))
        if found:
            return int(found[0][0])
        time.sleep(0.02)
    raise AssertionError("the query never ran")


@contextlib.contextmanager
def asking(database: Database, sql: str, limits: Limits | None = None) -> Iterator[list[BaseException]]:
    """A query in a thread; what it raised, once the block is over."""
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            database.query(sql, limits)
        except DatabaseError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    yield raised
    thread.join(15)
    assert not thread.is_alive()


def test_a_session_that_the_server_ends_is_an_error_and_the_next_query_works(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    with asking(database, SLOW[made[0]]) as raised:
        number = backend(made, "%20)")
        made[1].run(f"SELECT pg_terminate_backend({number})" if made[0] == "postgres" else f"KILL {number}")
    assert isinstance(raised[0], DatabaseUnreadable)
    assert database.query("SELECT 1").rows == ((1,),)


def test_an_idle_session_that_the_server_ended_is_opened_anew(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    database.query("SELECT 1")
    if made[0] == "postgres":
        made[1].run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'share'"
            f" AND datname = '{made[1].name}'"
        )
    else:
        for (number,) in made[1].run(
            "SELECT id FROM information_schema.processlist WHERE user = 'reader' AND db = DATABASE()"
        ):
            made[1].run(f"KILL {number}")
    assert database.query("SELECT 1").rows == ((1,),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_goes_is_named(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.getfixturevalue(f"{kind}_url")  # skips where there is none
    url = start(kind, tmp_path, os.getpid())
    database = open_database(url)
    try:
        assert database.query("SELECT 1").rows == ((1,),)
        stop(kind, tmp_path)
        began = time.monotonic()
        with pytest.raises(DatabaseUnreadable):
            database.query("SELECT 1")
        assert time.monotonic() - began < 10
    finally:
        database.close()
        stop(kind, tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="stops a process by its id")
def test_a_server_that_is_held_up_counts_as_late(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    if made[0] != "postgres" or os.geteuid() != 0:
        pytest.skip("only PostgreSQL has a process for each session")
    database.query("SELECT 1")
    number = int(database.query("SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()").rows[0][0])  # type: ignore[arg-type]
    os.kill(number, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(QueryTimeout):
            database.query("SELECT 1", Limits(seconds=0.5))
        assert time.monotonic() - began < 3
        assert database.query("SELECT 1").rows == ((1,),)
    finally:
        os.kill(number, signal.SIGCONT)


def test_close_ends_a_query_under_way(made: tuple[str, ServerDatabase]) -> None:
    database = open_database(made[1].reader)
    with asking(database, SLOW[made[0]].replace("20", "21")) as raised:
        backend(made, "%21)")
        began = time.monotonic()
        database.close()
    assert time.monotonic() - began < 5
    assert isinstance(raised[0], DatabaseUnreadable)
    with pytest.raises(DatabaseUnreadable, match="closed"):
        database.query("SELECT 1")
    database.close()


# -- queries --


def test_a_lock_held_by_another_is_named(made: tuple[str, ServerDatabase], database: Database) -> None:
    with connection(made[1].owner) as other:
        with other.cursor() as cursor:
            for statement in WAITS[made[0]]:
                cursor.execute(statement)
        began = time.monotonic()
        with pytest.raises(DatabaseUnreadable, match="locked"):
            database.query("SELECT * FROM locked", Limits(seconds=20))
        assert time.monotonic() - began < 6
    assert database.query("SELECT * FROM locked").rows == ()


def test_a_table_that_the_role_may_not_read_is_named(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    with pytest.raises(QueryError, match="denied"):
        database.query("SELECT * FROM closed" if made[0] == "postgres" else "SELECT * FROM mysql.global_priv")
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_view_that_fails_is_an_error(database: Database) -> None:
    with pytest.raises(QueryError):
        database.query("SELECT x FROM fails")


def test_a_large_table_is_cut_at_the_cap_on_rows(database: Database) -> None:
    began = time.monotonic()
    result = database.query("SELECT * FROM many", Limits(rows=1000))
    assert len(result.rows) == 1000
    assert result.truncated
    assert time.monotonic() - began < 10
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_large_table_is_refused_at_the_cap_on_bytes(database: Database) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT * FROM many", Limits(rows=10**9, bytes=1_000_000))
    assert database.query("SELECT 1").rows == ((1,),)


def test_one_large_value_is_refused(database: Database) -> None:
    with pytest.raises(QueryTooLarge):
        database.query("SELECT repeat('x', 9000000)", Limits(bytes=1_000_000))
    assert database.query("SELECT 1").rows == ((1,),)


def test_a_result_just_as_long_as_the_cap_is_not_cut(database: Database) -> None:
    assert not database.query("SELECT * FROM person", Limits(rows=20)).truncated
    assert database.query("SELECT * FROM person", Limits(rows=19)).truncated


def test_names_with_quotes_and_dots_are_read(made: tuple[str, ServerDatabase], database: Database) -> None:
    result = database.query(f"SELECT * FROM {ODD[made[0]]}")
    assert (result.columns, result.rows) == (("a.b",), ((5,),))


@pytest.mark.parametrize("sql", ["SELECT 'a\0b'", "SELECT '\ud800'", "SELECT 1 " + " " * 1_000_001])
def test_texts_that_are_no_query_are_errors(database: Database, sql: str) -> None:
    with pytest.raises(QueryError):
        database.query(sql)
    assert database.query("SELECT 1").rows == ((1,),)


@pytest.mark.parametrize("part", ["(", "f(", '"x"(', "-- ", "/*", "a.b.", "1+"])
def test_huge_texts_end_in_time(database: Database, part: str) -> None:
    began = time.monotonic()
    with pytest.raises(DatabaseError):
        database.query("SELECT " + part * (900_000 // len(part)), Limits(seconds=5))
    assert time.monotonic() - began < 20
    assert database.query("SELECT 1").rows == ((1,),)


def test_many_threads_share_one_database(database: Database) -> None:
    assert_many_threads_share(database)


def test_more_queries_than_connections_wait_and_do_not_hang(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(asking(database, SLOW[made[0]], Limits(seconds=3)))
        time.sleep(0.5)
        with pytest.raises(QueryTimeout, match="in use"):
            database.query("SELECT 1", Limits(seconds=0.5))


def test_nothing_of_one_query_is_left_for_the_next(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    if made[0] == "mysql":
        database.query("SELECT @left := 7")
        assert database.query("SELECT @left").rows == ((None,),)
    else:
        with pytest.raises(QueryRefused):
            database.query("SET search_path = pg_catalog")
        assert "public" in str(database.query("SHOW search_path").rows)


def test_the_fingerprint_stays_and_changes_with_a_row(
    made: tuple[str, ServerDatabase], database: Database
) -> None:
    before = database.fingerprint()
    assert database.fingerprint() == before
    time.sleep(1.1)  # MariaDB's times are whole seconds
    made[1].run("CREATE TABLE IF NOT EXISTS fresh (a INT); INSERT INTO fresh VALUES (1)")
    late = time.monotonic() + 12
    while database.fingerprint() == before and time.monotonic() < late:
        time.sleep(0.1)
    assert database.fingerprint() != before
