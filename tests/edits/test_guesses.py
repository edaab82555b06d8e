"""Single edits of queries, on the demo's database; nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.edits.guesses import EDIT_KINDS, MOST_EDITS, single_edits
from share_sql.judgement.weights import load_weights
from share_sql.query.examined import Context, Examined, unrun
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Schema
from share_sql.sql.text import parse_select

GOLDEN = Path(__file__).with_name("golden") / "guesses.txt"
LONG = (
    "SELECT company_name, customers.city, segment, COUNT(*) FROM customers JOIN orders "
    "ON customers.customer_id = orders.customer_id "
    "JOIN employees ON orders.employee_id = employees.employee_id "
    "WHERE status = 'Pending' AND credit_limit > 100 AND salary < 5000 AND segment LIKE '%smb%' "
    "GROUP BY company_name ORDER BY COUNT(*) DESC LIMIT 1"
)


@pytest.fixture
def schema(shop: SqliteDatabase) -> Schema:
    return introspect(shop)


def _bound(query: str, schema: Schema, question: str = "") -> Examined:
    return unrun(query, Context(schema, question, "", load_weights().asked))


def _pairs() -> list[tuple[str, list[tuple[str, str]]]]:
    found = []
    for block in GOLDEN.read_text(encoding="utf-8").split("\n== ")[1:]:
        title, *lines = block.strip().splitlines()
        found.append((title, [(line.split(": ", 1)[0], line.split(": ", 1)[1]) for line in lines]))
    return found


@pytest.mark.parametrize(
    ("title", "lines"), _pairs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_golden(title: str, lines: list[tuple[str, str]], schema: Schema) -> None:
    (_, question), (_, query), (_, kind), *edits = lines
    found = single_edits(_bound(query, schema, question))
    assert [each.tree.sql("sqlite") for each in found if each.kind == kind] == [sql for _, sql in edits]


def test_the_judge_knows_every_kind_and_each_has_a_golden_pair() -> None:
    shown = {dict(lines)["kind"] for _, lines in _pairs() if "edit" in dict(lines)}
    assert shown == set(EDIT_KINDS)


TWICE = "SELECT city, city FROM stores"
"""One of its edits, the columns turned, is itself."""


@pytest.mark.parametrize("query", [LONG, TWICE, *sorted({dict(lines)["draft"] for _, lines in _pairs()})])
def test_edits_differ_from_the_query_and_from_each_other_and_leave_it_as_it_is(
    query: str, schema: Schema
) -> None:
    bound = _bound(query, schema, "How many, how long, and the most?")
    written = bound.tree.sql("sqlite")
    texts = [each.tree.sql("sqlite") for each in single_edits(bound)]
    assert len({written, *texts}) == len(texts) + 1
    assert bound.tree.sql("sqlite") == written
    assert all(parse_select(text, "sqlite").sql("sqlite") == text for text in texts)


def test_their_number_is_bounded_and_every_family_has_its_turn(schema: Schema) -> None:
    bound = _bound(LONG, schema, "Which customer has the most orders?")
    everything = single_edits(bound, most=1000)
    assert len(everything) > MOST_EDITS
    assert len(single_edits(bound)) == MOST_EDITS
    first = [each.kind for each in single_edits(bound, most=3)]
    assert first == ["select-drop", "condition-column", "order-direction"]


@pytest.mark.parametrize("query", ["SELECT nothing FROM stores", "SELECT city FROM nowhere"])
def test_a_query_whose_names_do_not_bind_has_none(query: str, schema: Schema) -> None:
    assert single_edits(_bound(query, schema)) == []
