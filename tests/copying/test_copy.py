"""A copy holds what the file holds, value for value, or says what it does not."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.copying.conftest import Make

from share_sql.copying.copy import copy_database
from share_sql.database.base import Row
from share_sql.database.open import open_database
from share_sql.errors import DatabaseMissing, DatabaseUnreadable, SchemaError, ShareError, UsageError
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ForeignKey, Schema
from share_sql.schema.quote import quoted_table


def read(target: str | Path) -> tuple[Schema, dict[str, Counter[Row]]]:
    """Schema and rows of a database, each row as often as it is there."""
    with open_database(target) as database:
        schema = introspect(database)
        rows = {
            table.name: Counter(database.query(f"SELECT * FROM {quoted_table(table, schema.dialect)}").rows)
            for table in schema.tables
        }
    return schema, rows


VALUES = """
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, whole INTEGER, wide BIGINT, part REAL, num NUMERIC(10, 2), words TEXT,
    code VARCHAR(3), bits BLOB, truth BOOLEAN, bare, none TEXT, "Mixed ""q`s % Case" TEXT
);
CREATE TABLE "order" ("select" INTEGER, "group by" TEXT);
CREATE TABLE empty (a INTEGER, b REAL, c TEXT, d BLOB);
"""
ROWS = [
    (1, 1, 2**63 - 1, 1.5, 1, "it's \\ %s\t\n\"`", "longer than three", b"\0\xff", 1, 5, None, "é 😀"),
    (2, -5, -(2**63), 1e300, 2.25, "", "  padded  ", b"", 0, None, None, " "),
    (3, None, None, -0.1, None, None, None, None, None, None, None, None),
]


def test_values_and_names_are_equal(make: Make, target: str) -> None:
    source = make(VALUES, kinds=ROWS, order=[(1, "x"), (1, "x"), (None, "NULL"), (2, "\\N")])
    copied = copy_database(str(source), target)
    assert copied.rows == {"kinds": 3, "order": 4, "empty": 0}
    assert copied.notes == ()
    was, rows = read(source)
    now, copy = read(target)
    assert copy == rows
    assert {table.name: [column.name for column in table.columns] for table in now.tables} == {
        table.name: [column.name for column in table.columns] for table in was.tables
    }


def test_many_rows(make: Make, target: str) -> None:
    rows = [(at, f"text {at % 100}" if at % 7 else None, at / 4) for at in range(25_000)]
    source = make("CREATE TABLE many (id INTEGER PRIMARY KEY, name TEXT, part REAL)", many=list(rows))
    assert copy_database(str(source), target).rows == {"many": 25_000}
    assert read(target)[1]["many"] == Counter(rows)


def test_types_are_what_is_stored(make: Make, target: str) -> None:
    source = make(
        """
        CREATE TABLE t (claimed INTEGER, wide NUMERIC, blobs TEXT, day DATE, no_day DATE, said TEXT,
                        at DATETIME, halves DATETIME);
        INSERT INTO t VALUES
            (1, 1152921504606846977, 'a', '2020-02-29', '2020-01-01', '2020-01-01',
             '2020-01-01 10:00:00', '2020-01-01 10:00:00.0'),
            ('x', 1.5, x'ff00', '2021-01-31', '2020-02-30', '2020-01-02', NULL, NULL);
        """
    )
    notes = copy_database(str(source), target).notes
    assert [note.partition(":")[0] for note in notes] == ["t.claimed", "t.wide", "t.blobs"]
    assert "holds 1 whole numbers, 1 texts: copied as text" in notes[0]
    schema, rows = read(target)
    assert rows["t"] == Counter([
        ("1", "1152921504606846977", b"a", "2020-02-29", "2020-01-01", "2020-01-01", "2020-01-01 10:00:00",
         "2020-01-01 10:00:00.0"),
        ("x", "1.5", b"\xff\x00", "2021-01-31", "2020-02-30", "2020-01-02", None, None),
    ])  # fmt: skip
    types = {column.name: column.type.lower() for column in schema.tables[0].columns}
    assert types["day"] == "date"
    assert types["at"].startswith(("timestamp", "datetime"))
    for name in ("no_day", "said", "halves", "claimed", "wide"):
        assert types[name] in ("text", "varchar"), name


KEYS = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind TEXT);
CREATE TABLE child (
    code TEXT PRIMARY KEY, parent INT REFERENCES parent, name TEXT REFERENCES parent (name),
    lost INT REFERENCES parent (id), wrong TEXT REFERENCES parent (kind), gone INT REFERENCES nowhere (id),
    other TEXT REFERENCES parent (id)
);
CREATE TABLE pair (a INT, b TEXT, PRIMARY KEY (b, a));
CREATE TABLE line (b TEXT, a INT, FOREIGN KEY (b, a) REFERENCES pair);
CREATE TABLE holes (code TEXT PRIMARY KEY);
"""


def test_keys_that_the_data_honour(make: Make, target: str) -> None:
    source = make(
        KEYS,
        parent=[(1, "a", "k"), (2, "b", "k")],
        child=[("x", 1, "a", 1, "k", 1, "t"), ("y", 2, None, 99, "k", 2, None)],
        pair=[(1, "x"), (1, "y")],
        line=[("x", 1), ("x", None)],
        holes=[(None,), ("a",)],
    )
    notes = "\n".join(copy_database(str(source), target).notes)
    schema, rows = read(target)
    assert rows == read(source)[1]
    assert {key for key in schema.foreign_keys if key.table == "child"} == {
        ForeignKey("child", "parent", "parent", "id"), ForeignKey("child", "name", "parent", "name"),
    }  # fmt: skip
    assert {(key.column, key.to_column) for key in schema.foreign_keys if key.table == "line"} == {
        ("b", "b"), ("a", "a"),
    }  # fmt: skip
    found = {table.name: table.primary_key for table in schema.tables}
    assert found == {"parent": ("id",), "child": ("code",), "pair": ("b", "a"), "line": (), "holes": ()}
    for said in (
        "child: the foreign key (lost) to parent is left out, rows refer to what is not there",
        "child: the foreign key (wrong) to parent is left out, what it refers to is no key",
        "child: the foreign key (gone) to nowhere is left out, there is no such table",
        "child: the foreign key (other) to parent is left out, the two hold different kinds of values",
        "holes: the primary key (code) is left out, 1 rows have NULL in it",
    ):
        assert said in notes


def test_keys_in_a_circle_are_copied_or_told(make: Make, target: str) -> None:
    source = make(
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b (id), up INT REFERENCES a (id));
        CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a (id));
        INSERT INTO a VALUES (1, 1, 1), (2, NULL, 1); INSERT INTO b VALUES (1, 2);
        """
    )
    notes = copy_database(str(source), target).notes
    schema, rows = read(target)
    assert rows == read(source)[1]
    assert len(schema.foreign_keys) + len(notes) == 3
    assert schema.dialect == "duckdb" or not notes


def test_keys_that_a_collation_takes_as_the_same(make: Make, target: str) -> None:
    source = make(
        "CREATE TABLE word (w TEXT PRIMARY KEY); CREATE TABLE of (w TEXT REFERENCES word (w));",
        word=[("a",), ("A",), ("ä",), ("a ",)],
        of=[("A",), ("a",)],
    )
    copy_database(str(source), target)
    schema, rows = read(target)
    assert rows == read(source)[1]
    assert len(schema.foreign_keys) == 1


def test_broken_texts_are_replaced_and_counted(make: Make, target: str) -> None:
    source = make(
        "CREATE TABLE t (a TEXT); INSERT INTO t VALUES (CAST(x'41ff42' AS TEXT)), (CAST(x'ff' AS TEXT))"
    )
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("INSERT INTO t VALUES (?)", ("nul\0in",))
        connection.commit()
    notes = copy_database(str(source), target).notes
    nul = "nul�in" if target.startswith("postgres") else "nul\0in"
    assert read(target)[1]["t"] == Counter([("A�B",), ("�",), (nul,)])
    assert "bytes that are no UTF-8 were replaced in t.a (2 values)" in notes
    assert ("a NUL character was replaced in t.a (1 values)" in notes) == target.startswith("postgres")


def test_infinity(make: Make, target: str) -> None:
    source = make("CREATE TABLE t (a REAL); INSERT INTO t VALUES (9e999), (1.5)")
    notes = copy_database(str(source), target).notes
    held = None if target.startswith("mysql") else float("inf")
    assert read(target)[1]["t"] == Counter([(held,), (1.5,)])
    assert notes == (("t.a: 1 infinite numbers are NULL",) if held is None else ())


def test_long_names_are_cut_and_told(make: Make, target: str) -> None:
    long = "t" * 70
    source = make(
        f"CREATE TABLE {long}a (id INTEGER PRIMARY KEY, {long}b TEXT, {long}c INT REFERENCES {long}a (id));"
        f"CREATE TABLE {long}b (x INT REFERENCES {long}a (id))",
        **{f"{long}a": [(1, "x", 1)], f"{long}b": [(1,)]},
    )
    notes = [note for note in copy_database(str(source), target).notes if "is called" in note]
    schema, rows = read(target)
    assert sorted(map(sorted, rows.values())) == [[(1,)], [(1, "x", 1)]]
    assert len(notes) == (0 if target.endswith(".duckdb") else 4)
    assert any(key.table != key.to_table for key in schema.foreign_keys)


def test_views_and_virtual_tables_are_told(make: Make, tmp_path: Path) -> None:
    source = make(
        "CREATE TABLE a (x INT); CREATE VIEW v AS SELECT x FROM a; CREATE VIRTUAL TABLE f USING fts5(y);"
    )
    copied = copy_database(str(source), str(tmp_path / "copy.duckdb"))
    assert list(copied.rows) == ["a"]
    assert copied.notes == ("1 views are not copied", "f: a virtual table is not copied")


def test_tables_that_are_there_are_replaced_only_where_asked(make: Make, target: str) -> None:
    old = make(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p (id))",
        p=[(1,)],
        c=[(1,)],
    )
    copy_database(str(old), target)
    new = make("CREATE TABLE P (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES P (id))", P=[(2,)])
    if not target.startswith("postgres"):
        with pytest.raises(UsageError, match=r"has tables of these names: .*--replace"):
            copy_database(str(new), target)
    again = make(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p (id))", p=[(2,)]
    )
    with pytest.raises(UsageError, match=r"has tables of these names: .*--replace"):
        copy_database(str(again), target)
    assert read(target)[1]["p"] == Counter([(1,)])
    copy_database(str(again), target, over=True)
    assert read(target)[1] == {"p": Counter([(2,)]), "c": Counter()}


def test_a_table_that_others_need_is_not_replaced(make: Make, target: str) -> None:
    both = make(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p (id))",
        p=[(1,)],
        c=[(1,)],
    )
    copy_database(str(both), target)
    before = read(target)[1]
    with pytest.raises(ShareError):
        copy_database(str(make("CREATE TABLE p (id INTEGER PRIMARY KEY)", p=[(2,)])), target, over=True)
    assert read(target)[1] == before


def test_a_copy_that_fails_is_taken_back(make: Make, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make("CREATE TABLE a (x INT); CREATE TABLE b (x INT)", a=[(1,)], b=[(1,)])

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("share_sql.copying.copy.batches", fail)
    with pytest.raises(DatabaseUnreadable, match="disk I/O error"):
        copy_database(str(source), target)
    if target.endswith(".duckdb"):
        assert not Path(target).exists()
    else:
        with open_database(target) as database, pytest.raises(SchemaError, match="no tables"):
            introspect(database)


def test_a_role_that_may_not_write(make: Make, postgres_url: str, mysql_url: str) -> None:
    from tests.servers.database import new_database

    source = make("CREATE TABLE a (x INT)", a=[(1,)])
    for kind, url in (("postgres", postgres_url), ("mysql", mysql_url)):
        with new_database(kind, url) as database:
            with pytest.raises(DatabaseUnreadable, match=r"denied.*nothing was copied") as caught:
                copy_database(str(source), database.reader)
            assert "reader:reader" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ada:hunter2@127.0.0.1:1/x", "mysql://ada:hunter2@127.0.0.1:1/x"]
)
def test_a_server_that_is_not_there(make: Make, url: str) -> None:
    source = make("CREATE TABLE a (x INT)", a=[(1,)])
    with pytest.raises(DatabaseUnreadable, match=r"ada@127.0.0.1:1/x") as caught:
        copy_database(str(source), url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://ada:hunter2@h:x/y", "mysql://ada:hunter2@h:x/y"])
def test_urls_that_are_none(make: Make, url: str) -> None:
    with pytest.raises(DatabaseUnreadable, match="this is no URL of a") as caught:
        copy_database(str(make("CREATE TABLE a (x INT)")), url)
    assert "hunter2" not in str(caught.value)


def test_sources_that_are_none(tmp_path: Path) -> None:
    target = str(tmp_path / "copy.duckdb")
    with pytest.raises(DatabaseMissing, match="no file"):
        copy_database(str(tmp_path / "none.sqlite"), target)
    (tmp_path / "text.sqlite").write_text("not a database, whatever its name says")
    with pytest.raises(DatabaseUnreadable, match="cannot be read as SQLite"):
        copy_database(str(tmp_path / "text.sqlite"), target)
    with pytest.raises(UsageError, match="no SQLite file") as caught:
        copy_database("postgresql://ada:hunter2@h/x", target)
    assert "hunter2" not in str(caught.value)
    assert not Path(target).exists()


def test_a_file_is_copied_as_it_is(make: Make, tmp_path: Path) -> None:
    source = make(VALUES + "CREATE VIEW v AS SELECT 1 AS x;", kinds=ROWS)
    place = tmp_path / "copy.sqlite"
    assert copy_database(str(source), str(place)).rows == {"kinds": 3, "order": 0, "empty": 0}
    was, rows = read(source)
    assert read(place) == (replace(was, name="copy"), rows)
    with pytest.raises(UsageError, match="--replace"):
        copy_database(str(source), str(place))
    copy_database(str(source), str(place), over=True)
    with pytest.raises(UsageError, match="is the file that is copied"):
        copy_database(str(source), str(source), over=True)
