"""Perturbations: each changes one thing, and what comes out can still be parsed."""

from __future__ import annotations

import random

from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.sql.text import parse_select
from share_sql.training.perturb import PERTURBATIONS, perturb

SCHEMA = Schema(
    "s",
    (
        Table("team", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("city", "TEXT"))),
        Table("player", (Column("id", "INTEGER"), Column("name", "TEXT"), Column("team_id", "INTEGER"))),
    ),
    (ForeignKey("player", "team_id", "team", "id"),),
)
SQL = (
    "SELECT T1.name, T1.city FROM team AS T1 JOIN player AS T2 ON T2.team_id = T1.id "
    "WHERE T1.city = 'Springfield' AND T2.id > 3 AND NOT T2.name IS NULL "
    "GROUP BY T1.id ORDER BY COUNT(*) DESC"
)


def _all(sql: str, seed: int = 0) -> dict[str, str]:
    rng = random.Random(seed)
    return {name: tree.sql(dialect="sqlite") for name, tree in perturb(parse_select(sql), SCHEMA, rng)}


def test_what_applies_changes_the_query_and_can_be_parsed() -> None:
    found = _all(SQL)
    assert {"literal case", "comparison flipped", "sort key selected", "missing join"} <= set(found)
    for sql in found.values():
        assert sql != parse_select(SQL).sql(dialect="sqlite")
        parse_select(sql)


def test_a_seed_fixes_everything() -> None:
    assert _all(SQL, 7) == _all(SQL, 7)


def test_the_original_is_untouched() -> None:
    tree = parse_select(SQL)
    before = tree.sql()
    list(perturb(tree, SCHEMA, random.Random(0)))
    assert tree.sql() == before


def test_each_does_what_its_name_says() -> None:
    found = _all(SQL)
    assert "T2.id < 3" in found["comparison flipped"]
    assert "T2.id >= 3" in found["comparison strictness"]
    assert "T1.city, COUNT(*) FROM" in found["sort key selected"]
    assert "T1.name || ' ' || T1.city" in found["columns concatenated"]
    assert "player" not in found["missing join"]
    assert "T2.name = NULL" in found["compared with null"]


def test_nothing_to_hold_on_to_gives_nothing() -> None:
    assert _all("SELECT 1") == {}
    assert len(PERTURBATIONS) > 10
