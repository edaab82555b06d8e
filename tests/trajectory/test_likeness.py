from __future__ import annotations

import pytest

from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.likeness import same_trajectory
from tests.training.conftest import SCHEMA

JOINED = "FROM store AS T1 JOIN sale AS T2 ON T1.id = T2.store_id"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT name FROM store WHERE city = 'Bonn'", "select s.NAME from STORE s where s.city='Bonn'"),
        ("SELECT name AS n FROM store", "SELECT name FROM store"),
        ("SELECT COUNT(*) FROM sale", "SELECT COUNT(*) AS sales FROM sale"),
        (f"SELECT amount {JOINED}", "SELECT amount FROM sale JOIN store ON store.id = store_id"),
        (
            f"SELECT amount {JOINED} AND T1.size = T2.id",
            "SELECT amount FROM sale a JOIN store b ON a.id = b.size AND a.store_id = b.id",
        ),
        (
            "SELECT name FROM store WHERE city = 'Bonn' AND size > 1",
            "SELECT name FROM store WHERE size > 1 AND city = 'Bonn'",
        ),
    ],
)
def test_what_changes_no_rows_makes_no_difference(one: str, other: str) -> None:
    assert same_trajectory(from_sql(one, SCHEMA), from_sql(other, SCHEMA))


@pytest.mark.parametrize(
    "other",
    [
        "SELECT name FROM store WHERE city = 'Jena'",
        "SELECT city FROM store WHERE city = 'Bonn'",
        "SELECT DISTINCT name FROM store WHERE city = 'Bonn'",
        "SELECT name FROM store",
        "SELECT name FROM store WHERE city = 'Bonn' LIMIT 1",
        "SELECT name, city FROM store WHERE city = 'Bonn'",
    ],
)
def test_what_may_change_rows_makes_one(other: str) -> None:
    gold = from_sql("SELECT name FROM store WHERE city = 'Bonn'", SCHEMA)
    assert not same_trajectory(gold, from_sql(other, SCHEMA))


def test_the_kind_of_join_counts() -> None:
    inner = from_sql(f"SELECT name, amount {JOINED} AND T1.size = T2.id", SCHEMA)
    left = from_sql(
        f"SELECT name, amount {JOINED} AND T1.size = T2.id".replace("JOIN", "LEFT JOIN"),
        SCHEMA,
    )
    assert not same_trajectory(inner, left)
