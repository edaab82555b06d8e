"""What is said of a candidate that the scorer weighed."""

from __future__ import annotations

import math

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.evidence.bound_query import BoundQuery
from share_sql.evidence.compare import EDITED, SCORED, edited_features, scored_features
from share_sql.evidence.weights import load_weights
from share_sql.schema.introspect import introspect
from share_sql.sqltext import parse_select


def _told(
    *,
    forth: float = 1.5,
    mends: bool = False,
    best: bool = False,
    agreeing: int = 0,
    likely: float | None = None,
    lom_keeps: float | None = None,
) -> dict[str, float]:
    row = scored_features(
        2.0, forth=forth, mends=mends, best=best, agreeing=agreeing, likely=likely, lom_keeps=lom_keeps
    )
    told = dict(zip(SCORED, row, strict=True))
    assert told.pop("bias") == 1.0
    return {name: value for name, value in told.items() if value}


def test_a_rewritten_candidate_is_as_sure_as_its_weaker_direction() -> None:
    assert _told() == {"score": 2.0, "least": 0.5}
    assert _told(forth=0.25) == {"score": 2.0, "least": 0.25}


def test_what_else_is_told_of_a_rewritten_candidate() -> None:
    assert _told(likely=math.log(0.5), agreeing=2, mends=True) == {
        "score": 2.0, "least": 0.5, "mends": 1.0, "rows-agree": 1.0, "likely": pytest.approx(0.5),
        "likely-score": pytest.approx(1.0),
    }  # fmt: skip
    assert _told(best=True, lom_keeps=math.log(0.25)) == {
        "score": 2.0, "least": 0.5, "best": 1.0, "lom-keeps": 1.0, "lom-keeps-likely": pytest.approx(0.25),
    }  # fmt: skip


def _bound(shop: SqliteDatabase, sql: str) -> BoundQuery:
    question = "In which cities are stores?"
    return BoundQuery(parse_select(sql, "sqlite"), introspect(shop), question, "", None, load_weights())


def _edited(shop: SqliteDatabase, draft: str, edited: str, lead: float = 0.0) -> dict[str, float]:
    row = edited_features(
        _bound(shop, draft), _bound(shop, edited), score=3.0, forth=2.0, lead=lead, agreeing=1, lom_keeps=None
    )
    return dict(zip(EDITED, row, strict=True))


def test_an_edit_is_as_sure_as_its_weaker_direction(shop: SqliteDatabase) -> None:
    told = _edited(shop, "SELECT city FROM stores", "SELECT DISTINCT city FROM stores", lead=99.0)
    assert told == {
        "bias": 1.0, "score": 3.0, "least": 1.0, "lead": 6.0, "rows-agree": 1.0, "lom-keeps": 0.0,
        "lom-keeps-likely": 0.0, "drops": 0.0, "asked": 0.0,
    }  # fmt: skip


def test_an_edit_that_drops_a_column_tells_how_surely_it_was_asked_for(shop: SqliteDatabase) -> None:
    draft = "SELECT city, COUNT(*) FROM stores GROUP BY city"
    wanted = _edited(shop, draft, "SELECT COUNT(*) FROM stores GROUP BY city")
    along = _edited(shop, draft, "SELECT city FROM stores GROUP BY city")
    assert wanted["drops"] == along["drops"] == 1.0
    assert wanted["asked"] > along["asked"]
