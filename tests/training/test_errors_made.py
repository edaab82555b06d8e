"""Kinds of errors, the edits that make them, and drawing them in proportion."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import BenchmarkError
from share_sql.schema.model import ColumnName
from share_sql.training.edits import EDITS, Hand
from share_sql.training.error_kinds import ErrorProfile, error_kinds, measure
from share_sql.trajectory.likeness import same_trajectory
from share_sql.training.make_wrong import make_wrong
from share_sql.trajectory.from_sql import from_sql
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


@pytest.mark.parametrize(
    ("draft", "kind"),
    [
        ("SELECT name FROM store", "delete where"),
        ("SELECT name FROM store WHERE city = 'Jena'", "substitute where literal"),
        ("SELECT name FROM store WHERE city != 'Bonn'", "substitute where operator"),
        ("SELECT name FROM store WHERE name = 'Bonn'", "substitute where column"),
        ("SELECT name FROM store WHERE city = 'Bonn' AND size > 3", "add where"),
        ("SELECT DISTINCT name FROM store WHERE city = 'Bonn'", "substitute select distinct"),
        ("SELECT name, id FROM store WHERE city = 'Bonn'", "substitute select more"),
        ("SELECT city FROM store WHERE city = 'Bonn'", "substitute select column"),
        ("SELECT MAX(name) FROM store WHERE city = 'Bonn'", "substitute select aggregate"),
        ("SELECT name FROM store WHERE city = 'Bonn' LIMIT 1", "add limit"),
        ("SELECT name FROM store WHERE city = 'Bonn' ORDER BY name", "add orderby"),
        ("SELECT name FROM store WHERE city = 'Bonn' GROUP BY name", "add groupby"),
    ],
)
def test_a_draft_s_error_has_its_kind(draft: str, kind: str) -> None:
    gold = from_sql("SELECT name FROM store WHERE city = 'Bonn'", SCHEMA)
    assert error_kinds(gold, from_sql(draft, SCHEMA)) == (kind,)


def test_a_right_draft_has_no_errors() -> None:
    gold = from_sql("SELECT name FROM store WHERE city = 'Bonn'", SCHEMA)
    assert error_kinds(gold, from_sql("SELECT s.name FROM store s WHERE s.city = 'Bonn'", SCHEMA)) == ()


@pytest.mark.parametrize("kind", EDITS)
def test_each_edit_makes_its_kind_and_what_it_makes_compiles(kind: str) -> None:
    made = 0
    for number, sql in enumerate(QUERIES):
        gold = from_sql(sql, SCHEMA)
        wrong = EDITS[kind](Hand(gold, SCHEMA, random.Random(number), LITERALS))
        if wrong is None:
            continue
        made += 1
        assert kind in error_kinds(gold, wrong), sql
        assert to_sql(wrong, SCHEMA)
    assert made, "no query gives this edit anything to hold on to"


@given(st.integers(), st.sampled_from(QUERIES))
def test_what_is_made_wrong_is_wrong(seed: int, sql: str) -> None:
    gold = from_sql(sql, SCHEMA)
    for edited in make_wrong(gold, SCHEMA, ErrorProfile({}, {}), random.Random(seed), LITERALS, tries=2):
        assert edited.kinds
        assert not same_trajectory(edited.trajectory, gold)


def test_a_seed_fixes_what_is_made() -> None:
    gold = from_sql(QUERIES[0], SCHEMA)

    def made() -> list[object]:
        return list(make_wrong(gold, SCHEMA, ErrorProfile({}, {}), random.Random(5), LITERALS))

    assert made() == made()
    assert made()


def test_kinds_are_drawn_as_often_as_they_were_measured() -> None:
    profile = ErrorProfile({"delete where": 80, "add limit": 20}, {1: 9})
    counts: Counter[str] = Counter()
    for seed in range(300):
        gold = from_sql("SELECT name FROM store WHERE city = 'Bonn'", SCHEMA)
        edited = next(make_wrong(gold, SCHEMA, profile, random.Random(seed), LITERALS))
        counts.update(edited.kinds)
    assert set(counts) == {"delete where", "add limit"}
    assert 0.7 < counts["delete where"] / 300 < 0.9


def test_several_errors_are_made_where_drafts_have_several() -> None:
    profile = ErrorProfile({}, {2: 1})
    gold = from_sql(QUERIES[0], SCHEMA)
    edited = next(make_wrong(gold, SCHEMA, profile, random.Random(1), LITERALS))
    assert len(edited.kinds) == 2


def test_a_profile_is_measured_and_comes_through_json() -> None:
    gold = from_sql(QUERIES[0], SCHEMA)
    drafts = ("SELECT name FROM store", "SELECT name FROM store WHERE city = 'Bonn' AND size > 50")
    profile = measure((gold, from_sql(draft, SCHEMA)) for draft in drafts)
    assert profile == ErrorProfile({"delete where": 2}, {2: 1}, 2)
    assert ErrorProfile.from_json(profile.to_json()) == profile


def test_what_is_no_profile_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="kinds"):
        ErrorProfile.from_json({"kinds": []})
