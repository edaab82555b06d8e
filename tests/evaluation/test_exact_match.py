"""Spider's exact set match and hardness on hand-made pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.errors import SqlUnreadable
from share_sql.evaluation.exact_match import exact_match, foreign_key_classes, hardness

SCHEMA = {"singer": ["id", "name", "age", "country_id"], "country": ["id", "name", "area"]}
COLUMNS = ["*", *(f"{table}.{name}" for table, names in SCHEMA.items() for name in names)]
SAME = foreign_key_classes(COLUMNS, [(4, 5)])
BLOCKS = [
    block.rstrip("\n").split("\n")
    for block in Path(__file__).with_name("exact_matches.txt").read_text("utf-8").split("\n== ")[1:]
]


@pytest.mark.parametrize("block", BLOCKS, ids=[block[0] for block in BLOCKS])
def test_exact_match(block: list[str]) -> None:
    _, verdict, prediction, gold = block
    matched = exact_match(prediction, gold, SCHEMA, SAME)
    assert f"{'ny'[matched]} {hardness(gold, SCHEMA)}" == verdict


def test_keys_join_the_first_class_that_holds_an_end() -> None:
    assert foreign_key_classes(["*", "a.x", "b.x", "c.x"], [(2, 1), (3, 2)]) == {
        "a.x": "a.x",
        "b.x": "a.x",
        "c.x": "a.x",
    }


def test_gold_outside_the_grammar_is_an_error() -> None:
    for gold in ("SELECT name FROM nowhere", "", "WITH c AS (SELECT 1) SELECT * FROM c"):
        with pytest.raises(SqlUnreadable):
            hardness(gold, SCHEMA)


def test_deep_nesting_is_unreadable_not_a_crash() -> None:
    deep = "SELECT name FROM singer WHERE age IN (" * 2000 + "SELECT 1" + ")" * 2000
    assert not exact_match(deep, "SELECT name FROM singer", SCHEMA)
