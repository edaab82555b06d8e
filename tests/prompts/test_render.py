"""The texts in prompts have the formats that published checkpoints know."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from share_sql.dialects import DIALECTS
from share_sql.prompts.library import SHIPPED_SETS, format_template, load_prompts
from share_sql.prompts.render import (
    bam_variables,
    drafter_variables,
    fenced_trajectory,
    generator_variables,
    in_schema_order,
    judge_variables,
    lom_variables,
    reference_linked_columns,
    sam_variables,
    second_drafter_variables,
)
from share_sql.schema.model import Column, ColumnName, ForeignKey, Schema, Table

SCHEMA = Schema(
    "shop",
    (
        Table("order line", (Column("id", meaning="# the key "), Column("unit price", meaning="#price"))),
        Table("users", (Column("id", meaning="id"), Column("name", meaning=""))),
    ),
    (
        ForeignKey("order line", "id", "users", "name"),
        ForeignKey("order line", "id", "users", "id"),
    ),
)
KEY = ColumnName("order line", "id")
PRICE = ColumnName("order line", "unit price")
NAME = ColumnName("users", "name")


def test_bam_lists_columns_without_backticks_and_the_sql_on_one_line() -> None:
    assert bam_variables(
        "SELECT 1\nFROM `order line`\t----- bird -----\tshop", frozenset({NAME, PRICE}), SCHEMA
    ) == {
        "schema": "['order line.unit price', 'users.name']",
        "sql": "SELECT 1 FROM `order line`",
    }


def test_sam_shows_a_block_a_table_and_pairs() -> None:
    variables = sam_variables(
        frozenset({PRICE}), SCHEMA, question="Q", evidence="", masked_trajectory="res = df.select([MASK])"
    )
    assert variables == {
        "schema": "### Table: order line\n['`order line`.id', '`order line`.`unit price`']\n\n"
        "### Table: users\n['users.id', 'users.name']",
        "highlighted_schema": "[['order line', 'unit price']]",
        "question": "Q",
        "evidence": "",
        "masked_trajectory": "res = df.select([MASK])",
        "tables": "order line(id, unit price)\nusers(id, name)",
        "columns": "order line.unit price",
    }


def test_lom_quotes_in_descriptions_only_and_drops_one_hash() -> None:
    variables = lom_variables(
        frozenset({KEY, PRICE, NAME}), SCHEMA, question="Q", evidence="E", trajectory="T"
    )
    assert variables["schema"] == "['order line.id', 'order line.unit price', 'users.name']"
    assert (
        variables["column_description"]
        == "# `order line`.id:  the key \n# `order line`.`unit price`: price\n"
    )


def test_generator_quotes_everywhere_and_keeps_a_columns_last_key() -> None:
    variables = generator_variables([PRICE], SCHEMA, question="Q", evidence="E", trajectory="T")
    assert variables["schema"] == "['`order line`.`unit price`']"
    assert variables["foreign_keys"] == "{'order line.id': 'users.id'}"


def test_meanings_given_win_over_the_schemas() -> None:
    variables = lom_variables(
        [PRICE], SCHEMA, question="Q", evidence="E", trajectory="T", meanings={PRICE: "##raw"}
    )
    assert variables["column_description"] == "# `order line`.`unit price`: #raw\n"


def test_quotes_in_names_are_written_as_python_does() -> None:
    odd = ColumnName("t", "it's")
    assert bam_variables("SELECT 1", [odd], SCHEMA)["schema"] == '["t.it\'s"]'


def test_sets_take_schema_order_and_sequences_keep_theirs() -> None:
    unknown = ColumnName("zz", "a")
    assert in_schema_order(frozenset({unknown, NAME, KEY}), SCHEMA) == (KEY, NAME, unknown)
    assert in_schema_order([NAME, KEY], SCHEMA) == (NAME, KEY)


def test_reference_linking_goes_by_substring_and_case() -> None:
    assert reference_linked_columns("SELECT name FROM users", SCHEMA) == {NAME}
    assert reference_linked_columns("SELECT name FROM Users", SCHEMA) == frozenset()
    # 'id' occurs in 'paid': the reference is fooled, and so must its replica be
    assert ColumnName("users", "id") in reference_linked_columns("SELECT paid FROM users", SCHEMA)


def test_the_fence_is_taken_to_the_letter() -> None:
    assert fenced_trajectory("Sure!\n```SR\nres = df.count()\n```\n```SR\nx\n```") == "res = df.count()"
    assert fenced_trajectory("```python\nres = df.count()\n```") == ""


DIGESTS = {
    "generator": "c419b7407c847fe696a293a6a092e4ea796664dd275b2616b59e5ebfad135c7a",
    "judge": "cf1e25be4058dd32faa7d707cd1c0b173425468f0c9e866f4596c49beb674de5",
    "drafter": "57ab9b32332e4331dda33f53ab4d6e3fe30e864cdb8476357c01d601413daa83",
    "second_drafter": "dd786f5ba25563eaafed64c29cc5bd6150df3c6aa20ccd05e9d317c145738054",
}
"""SHA-256 of the default set's texts for SQLite, as they were when they named SQLite themselves. The
generator's is later: foreign keys, which all cases of a database share, now come before the columns."""


def filled(role: str, dialect: str) -> str:
    schema = replace(SCHEMA, dialect=dialect)
    asked = {"question": "Q", "evidence": "E"}
    variables = {
        "generator": lambda: generator_variables([PRICE], schema, trajectory="T", **asked),
        "judge": lambda: judge_variables("SELECT 1", "SELECT 2", schema, question="Q"),
        "drafter": lambda: drafter_variables(schema, values=(), **asked),
        "second_drafter": lambda: second_drafter_variables(schema, values=(), examples={}, **asked),
    }[role]()
    return "\n".join(message.content for message in load_prompts().render(role, **variables))


@pytest.mark.parametrize("role", DIGESTS)
def test_what_models_are_asked_of_sqlite_is_as_it_was(role: str) -> None:
    """The texts that published figures were measured with."""
    assert hashlib.sha256(filled(role, "sqlite").encode()).hexdigest() == DIGESTS[role]


@pytest.mark.parametrize("role", DIGESTS)
@pytest.mark.parametrize(
    ("dialect", "title", "name"),
    [
        ("postgres", "PostgreSQL", '"unit price"'),
        ("mysql", "MySQL", "`unit price`"),
        ("duckdb", "DuckDB", '"unit price"'),
    ],
)
def test_models_are_asked_for_the_databases_dialect(role: str, dialect: str, title: str, name: str) -> None:
    text = filled(role, dialect)
    assert title in text
    assert "sqlite" not in text.lower()
    # The second drafter reads names as they are, as the small models do.
    assert role in ("judge", "second_drafter") or name in text
    assert role != "generator" or f"```{dialect}" in text


@pytest.mark.parametrize("name", SHIPPED_SETS)
def test_no_template_names_a_dialect(name: str) -> None:
    for template in load_prompts(name).templates.values():
        text = format_template(template).lower()
        assert not [dialect.title for dialect in DIALECTS.values() if dialect.title.lower() in text]
