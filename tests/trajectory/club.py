"""A small club's database: self-references, two keys to one table, quoted names, NULLs, JSON, blobs."""

from __future__ import annotations

import re
import sqlite3
from functools import cache

from share_sql.schema.model import Column, ForeignKey, Schema, Table

TABLES = """
create table team (id integer primary key, name text, city text collate nocase,
    boss integer references player (id));
create table player (id integer primary key, name text, age integer, team_id integer references team (id),
    mentor integer references player (id), "birth date" text, salary real);
create table game (id integer primary key, home integer references team (id),
    away integer references team (id), day text, score text, tags text);
create table goal (game_id integer references game (id), player_id integer references player (id),
    minute integer, "own goal?" integer default 0);
create table "order" (id integer primary key, player_id integer references player (id), "group" text,
    data blob);
create table kind (id integer primary key, kind text);
create table prize (id integer primary key, kind_id integer references kind (id), year integer, worth real);
"""

ROWS = """
insert into team values (1, 'Reds', 'Oslo', 1), (2, 'Blues', 'oslo', 4), (3, 'Greens', 'Bergen', null);
insert into player values (1, 'Ann', 30, 1, null, '1990-01-02', 10.5),
    (2, 'Bob', 25, 1, 1, '1995-05-06', null), (3, 'Cid', null, 2, 1, '1999-12-31', 7),
    (4, 'Dee', 41, 2, null, null, 20), (5, 'Eve', 25, null, 4, '1995-05-06', 3.25);
insert into game values (1, 1, 2, '2020-01-01', '2-1', '["a","b"]'), (2, 2, 1, '2020-02-01', '0-0', '["b"]'),
    (3, 1, 3, '2021-03-01', null, '[]');
insert into goal values (1, 1, 10, 0), (1, 2, 20, 0), (1, 3, 90, 1), (2, 4, 5, 0);
insert into "order" values (1, 1, 'x', x'00ff'), (2, 1, 'y', null), (3, 3, 'x', x'01');
insert into kind values (1, 'Cup'), (2, 'Medal');
insert into prize values (1, 1, 2020, 5), (2, 1, 2021, 6.5), (3, 2, 2021, null);
"""


def club() -> sqlite3.Connection:
    """The database, in memory."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES + ROWS)
    connection.create_function(
        "regexp", 2, lambda pattern, text: text is not None and bool(re.search(pattern, text))
    )
    return connection


@cache
def club_schema() -> Schema:
    """The database's schema."""
    return schema_of(club(), "club")


def schema_of(connection: sqlite3.Connection, name: str) -> Schema:
    """The schema of any database made here."""
    tables, keys = [], []
    for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
        columns = connection.execute("select * from pragma_table_info(?)", (table,)).fetchall()
        tables.append(
            Table(
                table,
                tuple(Column(row[1], row[2], not row[3], bool(row[5])) for row in columns),
                tuple(row[1] for row in columns if row[5]),
            )
        )
        found = connection.execute("select * from pragma_foreign_key_list(?)", (table,))
        keys += [ForeignKey(table, row[3], row[2], row[4]) for row in found]
    return Schema(name, tuple(tables), tuple(keys))
