"""Introspection of PostgreSQL, MariaDB and DuckDB: what is read, under which names, and what is left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.servers.database import ServerDatabase, run

from share_sql.database.base import Database
from share_sql.database.open import open_database
from share_sql.errors import SchemaError
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Column, ForeignKey, Schema

POSTGRES = r"""
CREATE SCHEMA sales; CREATE SCHEMA "Odd ""name"; CREATE SCHEMA hidden;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s');
CREATE DOMAIN grade AS text CHECK (VALUE IN ('a', 'b'));
CREATE TABLE person (
    id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name varchar(20) NOT NULL, feels mood, mark grade,
    loud text GENERATED ALWAYS AS (name || '!') STORED,
    kind text CHECK (kind IN ('x', 'y')), side varchar(5) CHECK (side = 'l' OR side = 'r'),
    n int CHECK (n IN (1, 2)), price numeric(10,2), made timestamp, tags text[]
);
COMMENT ON COLUMN person.name IS 'what she is called';
CREATE TABLE sales.person (id int PRIMARY KEY, ref int REFERENCES public.person, "Mixed Case" text);
CREATE TABLE sales."order" (y int, n int, PRIMARY KEY (n, y));
CREATE TABLE line (y int, n int, FOREIGN KEY (n, y) REFERENCES sales."order" (n, y));
CREATE TABLE "Odd ""name"."a.b" (x int);
CREATE TABLE "public.dot" (x int);
CREATE TABLE "Person" ("Name" int, name int);
CREATE TABLE hidden.secret (x int);
CREATE TABLE sales.closed (x int);
CREATE TABLE sales.part (a int, b int);
CREATE TABLE event (day date, x int) PARTITION BY RANGE (day);
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE VIEW names AS SELECT name FROM person;
CREATE VIEW failing AS SELECT 1 / (n - n) AS x FROM person;
CREATE MATERIALIZED VIEW one AS SELECT 1 AS one;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE far (x int) SERVER files OPTIONS (filename '/dev/null');
GRANT USAGE ON SCHEMA sales, "Odd ""name", public TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public, sales, "Odd ""name" TO reader;
REVOKE SELECT ON sales.closed, sales.part FROM reader;
GRANT SELECT (b) ON sales.part TO reader;
REVOKE USAGE ON SCHEMA hidden FROM reader;
"""

MYSQL = """
CREATE TABLE person (
    id int PRIMARY KEY AUTO_INCREMENT, name varchar(20) NOT NULL COMMENT 'what she is called',
    feels enum('sad','it''s'), tags set('a','b'), kind text CHECK (kind IN ('x', 'y')),
    twice int AS (1 + 1) STORED, `Mixed ``q` decimal(10,2), made datetime
);
CREATE TABLE `order` (n int, y int, PRIMARY KEY (n, y));
CREATE TABLE line (
    y int, n int, person int, FOREIGN KEY (n, y) REFERENCES `order` (n, y),
    FOREIGN KEY (person) REFERENCES person (id)
);
CREATE VIEW names AS SELECT name FROM person;
CREATE TABLE gone (x int); CREATE VIEW failing AS SELECT x FROM gone; DROP TABLE gone
"""

DUCKDB = """
CREATE SCHEMA sales; CREATE TYPE mood AS ENUM ('sad', 'it''s');
CREATE TABLE person (
    id INT PRIMARY KEY, name VARCHAR NOT NULL, feels mood, kind VARCHAR CHECK (kind IN ('x', 'y')),
    side VARCHAR CHECK (side = 'l' OR side = 'r'), pair STRUCT(a INT, b VARCHAR), list INT[],
    twice INT GENERATED ALWAYS AS (id * 2), "Mixed ""q" DECIMAL(10, 2), made TIMESTAMP
);
COMMENT ON COLUMN person.name IS 'what she is called';
CREATE TABLE sales.person (x INT);
CREATE TABLE sales."order" (n INT, y INT, PRIMARY KEY (n, y));
CREATE TABLE sales.line (y INT, n INT, FOREIGN KEY (n, y) REFERENCES sales."order" (n, y));
CREATE VIEW names AS SELECT name FROM person;
CREATE TABLE gone (x INT); CREATE VIEW failing AS SELECT x FROM gone; DROP TABLE gone;
"""


@pytest.fixture(scope="module")
def postgres(postgres_database: ServerDatabase) -> Iterator[Database]:
    postgres_database.run(POSTGRES)
    with open_database(postgres_database.reader) as database:
        yield database


@pytest.fixture(scope="module")
def mysql(mysql_database: ServerDatabase) -> Iterator[Database]:
    mysql_database.run(MYSQL)
    with open_database(mysql_database.reader) as database:
        yield database


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "duck.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(DUCKDB)
    with open_database(path) as database:
        yield database


def types(schema: Schema, table: str) -> dict[str, str]:
    found = schema.table(table)
    assert found is not None
    return {column.name: column.type for column in found.columns}


def test_postgres_names(postgres: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        schema = introspect(postgres)
    names = [(table.name, table.namespace, table.own) for table in schema.tables]
    assert names == [
        *((name, "public", name) for name in ("person", "line")),
        ("public.public.dot", "public", "public.dot"),
        *((name, "public", name) for name in ("Person", "event", "names", "failing", "one", "far")),
        ('Odd "name.a.b', 'Odd "name', "a.b"),
        *((f"sales.{name}", "sales", name) for name in ("person", "order", "part")),
    ]
    assert schema.dialect == "postgres"
    assert {table.name for table in schema.tables if table.is_view} == {"names", "failing", "one"}
    assert "2 tables left out, the role may not read them" in caplog.text


def test_postgres_spellings_that_differ_in_case(postgres: Database) -> None:
    schema = introspect(postgres)
    lower, upper = schema.table("person"), schema.table("Person")
    assert lower is not None
    assert upper is not None
    assert lower is not upper
    assert [column.name for column in upper.columns] == ["Name", "name"]
    assert upper.column("Name") is upper.columns[0]
    assert upper.column("name") is upper.columns[1]


def test_postgres_columns(postgres: Database) -> None:
    schema = introspect(postgres)
    person = schema.table("person")
    assert person is not None
    assert person.primary_key == ("id",)
    assert person.columns[:4] == (
        Column("id", "integer", nullable=False, primary_key=True),
        Column("name", "character varying(20)", nullable=False, meaning="what she is called"),
        Column("feels", "mood", allowed=("sad", "ok", "it's")),
        Column("mark", "grade", allowed=("a", "b")),
    )
    assert [(column.name, column.allowed) for column in person.columns[4:8]] == [
        ("loud", ()), ("kind", ("x", "y")), ("side", ("l", "r")), ("n", ()),
    ]  # fmt: skip
    assert [column.type for column in person.columns[8:]] == [
        "numeric(10,2)", "timestamp without time zone", "text[]",
    ]  # fmt: skip
    assert types(schema, "sales.part") == {"b": "integer"}
    assert types(schema, "one") == {"one": "integer"}


def test_postgres_keys_span_namespaces(postgres: Database) -> None:
    assert introspect(postgres).foreign_keys == (
        ForeignKey("sales.person", "ref", "person", "id"),
        ForeignKey("line", "n", "sales.order", "n", group=1),
        ForeignKey("line", "y", "sales.order", "y", group=1),
    )


def test_postgres_namespaces_that_are_asked_for(postgres: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        schema = introspect(postgres, ["sales"])
    assert [table.name for table in schema.tables] == ["sales.person", "sales.order", "sales.part"]
    assert schema.foreign_keys == ()
    assert "2 foreign keys left out" in caplog.text
    with pytest.raises(SchemaError, match="has no tables in nowhere"):
        introspect(postgres, ["nowhere"])


def test_postgres_follows_the_search_path(postgres: Database, postgres_database: ServerDatabase) -> None:
    url = f"{postgres_database.reader}?options=-csearch_path%3Dsales,public"
    with open_database(url) as database:
        names = [table.name for table in introspect(database).tables]
    assert names[:4] == ["person", "order", "part", "public.person"]
    assert "line" in names


def test_mysql(mysql: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        schema = introspect(mysql)
    assert [table.name for table in schema.tables] == ["line", "names", "order", "person"]
    assert [table.name for table in schema.tables if table.is_view] == ["names"]
    assert {table.namespace for table in schema.tables} == {mysql.name}
    assert "failing left out" in caplog.text
    person = schema.table("person")
    assert person is not None
    assert person.columns[:4] == (
        Column("id", "int(11)", nullable=False, primary_key=True),
        Column("name", "varchar(20)", nullable=False, meaning="what she is called"),
        Column("feels", "enum('sad','it''s')", allowed=("sad", "it's")),
        Column("tags", "set('a','b')"),
    )
    assert list(types(schema, "person").items())[5:] == [
        ("twice", "int(11)"), ("Mixed `q", "decimal(10,2)"), ("made", "datetime"),
    ]  # fmt: skip
    assert schema.foreign_keys == (
        ForeignKey("line", "n", "order", "n", group=1),
        ForeignKey("line", "y", "order", "y", group=1),
        ForeignKey("line", "person", "person", "id"),
    )


def test_mysql_shows_checks_to_who_may_change_the_table(
    mysql: Database, mysql_database: ServerDatabase
) -> None:
    with open_database(mysql_database.owner) as database:
        column = introspect(database).column("person", "kind")
    assert column is not None
    assert column.allowed == ("x", "y")


def test_mysql_rights(
    mysql: Database, mysql_database: ServerDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    name = mysql_database.name
    mysql_database.run(
        f"CREATE USER 'half_{name}'@'%' IDENTIFIED BY 'half';"
        f"GRANT SELECT (n) ON {name}.line TO 'half_{name}'@'%';"
        f"GRANT INSERT ON {name}.person TO 'half_{name}'@'%'"
    )
    url = mysql_database.reader.replace("reader:reader@", f"half_{name}:half@")
    try:
        with open_database(url) as database, caplog.at_level(logging.WARNING):
            schema = introspect(database)
    finally:
        mysql_database.run(f"DROP USER 'half_{name}'@'%'")
    assert types(schema, "line") == {"n": "int(11)"}
    assert [table.name for table in schema.tables] == ["line"]
    assert "1 tables left out, the role may not read them" in caplog.text


def test_mysql_other_databases_are_read_where_they_are_named(
    mysql: Database, mysql_database: ServerDatabase, mysql_url: str
) -> None:
    other = f"{mysql_database.name}_b"
    run(mysql_database.owner, f"CREATE DATABASE {other}; CREATE TABLE {other}.person (x int)")
    try:
        with open_database(mysql_database.owner) as database:
            assert f"{other}.person" not in [table.name for table in introspect(database).tables]
            both = introspect(database, [database.name, other])
            assert [table.name for table in both.tables][-1] == f"{other}.person"
            assert "person" in [table.name for table in both.tables]
    finally:
        run(mysql_database.owner, f"DROP DATABASE {other}")


def test_duckdb(duck: Database) -> None:
    schema = introspect(duck)
    names = [(table.name, table.namespace, table.own) for table in schema.tables]
    assert names[:3] == [(name, "main", name) for name in ("person", "failing", "names")]
    assert set(names[3:]) == {(f"sales.{name}", "sales", name) for name in ("person", "order", "line")}
    person = schema.table("person")
    assert person is not None
    assert person.columns[:5] == (
        Column("id", "INTEGER", nullable=False, primary_key=True),
        Column("name", "VARCHAR", nullable=False, meaning="what she is called"),
        Column("feels", "ENUM('sad', 'it''s')", allowed=("sad", "it's")),
        Column("kind", "VARCHAR", allowed=("x", "y")),
        Column("side", "VARCHAR", allowed=("l", "r")),
    )
    assert list(types(schema, "person").items())[5:] == [
        ("pair", "STRUCT(a INTEGER, b VARCHAR)"), ("list", "INTEGER[]"), ("twice", "INTEGER"),
        ('Mixed "q', "DECIMAL(10,2)"), ("made", "TIMESTAMP"),
    ]  # fmt: skip
    assert schema.foreign_keys == (
        ForeignKey("sales.line", "n", "sales.order", "n", group=1),
        ForeignKey("sales.line", "y", "sales.order", "y", group=1),
    )
    assert {table.namespace for table in introspect(duck, ["sales"]).tables} == {"sales"}


def test_postgres_asks_few_queries_however_many_tables(postgres_url: str) -> None:
    from tests.servers.database import new_database

    with new_database("postgres", postgres_url) as many:
        many.run("".join(f"CREATE TABLE t{at} (id int PRIMARY KEY, name text);" for at in range(60)))
        with open_database(many.owner) as database:
            asked: list[str] = []
            query = database.query
            database.query = lambda sql, limits=None: (asked.append(sql), query(sql, limits))[1]  # type: ignore[method-assign]
            assert len(introspect(database).tables) == 60
    assert len(asked) < 10
