"""What doctor says of a database: how it opens, what is seen, what its role could do, how to make another."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from tests.servers.database import ServerDatabase, run

from share_sql.doctor.database import Looked, check_database
from share_sql.doctor.examine import examine_database
from share_sql.schema.introspect import introspect
from share_sql.settings import Settings


def look(where: str) -> Looked:
    return check_database(where, "it", introspect)


def status(looked: Looked) -> dict[str, str]:
    return {f"{check.group} {check.name}": check.status for check in looked.checks}


def texts(looked: Looked) -> str:
    return "\n".join(f"{check.text} {check.mend}" for check in looked.checks)


def test_a_sqlite_file(shop_path: Path) -> None:
    looked = examine_database(Settings(), str(shop_path))
    assert set(status(looked).values()) == {"ok"}
    assert "8 tables" in texts(looked)
    assert looked.recipe.strip().endswith(f"chmod a-w {shop_path}")


def test_a_duckdb_file(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "a b.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE t (a INT); CREATE SCHEMA s; CREATE VIEW s.v AS SELECT * FROM t")
    looked = look(f"duckdb:///{path}".replace(" ", "%20"))
    assert set(status(looked).values()) == {"ok"}
    assert "2 tables, 1 of them views: 1 in main, 1 in s" in texts(looked)
    assert "enable_external_access false" in texts(looked)
    assert f"'{path}'" in looked.recipe
    os.chmod(path, stat.S_IMODE(path.stat().st_mode) | stat.S_IWOTH)
    assert status(look(str(path)))["role file"] == "warning"


@pytest.mark.parametrize(
    "where", ["gone.sqlite", "postgresql://u:s3cret@127.0.0.1:1/d", "oracle://u:s3cret@h/d"]
)
def test_a_database_that_cannot_be_opened(where: str) -> None:
    looked = look(where)
    assert status(looked) == {"database connection": "failed"}
    assert looked.recipe == ""
    assert "s3cret" not in texts(looked)


def test_an_empty_database_shows_nothing(tmp_path: Path) -> None:
    import duckdb

    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    assert status(look(str(tmp_path / "empty.duckdb")))["database tables"] == "failed"


# -- PostgreSQL --------------------------------------------------------------------------------------------


def pasted(url: str, recipe: str, password: str) -> None:
    run(url, recipe.replace("choose one", password))


def at(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))


def test_a_postgres_superuser_fails_and_the_role_to_paste_can_only_read(
    postgres_database: ServerDatabase,
) -> None:
    postgres_database.run('CREATE TABLE t (a int); CREATE SCHEMA "S b"; CREATE TABLE "S b".u (a int)')
    looked = look(postgres_database.owner)
    found = status(looked)
    assert found["database connection"] == "ok"
    assert found["role superuser"] == "failed"
    assert "2 tables: 1 in S b, 1 in public" in texts(looked)
    assert urlsplit(postgres_database.owner).password not in texts(looked)
    postgres_database.run("DROP ROLE IF EXISTS share_reader")
    pasted(postgres_database.owner, looked.recipe, "pw")
    try:
        reader = look(at(postgres_database.owner, "share_reader", "pw"))
        assert set(status(reader).values()) == {"ok"}, texts(reader)
        assert "role rights" in status(reader)
        assert "2 tables" in texts(reader)
    finally:
        postgres_database.run("DROP OWNED BY share_reader; DROP ROLE share_reader")


def test_each_right_of_a_postgres_role_is_told(postgres_database: ServerDatabase) -> None:
    postgres_database.run(f"""
        GRANT TEMPORARY ON DATABASE {postgres_database.name} TO PUBLIC;
        DROP ROLE IF EXISTS share_writer;
        CREATE ROLE share_writer LOGIN PASSWORD 'pw' CREATEROLE;
        CREATE TABLE written (a int); CREATE TABLE "read" (a int);
        GRANT SELECT, UPDATE ON written TO share_writer; GRANT SELECT ON "read" TO share_writer;
        CREATE TABLE partly (a int, b int); GRANT UPDATE (b) ON partly TO share_writer;
        CREATE SCHEMA made; GRANT USAGE, CREATE ON SCHEMA made TO share_writer;
        GRANT pg_read_server_files TO share_writer;
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO share_writer;
        CREATE FUNCTION made.definer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    """)
    try:
        looked = look(at(postgres_database.owner, "share_writer", "pw"))
    finally:
        postgres_database.run("DROP OWNED BY share_writer; DROP ROLE share_writer")
    found = {name: status for name, status in status(looked).items() if name.startswith("role")}
    assert found == {
        "role attributes": "warning",
        "role membership": "failed",
        "role tables": "warning",
        "role schemas": "warning",
        "role temporary tables": "warning",
        "role functions": "failed",
        "role security definer": "warning",
        "role read-only": "warning",
    }
    told = texts(looked)
    for part in (
        "CREATEROLE", "may write 2 tables: public.partly, public.written", "may create in made",
        "pg_read_server_files", "may call pg_read_file", "made.definer",
    ):  # fmt: skip
        assert part in told


# -- MariaDB -----------------------------------------------------------------------------------------------


def test_a_mysql_administrator_fails_and_the_user_to_paste_can_only_read(
    mysql_database: ServerDatabase,
) -> None:
    mysql_database.run("CREATE TABLE t (a int)")
    looked = look(mysql_database.owner)
    found = status(looked)
    assert found["role ALL PRIVILEGES"] == "failed"
    assert found["role secure_file_priv"] == "warning"
    assert urlsplit(mysql_database.owner).password not in texts(looked)
    mysql_database.run("DROP USER IF EXISTS 'share_reader'@'%'")
    pasted(mysql_database.owner, looked.recipe, "pw")
    try:
        reader = look(at(mysql_database.owner, "share_reader", "pw"))
        assert set(status(reader).values()) == {"ok"}, texts(reader)
        assert "1 tables" in texts(reader)
        assert "max_statement_time" in texts(reader)
    finally:
        mysql_database.run("DROP USER 'share_reader'@'%'")


def test_each_right_of_a_mysql_user_is_told_without_hashes(mysql_database: ServerDatabase) -> None:
    name = mysql_database.name
    mysql_database.run(f"""
        DROP USER IF EXISTS 'share_writer'@'%'; CREATE USER 'share_writer'@'%' IDENTIFIED BY 'pw';
        CREATE TABLE IF NOT EXISTS t (a int);
        GRANT FILE, PROCESS, RELOAD ON *.* TO 'share_writer'@'%';
        GRANT SELECT, INSERT, CREATE TEMPORARY TABLES ON `{name}`.* TO 'share_writer'@'%';
        GRANT SELECT (a), UPDATE (a) ON `{name}`.t TO 'share_writer'@'%';
        CREATE PROCEDURE definer() SQL SECURITY DEFINER SELECT 1;
        GRANT EXECUTE ON PROCEDURE definer TO 'share_writer'@'%';
    """)
    try:
        looked = look(at(mysql_database.owner, "share_writer", "pw"))
    finally:
        mysql_database.run("DROP USER 'share_writer'@'%'; DROP PROCEDURE definer")
    found = {name: status for name, status in status(looked).items() if name.startswith("role")}
    assert found["role FILE"] == "failed"
    assert found["role PROCESS"] == "warning"
    assert found["role on *.*"] == "warning"
    assert found["role secure_file_priv"] == "warning"
    assert found["role routines"] == "warning"
    told = texts(looked)
    for part in ("has RELOAD", "has CREATE TEMPORARY TABLES, INSERT", "has UPDATE", "definer"):
        assert part in told
    assert "*" + "9" not in told
    assert "PASSWORD" not in told
