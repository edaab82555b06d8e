"""Schemas and columns in few words."""

from __future__ import annotations

import pytest

from share_sql.models.roles import ROLES
from share_sql.prompts.brief import (
    brief_meaning,
    columns,
    described_columns,
    stored_tables,
    tables,
    tells_examples,
)
from share_sql.prompts.library import load_prompts
from share_sql.schema.model import Column, ColumnName, Schema, Table

SCHEMA = Schema(
    "music",
    (
        Table("singer", (Column("id"), Column("Full Name", meaning="# The Full Name column: stage name"))),
        Table("song", (Column("singer_id"),)),
    ),
)
NAMES = [ColumnName("singer", "Full Name"), ColumnName("song", "singer_id"), ColumnName("lost", "x")]


def test_a_table_is_a_line() -> None:
    assert tables(SCHEMA) == "singer(id, Full Name)\nsong(singer_id)"
    assert tables(Schema("none", ())) == ""


def test_types_and_examples_of_stored_values_stand_beside_columns() -> None:
    table = Table(
        "Shops",
        (Column("id", "integer"), Column("city", "VARCHAR(20)"), Column("opened", "date"), Column("note")),
    )
    stored = {
        ColumnName("Shops", "city"): ["Bonn", "L'Aquila", "Ulm"],
        ColumnName("Shops", "note"): ["a text of more than twenty-four characters", "two\nlines"],
        ColumnName("Shops", "opened"): [],
    }
    assert stored_tables(Schema("s", (table,)), stored) == (
        "Shops(id INTEGER, city VARCHAR 'Bonn', 'L''Aquila', opened DATE, note 'two lines')"
    )
    assert [tells_examples(column) for column in table.columns] == [False, True, True, True]


def test_columns_are_named_with_their_tables_in_the_order_given() -> None:
    assert columns(NAMES) == "singer.Full Name, song.singer_id, lost.x"
    assert columns([]) == ""


def test_a_column_without_a_meaning_is_a_name_alone() -> None:
    named, *others = described_columns(NAMES, SCHEMA).split("\n")
    assert named.startswith("singer.Full Name: ")
    assert named.endswith("stage name")
    assert others == ["song.singer_id", "lost.x"]


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        ("the price in euros", "the price in euros"),
        ("# the  price\n in euros ", "the price in euros"),
        ("'the price'", "the price"),
        ("The 'price' column in the 'car' table is of type REAL. It holds euros.", "It holds euros."),
        ("The price column of the car table is of type REAL. It holds euros.", "It holds euros."),
        ("In the car table, the price column holds euros.", "holds euros."),
        ("Within the `shop` database, in all tables, prices are in euros.",
         "in all tables, prices are in euros."),
        ("", ""),
    ],
)  # fmt: skip
def test_a_meaning_leaves_out_what_the_name_says(meaning: str, expected: str) -> None:
    assert brief_meaning(meaning) == expected


def test_a_long_meaning_is_cut_at_a_word() -> None:
    assert brief_meaning("price " * 30) == " ".join(["price"] * 18) + "…"
    assert brief_meaning("x" * 110) == "x" * 110


def test_the_brief_set_asks_what_small_models_are_trained_for() -> None:
    prompts = load_prompts("brief")
    assert set(prompts.roles) == {"bam", "sam", "lom", "drafter", "scorer"}
    for role in prompts.roles:
        values = {name: f"<{name}>" for name in ROLES[role].variables}
        (message,) = prompts.render(role, **values)
        assert message.role == "user"
        assert message.content.count("<") == len(prompts.template(role).variables)
