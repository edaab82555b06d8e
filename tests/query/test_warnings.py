"""Warnings: what is told of a query, where, and that nothing is told of what cannot be looked at.

What each kind says of right and wrong drafts stands in tests/field/warnings.txt.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stages.driving import drive, start

from share_sql.case import QueryWarning
from share_sql.database.sqlite import SqliteDatabase
from share_sql.edits.table import KINDS
from share_sql.edits.warning_rows import ROWS
from share_sql.query.examined import Examined
from share_sql.query.warnings import WARNINGS, warnings

ODD = [
    "VALUES (1), (2) LIMIT 1",
    "SELECT city FROM stores UNION SELECT city FROM customers ORDER BY 1 LIMIT 2",
    "SELECT DISTINCT city FROM stores ORDER BY region LIMIT 1",
    "SELECT DISTINCT city, region FROM stores ORDER BY region LIMIT 1",
    "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5) SELECT x FROM n ORDER BY 1 LIMIT 2",
    "SELECT city, ROW_NUMBER() OVER (PARTITION BY region ORDER BY floor_area) FROM stores LIMIT 3",
    "SELECT * FROM stores NATURAL JOIN employees LIMIT 1",
    "SELECT city FROM stores s WHERE floor_area > (SELECT AVG(1) FROM stores t WHERE t.city = s.city)",
    "SELECT e.last_name FROM employees e LEFT JOIN stores s USING (store_id) WHERE s.city = 'Jena' LIMIT 0",
    "SELECT SUM(x.floor_area) FROM (SELECT floor_area FROM stores) x, (SELECT 1 AS one) y",
    "SELECT city FROM stores LIMIT 2 OFFSET 1",
    "SELECT city FROM stores ORDER BY RANDOM() LIMIT 1",
    "SELECT city FROM stores GROUP BY 1 ORDER BY COUNT(*) LIMIT 1",
    "SELECT SUM(floor_area) / COUNT(*) FROM stores GROUP BY city",
    "SELECT 1 / 0",
    "SELECT store_name FROM stores WHERE (city, region) IN (VALUES ('Bonn', 'WEST'))",
    "SELECT store_name FROM stores WHERE city NOT IN (SELECT NULL)",
    'SELECT "no such", stores."city" FROM stores ORDER BY "no such" LIMIT 1',
    "SELECT a.city FROM stores AS a, stores AS b WHERE a.store_id BETWEEN b.store_id AND b.store_id LIMIT 1",
    "SELECT zzz FROM qqq ORDER BY 99 LIMIT 1",
]


def told(shop: SqliteDatabase, sql: str, question: str = "", evidence: str = "") -> dict[str, QueryWarning]:
    state = start(shop, question, sql, evidence)
    assert state.draft is not None
    query = state.draft.query
    assert isinstance(query, Examined)
    found = drive(warnings(query), shop, state)
    return {warning.kind: warning for warning in found}


def test_each_kind_has_its_row() -> None:
    assert {row[0] for row in ROWS} <= set(WARNINGS)
    assert all("warning" in KINDS[kind].roles for kind in WARNINGS)


@pytest.mark.parametrize("sql", ODD)
def test_odd_queries_are_looked_at_without_an_error(shop: SqliteDatabase, sql: str) -> None:
    for kind, warning in told(shop, sql).items():
        assert kind in WARNINGS
        assert warning.message
        assert "\n" not in warning.message
        if warning.place is not None:
            assert 0 <= warning.place[0] < warning.place[1] <= len(sql)


def test_a_suggestion_is_a_change_to_the_text(shop: SqliteDatabase) -> None:
    sql = "SELECT store_name FROM stores WHERE closed_on > '' ORDER BY closed_on LIMIT 1"
    assert told(shop, sql) == {}
    sql = "SELECT store_name FROM stores ORDER BY closed_on LIMIT 1"
    change = told(shop, sql)["null-first"].suggestion
    assert change is not None
    assert sql[: change.start] + change.text + sql[change.end :] == (
        "SELECT store_name FROM stores ORDER BY closed_on NULLS LAST LIMIT 1"
    )
    # What would not parse is not suggested.
    assert told(shop, sql.replace("closed_on LIMIT", "closed_on ASC LIMIT"))["null-first"].suggestion is None


def test_a_tie_counts_where_it_shows_other_rows(shop: SqliteDatabase) -> None:
    sql = "SELECT city FROM stores ORDER BY region LIMIT 1"
    assert "limit-tie" in told(shop, sql)
    assert "limit-tie" not in told(shop, sql.replace("city", "region", 1))


def test_null_sorts_first_only_where_the_order_ascends(shop: SqliteDatabase) -> None:
    sql = "SELECT store_id FROM stores WHERE closed_on IS NULL ORDER BY closed_on LIMIT 1"
    assert "null-first" in told(shop, sql)
    assert "null-first" not in told(shop, sql.replace("closed_on LIMIT", "closed_on DESC LIMIT"))


def test_a_place_ends_with_its_parenthesis(shop: SqliteDatabase) -> None:
    sql = "SELECT SUM( stores.floor_area ) FROM stores JOIN employees ON employees.store_id = stores.store_id"
    place = told(shop, sql)["join-multiplies"].place
    assert place is not None
    assert sql[slice(*place)] == "SUM( stores.floor_area )"


def test_a_cross_join_is_told_of_the_table_that_stands_apart(shop: SqliteDatabase) -> None:
    sql = "SELECT 1 FROM stores JOIN employees ON employees.store_id = stores.store_id, suppliers"
    warning = told(shop, sql)["cross-join"]
    assert "suppliers" in warning.message
    assert warning.place is not None
    assert sql[slice(*warning.place)] == "suppliers"


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_words_may_stand_in_question_and_evidence(question: str, evidence: str) -> None:
    from share_sql.query.examined import Context, unrun
    from share_sql.schema.model import Column, Schema, Table

    schema = Schema("s", (Table("t", (Column("a", "TEXT"), Column("b_id", "INTEGER"))),))
    query = unrun("SELECT b_id FROM t", Context(schema, question, evidence))
    steps = warnings(query)
    with pytest.raises(StopIteration):
        next(steps)
