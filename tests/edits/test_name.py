"""What differs, by name; joins and whole queries included."""

from __future__ import annotations

import pytest
from tests.training.conftest import SCHEMA

from share_sql.edits.name import NAMED, Difference, differences
from share_sql.trajectory.from_sql import from_sql

GOLD = "SELECT name FROM store WHERE city = 'Springfield'"
BOTH = "SELECT name FROM store WHERE city = 'Bonn' AND size > 50"
COUNTED = "SELECT city, COUNT(DISTINCT name) FROM store GROUP BY city HAVING COUNT(*) > 1"
TOP = "SELECT name FROM store ORDER BY size DESC LIMIT 3"
SHARE = "SELECT CAST(SUM(size) AS REAL) * 100 / COUNT(id) FROM store"
JOINED = "SELECT store.name, sale.amount FROM store JOIN sale ON store.id = sale.store_id"
CITIES = "SELECT city FROM store WHERE size > 5 INTERSECT SELECT city FROM store WHERE size < 9"


def _differences(right: str, wrong: str) -> tuple[Difference, ...]:
    return differences(from_sql(right, SCHEMA), from_sql(wrong, SCHEMA))


PAIRS = [
    (GOLD, "SELECT name FROM store", "condition-add", "delete where"),
    (GOLD, f"{GOLD} AND size > 3", "condition-drop", "add where"),
    (GOLD, "SELECT name FROM store WHERE name = 'Springfield'", "condition-column", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city != 'Springfield'", "operator", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city = 'Bonn'", "condition-literal", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city = 'SPRINGFIELD'", "literal-case", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city = 'Springfeld'", "literal-spelling", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city LIKE '%Springfield%'", "like-equal", "substitute where"),
    (GOLD, "SELECT name FROM store WHERE city > 'Bonn'", "condition-other", "substitute where"),
    ("SELECT id FROM store WHERE city IS NULL", "SELECT id FROM store WHERE city = NULL", "null-comparison",
     "substitute where"),
    (BOTH, "SELECT name FROM store WHERE city = 'Bonn' OR size > 50", "and-or", "substitute where"),
    (GOLD, f"SELECT DISTINCT {GOLD[7:]}", "distinct-drop", "substitute select"),
    (f"SELECT DISTINCT {GOLD[7:]}", GOLD, "distinct-add", "substitute select"),
    (GOLD, GOLD.replace("name", "name, id"), "select-drop", "substitute select"),
    (GOLD.replace("name", "name, id"), GOLD, "select-add", "substitute select"),
    (GOLD.replace("name", "name, id"), GOLD.replace("name", "id, name"), "select-order", "substitute select"),
    (GOLD.replace("name", "name, id"), GOLD.replace("name", "size, city"), "select-other",
     "substitute select"),
    (GOLD, GOLD.replace("name", "city"), "select-column", "substitute select"),
    ("SELECT MAX(size) FROM store", "SELECT MAX(id) FROM store", "select-column", "substitute select"),
    ("SELECT MAX(size) FROM store", "SELECT MIN(size) FROM store", "aggregate", "substitute select"),
    ("SELECT MAX(size) FROM store", "SELECT size FROM store", "aggregate-add", "substitute select"),
    ("SELECT size FROM store", "SELECT MAX(size) FROM store", "aggregate-drop", "substitute select"),
    (COUNTED, COUNTED.replace("DISTINCT ", ""), "count-different", "substitute select"),
    (COUNTED.replace("DISTINCT ", ""), COUNTED, "count-plain", "substitute select"),
    (SHARE, SHARE.replace(" * 100", ""), "expression", "substitute select"),
    (COUNTED, COUNTED.replace(" HAVING COUNT(*) > 1", ""), "condition-add", "delete having"),
    (COUNTED, COUNTED.replace("> 1", "> 2"), "condition-literal", "substitute having"),
    (COUNTED, COUNTED.replace("GROUP BY city", "GROUP BY size"), "group-key", "substitute groupby"),
    (GOLD, f"{GOLD} GROUP BY name", "group-drop", "add groupby"),
    (f"{GOLD} GROUP BY name", GOLD, "group-add", "delete groupby"),
    (TOP, TOP.replace(" DESC", ""), "order-direction", "substitute orderby"),
    (TOP, TOP.replace("size", "id"), "order-column", "substitute orderby"),
    (TOP, TOP.replace("ORDER BY size DESC ", ""), "order-add", "delete orderby"),
    (GOLD, f"{GOLD} ORDER BY name", "order-drop", "add orderby"),
    (TOP, TOP.replace("3", "4"), "limit-count", "substitute limit"),
    (TOP, TOP.replace(" LIMIT 3", ""), "limit-add", "delete limit"),
    (GOLD, f"{GOLD} LIMIT 1", "limit-drop", "add limit"),
    (CITIES, CITIES.replace("INTERSECT", "UNION"), "set-operation", "substitute combine"),
    (JOINED, JOINED.replace("store.id =", "store.size ="), "join-key", "substitute join"),
    (JOINED, JOINED.replace("JOIN", "LEFT JOIN"), "join-inner", "substitute join"),
    (JOINED.replace("JOIN", "LEFT JOIN"), JOINED, "join-left", "substitute join"),
    ("SELECT name FROM store", "SELECT name FROM store JOIN sale ON store.id = sale.store_id", "join-drop",
     "substitute join"),
    ("SELECT name FROM store JOIN sale ON store.id = sale.store_id", "SELECT name FROM store", "join-add",
     "substitute join"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "kind", "paper"), PAIRS)
def test_a_difference_has_its_kind_and_the_paper_s_name(
    right: str, wrong: str, kind: str, paper: str
) -> None:
    assert [(found.kind, found.paper) for found in _differences(right, wrong)] == [(kind, paper)]
    assert kind in NAMED


def test_the_same_query_in_other_words_does_not_differ() -> None:
    assert _differences(GOLD, "SELECT s.name FROM store s WHERE s.city = 'Springfield'") == ()


def test_each_action_is_counted_and_joins_only_where_all_else_agrees() -> None:
    wrong = JOINED.replace("SELECT", "SELECT DISTINCT").replace("JOIN", "LEFT JOIN") + " LIMIT 1"
    assert [found.kind for found in _differences(JOINED, wrong)] == ["distinct-drop", "limit-drop"]


def test_a_subquery_more_or_less_is_a_step() -> None:
    wrong = "SELECT name FROM store WHERE id IN (SELECT store_id FROM sale WHERE amount > 3)"
    assert {"step-drop", "condition-drop"} <= {d.kind for d in _differences("SELECT name FROM store", wrong)}
    assert "step-add" in {d.kind for d in _differences(wrong, "SELECT name FROM store")}
