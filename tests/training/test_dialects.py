"""Training data over databases of other kinds: made up as DuckDB files, by URL, or known by schema alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from share_sql.cli.main import cli
from share_sql.errors import UsageError
from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.training.made_up import ROWS, Witness, made_up_file, write_made_up
from share_sql.training.sources import Source, SourceFiles, load_source
from share_sql.training.teacher import teach
from share_sql.training.validate import Validator

from .conftest import CASES, SCHEMA, write_cases, write_tables

duckdb = pytest.importorskip("duckdb")

TYPED = Schema(
    "typed",
    (
        Table(
            'odd "name"',
            (
                Column("id", "INTEGER", primary_key=True),
                Column("at", "datetime"),
                Column("on", "date"),
                Column("n", "decimal(10,2)"),
                Column("t"),
            ),
            ("id",),
        ),
    ),
    dialect="duckdb",
)


def rows_of(path: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return list(connection.execute(sql).fetchall())


def source(tmp_path: Path, **more: Any) -> Source:
    return load_source(
        SourceFiles(
            "shop",
            "bird",
            cases=str(write_cases(tmp_path / "cases.jsonl", CASES)),
            tables=str(write_tables(tmp_path / "tables.json")),
            **more,
        )
    )


def test_a_duckdb_file_is_made_up_with_the_same_rows_as_any(tmp_path: Path) -> None:
    witness = Witness(((ColumnName("store", "city"), "=", "Bonn"), (ColumnName("sale", "amount"), ">", 6)))
    path = tmp_path / made_up_file("made", "duckdb")
    write_made_up(replace(SCHEMA, dialect="duckdb"), (witness,), path)
    assert path.name == "made.duckdb"
    assert rows_of(path, "SELECT count(*), count(DISTINCT id) FROM store") == [(ROWS + 1, ROWS + 1)]
    joined = "FROM store JOIN sale ON store.id = sale.store_id WHERE city = 'Bonn' AND amount > 6"
    assert rows_of(path, f"SELECT count(*) > 0 {joined}") == [(True,)]


def test_types_are_held_to_and_what_does_not_fit_is_null(tmp_path: Path) -> None:
    odd = 'odd "name"'
    witness = Witness(((ColumnName(odd, "n"), "=", "no number"), (ColumnName(odd, "t"), "=", "it's")), "2011")
    write_made_up(TYPED, (witness,), tmp_path / "typed.duckdb")
    (first,) = rows_of(
        tmp_path / "typed.duckdb", 'SELECT n, t, year("on"), year("at") FROM "odd ""name""" LIMIT 1'
    )
    assert first == (None, "it's", 2011, 2011)


@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
def test_rows_are_not_made_up_where_databases_are_no_files(dialect: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"files, of SQLite or DuckDB, and (PostgreSQL|MySQL) has none"):
        source(tmp_path, made_up=str(tmp_path / "made_up"), dialect=dialect)


def test_a_teacher_over_made_up_duckdb_files(tmp_path: Path) -> None:
    made = source(tmp_path, made_up=str(tmp_path / "made_up"), dialect="duckdb")
    rows = teach(made, tmp_path / "data")
    assert (tmp_path / "made_up" / "shop.duckdb").is_file()
    assert [row.proof for row in rows] == ["made-up rows"] * 4 + [""]
    assert made.schema("shop").dialect == "duckdb"
    right = Validator(made).right
    gold = "SELECT name FROM store WHERE city = 'Bonn'"
    assert right("shop", "SELECT name FROM store QUALIFY city = 'Bonn' OR row_number() OVER () < 0", gold)[
        1
    ] == ("made-up rows")
    made.close()
    again = load_source(SourceFiles.of(tmp_path / "data"))
    assert again.files.dialect == "duckdb"
    again.close()


@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
def test_a_schema_alone_has_a_dialect_too(dialect: str, tmp_path: Path) -> None:
    known = source(tmp_path, dialect=dialect)
    rows = teach(known, tmp_path / "data")
    assert known.schema("shop").dialect == dialect
    assert [row.proof for row in rows][:4] == ["trajectory"] * 4
    known.close()


def test_databases_by_url(tmp_path: Path) -> None:
    (tmp_path / "dbs").mkdir()
    write_made_up(replace(SCHEMA, dialect="duckdb"), (), tmp_path / "dbs" / "shop.duckdb")
    live = source(
        tmp_path, databases=f"duckdb:///{tmp_path}/dbs/{{name}}.duckdb", made_up=str(tmp_path / "m")
    )
    assert not live.made_up
    assert live.schema("shop").dialect == "duckdb"
    assert {row.proof for row in teach(live, tmp_path / "data")} <= {"rows", "trajectory", ""}
    live.close()


def test_the_verb_takes_a_dialect_and_keeps_no_password(tmp_path: Path) -> None:
    cases, tables = write_cases(tmp_path / "c.jsonl", CASES), write_tables(tmp_path / "tables.json")
    common = ["data", "teacher", str(tmp_path / "out"), "--cases", str(cases), "--tables", str(tables)]
    done = CliRunner().invoke(cli, [*common, "--databases", "mysql://u:hidden@h/{name}"])
    assert done.exit_code == 2
    assert "leave the password out of --databases" in " ".join(done.output.split())
    assert "hidden" not in done.output
    done = CliRunner().invoke(cli, [*common, "--dialect", "duckdb", "--made-up", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["proofs"] == {"made-up rows": 4}
    assert json.loads((tmp_path / "out" / "source.json").read_text())["dialect"] == "duckdb"
