"""Findings: what can be said against a query, where, and what must not be said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from share_sql.database.base import QueryResult
from share_sql.errors import QueryError
from share_sql.query.examined import Context, Examined
from share_sql.query.findings import Finding
from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.sql.text import parse_select

SCHEMA = Schema(
    "music",
    (
        Table("singer", (Column("id", "int"), Column("name", "text"), Column("country", "text"))),
        Table("concert", (Column("id", "int"), Column("singer_id", "int"), Column("year", "int"))),
        Table("ticket", (Column("concert_id", "int"), Column("price", "int"))),
    ),
    (
        ForeignKey("concert", "singer_id", "singer", "id"),
        ForeignKey("ticket", "concert_id", "concert", "id"),
    ),
)
ROWS = [("x",)]


class _Asked:
    """Finds the columns asked for as likely as it is told, in their order."""

    threshold = 0.1

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)

    def __call__(self, row: Sequence[float]) -> float:
        return self.scores.pop(0)


def _found(
    sql: str,
    rows: Sequence[tuple[object, ...]] | None = ROWS,
    question: str = "Which?",
    asked: _Asked | None = None,
) -> dict[str, Finding]:
    outcome = QueryError("it went wrong") if rows is None else QueryResult(("a",), tuple(rows))
    query = Examined(
        sql, outcome, tree=parse_select(sql, "sqlite"), context=Context(SCHEMA, question, "", asked)
    )
    kinds = [finding.kind for finding in query.findings]
    assert len(kinds) == len(set(kinds))
    return {finding.kind: finding for finding in query.findings}


def _at(sql: str, finding: Finding) -> str:
    """The part of the text that a finding points to."""
    assert finding.place is not None
    return sql[slice(*finding.place)]


# -- results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (None, "fails"),
        ([], "empty-result"),
        ([(None,)], "null-result"),
        ([(1, None), (2, None)], "null-result"),
        ([(0,)], "zero-result"),
        ([(0, 0.0)], "zero-result"),
        ([(1, None), (2, 3)], None),
        ([(0,), (0,)], None),
        ([(0, 1)], None),
        ([("",)], None),
    ],
)
def test_results(rows: list[tuple[object, ...]] | None, kind: str | None) -> None:
    found = _found("SELECT name FROM singer", rows)
    assert list(found) == ([kind] if kind else [])
    if kind == "fails":
        assert found[kind].message == "it does not run: it went wrong"
        assert found[kind].place is None


# -- names ---------------------------------------------------------------------------------------------


def test_an_unknown_table() -> None:
    sql = "SELECT name FROM singer JOIN singers ON 1"
    finding = _found(sql, None)["unknown-table"]
    assert finding.message == "there is no table singers"
    assert _at(sql, finding) == "singers"
    assert "unknown-table" not in _found("SELECT name FROM singer", None)


def test_an_unknown_column_of_a_query_that_does_not_run() -> None:
    sql = "SELECT singer.nam FROM singer"
    finding = _found(sql, None)["unknown-column"]
    assert finding.message == "there is no column singer.nam"
    assert _at(sql, finding) == "singer.nam"
    # Of one that runs, the schema does not tell all: a virtual table has hidden columns.
    assert "unknown-column" not in _found(sql)
    assert "unknown-column" not in _found("SELECT name FROM singer", None)


def test_an_ambiguous_column() -> None:
    sql = "SELECT id FROM singer JOIN concert ON singer.id = singer_id WHERE year > 0"
    finding = _found(sql, None)["ambiguous-column"]
    assert (finding.message, _at(sql, finding)) == ("id is in several tables", "id")
    assert "ambiguous-column" not in _found(sql.replace("SELECT id", "SELECT singer.id"))


# -- output columns ------------------------------------------------------------------------------------


def test_the_column_least_asked_for_where_that_is_below_one_half() -> None:
    sql = "SELECT name, country, id FROM singer"
    finding = _found(sql, asked=_Asked(0.9, 0.2, 0.4))["unasked-column"]
    assert finding.message == "country seems not to be asked for"
    assert _at(sql, finding) == "country"
    assert "unasked-column" not in _found(sql, asked=_Asked(0.9, 0.5, 0.6))
    assert "unasked-column" not in _found(sql)


def test_a_column_beside_an_aggregate_without_grouping() -> None:
    sql = "SELECT name, COUNT(*) FROM singer"
    finding = _found(sql)["ungrouped-column"]
    assert (finding.message, _at(sql, finding)) == (
        "name is selected beside an aggregate without grouping",
        "name",
    )
    for other in (
        "SELECT name, COUNT(*) FROM singer GROUP BY name",
        "SELECT name, country FROM singer",
        "SELECT COUNT(*), MAX(id) FROM singer",
        "SELECT name, COUNT(*) FROM singer GROUP BY name UNION SELECT 1, 2",
    ):
        assert "ungrouped-column" not in _found(other)


# -- joins ---------------------------------------------------------------------------------------------


def test_a_join_over_columns_that_are_no_key() -> None:
    sql = "SELECT name FROM singer JOIN concert ON singer.id = concert.id WHERE year > 0"
    finding = _found(sql)["join-no-key"]
    assert finding.message == "joined on singer.id = concert.id, which is no declared key"
    assert _at(sql, finding) == "singer.id = concert.id"
    for other in (
        "SELECT name FROM singer JOIN concert ON singer.id = concert.singer_id WHERE year > 0",
        "SELECT name FROM singer JOIN concert ON concert.singer_id = singer.id WHERE year > 0",
        "SELECT name FROM singer WHERE name = country",
        "SELECT name FROM singer WHERE name = 'x'",
    ):
        assert "join-no-key" not in _found(other)


def test_a_table_that_only_its_own_join_speaks_of() -> None:
    sql = "SELECT name FROM singer JOIN concert ON singer.id = concert.singer_id"
    finding = _found(sql)["idle-table"]
    assert finding.message == "concert is joined but nothing of it is used and no key needs it"
    assert _at(sql, finding) == "concert"
    for other in (
        f"{sql} WHERE year > 0",
        f"{sql} JOIN ticket ON concert.id = ticket.concert_id WHERE price > 0",  # in the middle of a chain
        "SELECT name FROM singer",
        "SELECT name, year FROM singer, concert",
    ):
        assert "idle-table" not in _found(other)


# -- the question --------------------------------------------------------------------------------------


def test_a_number_of_the_question_that_the_query_lacks() -> None:
    question = "Which singers have more than 3 concerts?"
    finding = _found("SELECT name FROM singer", question=question)["number-unused"]
    assert finding.message == "the question's “more than 3” is not in the query"
    assert finding.place is None
    for sql in ("SELECT name FROM singer WHERE id > 3", "SELECT name FROM singer WHERE id > '3.0'"):
        assert "number-unused" not in _found(sql, question=question)
    assert "number-unused" not in _found("SELECT name FROM singer", question="Which of the 3 singers?")
