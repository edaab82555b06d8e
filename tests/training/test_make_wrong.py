"""Queries made wrong in measured proportions."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from share_sql.edits.name import differences
from share_sql.query.examined import Context, Examined, unrun
from share_sql.schema.model import ColumnName
from share_sql.training.error_profile import ErrorProfile
from share_sql.training.make_wrong import MADE, make_wrong
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.likeness import same_trajectory
from share_sql.trajectory.to_sql import to_sql

from .conftest import SCHEMA

QUERIES = (
    "SELECT name FROM store WHERE city = 'Bonn' AND size > 50",
    "SELECT name, city FROM store ORDER BY size DESC LIMIT 2",
    "SELECT city, COUNT(DISTINCT name) FROM store GROUP BY city HAVING COUNT(*) > 1",
    "SELECT SUM(amount) FROM sale WHERE rebate > 0",
    "SELECT CAST(SUM(amount) AS REAL) * 100 / COUNT(id) FROM sale",
    "SELECT name FROM store WHERE city = 'Bonn' INTERSECT SELECT name FROM store WHERE size > 50",
    "SELECT T1.name FROM store AS T1 JOIN sale AS T2 ON T1.size = T2.id WHERE T2.amount > 3",
)
LITERALS = {ColumnName("store", "city"): ("Bonn", "Jena"), ColumnName("store", "size"): (50, 60)}


def _query(sql: str) -> Examined:
    return unrun(sql, Context(SCHEMA, ""))


@settings(deadline=None)
@given(st.integers(), st.sampled_from(QUERIES))
def test_what_is_made_wrong_is_wrong_and_compiles(seed: int, sql: str) -> None:
    gold = from_sql(sql, SCHEMA)
    for made in make_wrong(_query(sql), ErrorProfile({}, {}), random.Random(seed), LITERALS, tries=2):
        assert set(made.kinds) <= set(MADE)
        assert made.trajectory == from_sql(made.sql, SCHEMA)
        assert not same_trajectory(made.trajectory, gold)
        assert differences(gold, made.trajectory)
        assert to_sql(made.trajectory, SCHEMA)


def test_a_seed_fixes_what_is_made() -> None:
    def made() -> list[object]:
        return list(make_wrong(_query(QUERIES[0]), ErrorProfile({}, {}), random.Random(5), LITERALS))

    assert made() == made()
    assert made()


def test_kinds_are_drawn_as_often_as_they_were_measured() -> None:
    profile = ErrorProfile({"condition-add": 80, "limit-drop": 20}, {1: 9})
    counts: Counter[str] = Counter()
    for seed in range(300):
        query = _query("SELECT name FROM store WHERE city = 'Bonn'")
        counts.update(next(make_wrong(query, profile, random.Random(seed), LITERALS)).kinds)
    assert set(counts) == {"condition-add", "limit-drop"}
    assert 0.7 < counts["condition-add"] / 300 < 0.9


def test_where_no_measured_kind_applies_another_is_made() -> None:
    profile = ErrorProfile({"set-operation": 1}, {1: 1})
    made = next(make_wrong(_query(QUERIES[0]), profile, random.Random(1), LITERALS))
    assert set(made.kinds) <= set(MADE) - {"set-operation"}


def test_several_errors_are_made_where_drafts_have_several_and_none_undoes_another() -> None:
    for seed in range(40):
        made = next(make_wrong(_query(QUERIES[0]), ErrorProfile({}, {2: 1}), random.Random(seed), LITERALS))
        assert len(made.kinds) == 2
    profile = ErrorProfile({"operator": 1}, {2: 1})
    query = _query("SELECT name FROM store WHERE city = 'Bonn'")
    for seed in range(40):
        made = next(make_wrong(query, profile, random.Random(seed), {}))
        assert "city = 'Bonn'" not in made.sql or made.kinds != ("operator", "operator")


def test_at_most_three_errors_are_made() -> None:
    made = next(make_wrong(_query(QUERIES[2]), ErrorProfile({}, {40: 1}), random.Random(0), LITERALS))
    assert len(made.kinds) == 3
