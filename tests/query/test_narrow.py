"""A large schema for a model that reads it whole."""

from __future__ import annotations

from share_sql.query.narrow import narrowed
from share_sql.schema.model import Column, ForeignKey, Schema, Table, ValueMatch


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column) for column in columns))


FILLERS = tuple(_table(f"log_{n}", *(f"field_{n}_{m}" for m in range(10))) for n in range(30))
SCHEMA = Schema(
    "shop",
    (
        *FILLERS[:15],
        _table("singers", "singer_id", "full_name"),
        _table("appearances", "singer_id", "show_id"),
        _table("shows", "show_id", "city"),
        *FILLERS[15:],
    ),
    (
        ForeignKey("appearances", "singer_id", "singers", "singer_id"),
        ForeignKey("appearances", "show_id", "shows", "show_id"),
        ForeignKey("log_3", "field_3_0", "shows", "show_id"),
    ),
)


def _names(schema: Schema) -> list[str]:
    return [table.name for table in schema.tables if not table.name.startswith("log_")]


def test_a_small_schema_is_left_alone() -> None:
    small = Schema("shop", SCHEMA.tables[15:18], SCHEMA.foreign_keys[:2])
    assert narrowed(small, "Which singer?") is small


def test_tables_that_the_question_names_stay_and_those_that_join_them() -> None:
    found = narrowed(SCHEMA, "Which singers were in shows?", most=16)
    assert _names(found) == ["singers", "appearances", "shows"]
    assert sum(len(table.columns) for table in found.tables) <= 16
    assert found.foreign_keys[:2] == SCHEMA.foreign_keys[:2]


def test_a_stored_value_keeps_its_table() -> None:
    value = ValueMatch("shows", "city", "Bonn", 1.0)
    assert _names(narrowed(SCHEMA, "What happened in Bonn?", [value], most=12)) == ["shows"]
    assert narrowed(SCHEMA, "What happened in Bonn?", [value], most=12).tables[-1].name != "singers"


def test_keys_of_tables_that_went_are_gone() -> None:
    found = narrowed(SCHEMA, "Which singers were in shows?", most=8)
    names = {table.name for table in found.tables}
    assert all(key.table in names and key.to_table in names for key in found.foreign_keys)


def test_a_table_wider_than_the_room_keeps_its_first_columns() -> None:
    wide = Schema("wide", (_table("only", *(f"column_{n}" for n in range(500))),))
    assert [len(table.columns) for table in narrowed(wide, "?").tables] == [160]
