from __future__ import annotations

import logging

import pytest
from tests.schema.conftest import Make

from share_sql.errors import SchemaError
from share_sql.schema.introspect import introspect, merge
from share_sql.schema.model import Column, ForeignKey, Schema, Table

SHOP = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, "home city" TEXT);
CREATE TABLE "order" (number INT, year INT, customer INTEGER REFERENCES customer, PRIMARY KEY (year, number));
CREATE TABLE line (
    year INT, number INT, item TEXT, price REAL, total AS (price * 2),
    FOREIGN KEY (year, number) REFERENCES "order",
    FOREIGN KEY (ITEM) REFERENCES Item (CODE)
);
CREATE TABLE item (code TEXT PRIMARY KEY);
CREATE VIEW dear AS SELECT name, price FROM customer, line;
"""


def test_tables_columns_and_keys(make: Make) -> None:
    schema = introspect(make(SHOP))
    assert (schema.name, schema.dialect) == ("shop", "sqlite")
    assert [table.name for table in schema.tables] == ["customer", "order", "line", "item", "dear"]
    customer, order, line, _, dear = schema.tables
    assert customer.columns == (
        Column("id", "INTEGER", primary_key=True),
        Column("name", "VARCHAR(20)", nullable=False),
        Column("home city", "TEXT"),
    )
    assert order.primary_key == ("year", "number")
    assert [column.name for column in line.columns][-1] == "total"
    assert dear.is_view
    assert [column.name for column in dear.columns] == ["name", "price"]


def test_foreign_keys(make: Make) -> None:
    assert introspect(make(SHOP)).foreign_keys == (
        ForeignKey("order", "customer", "customer", "id"),
        ForeignKey("line", "year", "order", "year", group=1),
        ForeignKey("line", "number", "order", "number", group=1),
        ForeignKey("line", "item", "item", "code"),
    )


def test_dangling_keys_are_left_out_with_a_warning(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    script = """
        CREATE TABLE a (x REFERENCES gone, y REFERENCES b (nope), z REFERENCES b);
        CREATE TABLE b (w);
    """
    with caplog.at_level(logging.WARNING):
        assert introspect(make(script)).foreign_keys == ()
    assert [record.args[1:] for record in caplog.records if record.args] == [
        ("a", "z", "b", None),
        ("a", "y", "b", "nope"),
        ("a", "gone"),
    ] or len(caplog.records) == 3


def test_a_broken_view_is_left_out_alone(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    script = 'CREATE TABLE "it\'s" (x); CREATE TABLE b (y); CREATE VIEW v AS SELECT y FROM b; DROP TABLE b;'
    with caplog.at_level(logging.WARNING):
        schema = introspect(make(script))
    assert [table.name for table in schema.tables] == ["it's"]
    assert "v left out" in caplog.text


def test_names_that_need_quotes(make: Make) -> None:
    schema = introspect(make("""CREATE TABLE "a ""b' (c)" ("select" INT, "é [x]" TEXT)"""))
    assert schema.tables[0].name == "a \"b' (c)"
    assert [column.name for column in schema.tables[0].columns] == ["select", "é [x]"]


def test_sqlites_own_tables_are_left_out(make: Make) -> None:
    schema = introspect(make("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)"))
    assert [table.name for table in schema.tables] == ["a"]


def test_a_database_without_tables(make: Make) -> None:
    with pytest.raises(SchemaError, match="no tables"):
        introspect(make("CREATE TABLE a (x); DROP TABLE a;"))


def test_merge_completes_keys_and_keeps_the_live_spelling(caplog: pytest.LogCaptureFixture) -> None:
    live = Schema(
        "file",
        (
            Table("Singer", (Column("ID", ""), Column("Name", "TEXT"))),
            Table("Song", (Column("Singer_ID", "INT"), Column("album", "INT"))),
            Table("Album", (Column("id", "INT", primary_key=True),), primary_key=("id",)),
        ),
        (ForeignKey("Song", "album", "Album", "id"),),
    )
    declared = Schema(
        "music",
        (
            Table("singer", (Column("id", "number", primary_key=True), Column("gone")), primary_key=("id",)),
            Table("song", (Column("singer_id"), Column("album", meaning="the album"))),
            Table("album", (Column("ID"),), primary_key=("ID",)),
        ),
        (
            ForeignKey("song", "singer_id", "singer", "id"),
            ForeignKey("song", "ALBUM", "album", "ID"),
            ForeignKey("singer", "gone", "album", "id"),
        ),
    )
    with caplog.at_level(logging.WARNING):
        merged = merge(live, declared)
    assert merged.name == "music"
    assert [table.name for table in merged.tables] == ["Singer", "Song", "Album"]
    assert merged.tables[0].primary_key == ("ID",)
    assert merged.column("singer", "id") == Column("ID", "number", primary_key=True)
    assert merged.column("song", "album") == Column("album", "INT", meaning="the album")
    assert merged.foreign_keys == (
        ForeignKey("Song", "album", "Album", "id"),
        ForeignKey("Song", "Singer_ID", "Singer", "ID"),
    )
    assert caplog.text.count("gone") == 2
