"""What is wrong with a query, in few words."""

from __future__ import annotations

import pytest

from share_sql.edits.error_kinds import ERROR_KINDS, WORDS, error_words
from share_sql.edits.name import NAMED
from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.trajectory.from_sql import from_sql

SCHEMA = Schema(
    "music",
    (
        Table("singer", (Column("id"), Column("name"), Column("age"))),
        Table("song", (Column("id"), Column("title"), Column("singer_id"))),
    ),
    (ForeignKey("song", "singer_id", "singer", "id"),),
)
RIGHT = "SELECT name FROM singer WHERE age > 30 ORDER BY age DESC LIMIT 1"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("SELECT name, age FROM singer WHERE age > 30 ORDER BY age DESC LIMIT 1", "output"),
        ("SELECT name FROM singer ORDER BY age DESC LIMIT 1", "condition"),
        ("SELECT name FROM singer WHERE age > 40 ORDER BY age DESC LIMIT 1", "value"),
        ("SELECT name FROM singer WHERE age > 30 ORDER BY age LIMIT 1", "order"),
        ("SELECT name FROM singer WHERE age >= 30", "condition, order"),
        ("SELECT title FROM song", "output, condition, table, order"),
        ("SELECT COUNT(name) FROM singer WHERE age > 30 ORDER BY age DESC LIMIT 1", "aggregate"),
    ],
)
def test_words_of_what_is_wrong(wrong: str, words: str) -> None:
    assert ", ".join(error_words(from_sql(RIGHT, SCHEMA), from_sql(wrong, SCHEMA), SCHEMA)) == words


def test_queries_that_say_the_same_differ_in_something_else() -> None:
    assert error_words(from_sql(RIGHT, SCHEMA), from_sql(RIGHT, SCHEMA), SCHEMA) == ("other",)


def test_a_kind_has_one_word() -> None:
    every = [kind for members in ERROR_KINDS.values() for kind in members]
    assert len(every) == len(set(every))
    assert set(every) <= NAMED
    assert WORDS[0] == "nothing"
