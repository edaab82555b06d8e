"""A candidate beside the draft, as numbers."""

from __future__ import annotations

import pytest

from share_sql.database.base import QueryResult
from share_sql.errors import QueryError
from share_sql.judgement.features import (
    COMPARED,
    GUESSED,
    SCORED,
    compared_features,
    guessed_features,
    loses_constants,
    scored_features,
)
from share_sql.query.examined import Context, Examined
from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.sql.text import parse_select

SCHEMA = Schema(
    "music",
    (
        Table("singer", (Column("id", "int"), Column("Name", "text"), Column("Country", "text"))),
        Table("concert", (Column("id", "int"), Column("singer_id", "int"), Column("Year", "int"))),
    ),
    (ForeignKey("concert", "singer_id", "singer", "id"),),
)
QUESTION = "Which singer names have more than 3 concerts in 'Rome'?"
IDLE = "SELECT Name FROM singer JOIN concert ON singer.id = singer_id WHERE singer.id > 3"
BASE = "SELECT Name FROM singer WHERE id > 3"


def _query(sql: str, rows: list[tuple[object, ...]] | None = None, evidence: str = "") -> Examined:
    outcome = QueryError("no such table") if rows is None else QueryResult(("a",), tuple(rows))
    return Examined(
        sql, outcome, tree=parse_select(sql, "sqlite"), context=Context(SCHEMA, QUESTION, evidence)
    )


def _compared(draft: Examined, candidate: Examined) -> dict[str, float]:
    row = dict(zip(COMPARED, compared_features(draft, candidate), strict=True))
    return {name: value for name, value in row.items() if value}


def test_two_equal_queries_differ_in_nothing() -> None:
    assert _compared(_query(BASE, [("x",)]), _query(BASE, [("x",)])) == {"bias": 1.0, "same-rows": 1.0}


def test_rows_are_the_same_whatever_their_order_and_never_where_nothing_ran() -> None:
    assert "same-rows" in _compared(_query(BASE, [("x",), ("y",)]), _query(BASE, [("y",), ("x",)]))
    assert "same-rows" not in _compared(_query(BASE, [("x",)]), _query(BASE, [("y",)]))
    assert "same-rows" not in _compared(_query(BASE), _query(BASE))


@pytest.mark.parametrize(
    ("kind", "wrong", "rows"),
    [
        ("empty-result", BASE, []),
        ("null-result", BASE, [(None,), (None,)]),
        ("zero-result", BASE, [(0,)]),
        ("unknown-column", "SELECT Nme FROM singer WHERE id > 3", None),
        ("ambiguous-column", "SELECT id FROM singer JOIN concert ON singer.id = singer_id WHERE 3", None),
        ("ungrouped-column", "SELECT Name, COUNT(*) FROM singer WHERE id > 3", [("x", 1)]),
        ("join-no-key", "SELECT Name FROM singer JOIN concert ON singer.id = Year WHERE Year > 3", [("x",)]),
        ("idle-table", IDLE, [("x",)]),
        ("number-unused", "SELECT Name FROM singer", [("x",)]),
        ("fails", BASE, None),
    ],
)  # fmt: skip
def test_what_is_mended_and_what_is_made_worse(
    kind: str, wrong: str, rows: list[tuple[object, ...]] | None
) -> None:
    right, query = _query(BASE, [("x",)]), _query(wrong, rows)
    assert kind in query.kinds
    assert f"mends:{kind}" in _compared(query, right)
    assert f"adds:{kind}" not in _compared(query, right)
    assert f"adds:{kind}" in _compared(right, query)
    assert not any(name.startswith(("mends:", "adds:")) for name in _compared(right, right))


@pytest.mark.parametrize(
    ("name", "sql", "change"),
    [
        ("question-words", "SELECT id FROM singer WHERE id > 3", -0.5),
        ("question-literals", "SELECT Name FROM singer WHERE id > 3 AND Country = 'Rome'", 0.5),
        ("question-literals", "SELECT Name FROM singer WHERE id > 4", -0.5),
        ("evidence-words", "SELECT Name, Country FROM singer WHERE id > 3", 1.0),
        ("evidence-literals", "SELECT Name FROM singer WHERE id > 3 AND Country = 'IT'", 1.0),
        ("tables", "SELECT Name FROM singer JOIN concert ON singer.id = singer_id WHERE Year > 3", 1.0),
        ("select-items", "SELECT Name, id FROM singer WHERE id > 3", 1.0),
        ("conditions", "SELECT Name FROM singer WHERE id > 3 AND id < 9", 1.0),
        ("conditions", "SELECT Name FROM singer", -1.0),
        ("subqueries", "SELECT Name FROM singer WHERE id > 3 AND id IN (SELECT 1)", 1.0),
        ("limit", "SELECT Name FROM singer WHERE id > 3 LIMIT 1", 1.0),
        ("distinct", "SELECT DISTINCT Name FROM singer WHERE id > 3", 1.0),
        ("group", "SELECT Name FROM singer WHERE id > 3 GROUP BY Name", 1.0),
        ("nested-extreme", "SELECT Name FROM singer WHERE id > (SELECT MAX(3))", 1.0),
        ("length", f"{BASE} AND id > 3", 0.055),
    ],
)
def test_properties(name: str, sql: str, change: float) -> None:
    evidence = "Country is the code of a country, as in 'IT'"
    row = _compared(_query(BASE, [("x",)], evidence), _query(sql, [("y",)], evidence))
    more, less = row.get(f"more:{name}", 0.0), row.get(f"less:{name}", 0.0)
    assert more - less == pytest.approx(change, abs=0.001)
    assert not (more and less)
    assert ("select-differs" in row) == (name in ("select-items", "evidence-words"))


class _Asked:
    """A model that finds the first column asked for, and each further one by half less."""

    threshold = 0.1

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, row: object) -> float:
        self.number += 1
        return 1 / self.number


def test_the_least_asked_column_counts() -> None:
    def query(sql: str) -> Examined:
        context = Context(SCHEMA, QUESTION, "", _Asked())
        return Examined(
            sql, QueryResult(("a",), (("x",),)), tree=parse_select(sql, "sqlite"), context=context
        )

    row = _compared(query("SELECT Name FROM singer"), query("SELECT Name, id, Country FROM singer"))
    assert row["less:least-asked"] == pytest.approx(2 / 3)


# -- what the scorer weighed ---------------------------------------------------------------------------


def _scored(forth: float = 1.5, draft: str = BASE, candidate: str = BASE) -> dict[str, float]:
    ours, theirs = _query(draft, [("x",)]), _query(candidate, [("x",)])
    return dict(zip(SCORED, scored_features(ours, theirs, 2.0, forth), strict=True))


def test_a_rewritten_candidate_is_as_sure_as_its_weaker_direction() -> None:
    assert _scored() == {"bias": 1.0, "score": 2.0, "least": 0.5, "mends": 0.0}
    assert _scored(forth=0.25)["least"] == 0.25


def test_only_findings_that_blame_count_as_mended() -> None:
    assert _scored(draft="SELECT Name FROM singer")["mends"] == 1.0
    assert _scored(draft=BASE, candidate="SELECT Name FROM singer")["mends"] == 0.0
    assert _scored(draft=IDLE)["mends"] == 0.0


def _guessed(forth: float = 2.0, *, drops: bool = False) -> dict[str, float]:
    return dict(zip(GUESSED, guessed_features(3.0, forth=forth, drops=drops), strict=True))


def test_a_guess_is_as_sure_as_its_weaker_direction() -> None:
    assert _guessed() == {"bias": 1.0, "score": 3.0, "least": 1.0, "drops": 0.0, "score-drops": 0.0}
    assert _guessed(forth=0.5)["least"] == 0.5


def test_a_guess_that_drops_columns_has_a_score_of_its_own() -> None:
    assert _guessed(drops=True) == {**_guessed(), "drops": 1.0, "score-drops": 3.0}


@pytest.mark.parametrize(
    ("draft", "candidate", "loses"),
    [
        (BASE, "SELECT Name FROM singer", True),
        (BASE, "SELECT id FROM singer WHERE Country = '3'", False),
        ("SELECT Name FROM singer WHERE Country = 'rome'", "SELECT Name FROM singer", True),
        ("SELECT Name FROM singer WHERE Country = 'Oslo'", "SELECT Name FROM singer", False),
        ("SELECT Name FROM singer", BASE, False),
    ],
)
def test_constants_that_the_question_spells_out_must_stay(draft: str, candidate: str, loses: bool) -> None:
    assert loses_constants(_query(draft, []), _query(candidate, [])) == loses


def test_constants_of_the_evidence_must_stay_too() -> None:
    draft = _query("SELECT Name FROM singer WHERE Country = 'IT'", [], "Italy refers to 'IT'")
    assert loses_constants(draft, _query("SELECT Name FROM singer", [], "Italy refers to 'IT'"))
